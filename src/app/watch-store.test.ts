import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { dataDir } from "../../test/e2e/harness.ts";
import { type RebuildWorld, rebuildWorld } from "../../test/fakes/rebuild-world.ts";
import type { Duties } from "../duties.ts";
import { Fault } from "../faults.ts";
import { type Log, silentLog } from "../log.ts";
import { openEmbeddedMemory } from "../memory/embedded/embedded-memory.ts";
import type { Memory } from "../memory/memory.ts";
import { knowsSink, ownSink } from "./follow-sink.ts";
import { StoreWatch, type WatchedParts } from "./watch-store.ts";
import { WorkPresence } from "./work.ts";

const never = new AbortController().signal;

/** What a test may change about the watch's surroundings while it runs. */
interface Surroundings {
  /** Every call of the store throws it. */
  storeFault: Fault | undefined;
  /** False: another process has every duty. */
  isDutyFree: boolean;
  /** True: another process, which has another memory, works. */
  isWorkTaken: boolean;
  list: Memory["list"];
  readonly holds: string[];
  readonly releases: string[];
  /** Codes of the faults that were logged for a person to wait, or to act. */
  readonly warnings: string[];
  readonly errors: string[];
}

/** A watch over a world of `accountCount` synced accounts, not started. */
async function watched(t: TestContext, accountCount: number) {
  const world = rebuildWorld(t, accountCount);
  await world.enqueue(world.crm.accountIds);
  await world.work();
  world.forgetCounts();
  const around: Surroundings = {
    ...{ storeFault: undefined, isDutyFree: true, isWorkTaken: false, holds: [], releases: [] },
    ...{ warnings: [], errors: [] },
    list: (options, signal) => world.memory.list(options, signal),
  };
  const watch = new StoreWatch(partsOf(world, around), { clock: world.clock, log: logTo(around) });
  t.after(() => watch.close());
  return { world, around, watch };
}

function partsOf(world: RebuildWorld, around: Surroundings): WatchedParts {
  const reach = () => {
    if (around.storeFault !== undefined) throw around.storeFault;
    return world.engine;
  };
  const duties: Duties = {
    hold: async (name) => {
      reach();
      around.holds.push(name);
      return around.isDutyFree && !(name === "work" && around.isWorkTaken);
    },
    release: async (name) => {
      reach();
      around.releases.push(name);
    },
  };
  const sealed = {
    read: async (name: string) => reach().sealed.read(name),
    write: async (name: string, text: string) => reach().sealed.write(name, text),
  };
  const { ledger, queue } = world.engine;
  const memory = { ...world.memory, list: (...wish: Parameters<Memory["list"]>) => around.list(...wish) };
  return { engine: { sealed, ledger, queue, duties }, memory };
}

function logTo({ warnings, errors }: Pick<Surroundings, "warnings" | "errors">): Log {
  const into =
    (codes: string[]): Log["warn"] =>
    ({ fault }) => {
      if (fault !== undefined) codes.push(String(fault));
    };
  return { ...silentLog, warn: into(warnings), error: into(errors) };
}

/** Lets everything that needs no time happen. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(world: RebuildWorld, ms: number): Promise<void> {
  await world.clock.advance(ms);
  await rest();
}

/** What has become of a promise by now. */
async function stateOf(promise: Promise<void>): Promise<string> {
  let state = "pending";
  void promise.then(() => {
    state = "resolved";
  });
  await rest();
  return state;
}

test("a store that lost everything under running workers has its ledger rebuilt within 15 s, and nothing is written", async (t) => {
  const { world, watch } = await watched(t, 30);
  watch.start();
  await watch.followed;
  await world.work();
  world.flushEngine();
  assert.equal((await world.engine.ledger.list({ limit: 1 })).length, 0);
  await pass(world, 15_000);
  assert.equal(await knowsSink(world.engine.sealed), true);
  assert.equal((await world.engine.ledger.totals()).indexed, 30);
  assert.equal((await world.engine.view.stats()).size, 30);
  await world.work();
  assert.equal(world.puts.length, 0);
});

test("a store that is away is waited for, told of once, and followed within a second of its return", async (t) => {
  const { world, around, watch } = await watched(t, 1);
  around.storeFault = new Fault("STORE_UNAVAILABLE", "reading");
  watch.start();
  for (let second = 0; second < 300; second += 1) await world.clock.advance(1_000);
  assert.equal(await stateOf(watch.followed), "pending");
  assert.deepEqual(around.warnings, ["STORE_UNAVAILABLE"]);
  around.storeFault = undefined;
  await pass(world, 1_000);
  assert.equal(await stateOf(watch.followed), "resolved");
});

test("a memory that was made anew is noticed by the first look", async (t) => {
  const { world, around, watch } = await watched(t, 5);
  watch.start();
  await watch.followed;
  await world.work();
  await watch.close();
  await world.loseMemory();
  const next = new StoreWatch(partsOf(world, around), { clock: world.clock, log: silentLog });
  next.start();
  await next.followed;
  await next.close();
  await world.work();
  assert.equal(world.puts.length, 5);
});

test("a worker with another memory waits until those who work with theirs have ended, then has every account written", async (t) => {
  const { world, around, watch } = await watched(t, 5);
  watch.start();
  await watch.followed;
  await world.work();
  await watch.close();
  await world.loseMemory();
  around.isWorkTaken = true;
  const next = new StoreWatch(partsOf(world, around), { clock: world.clock, log: logTo(around) });
  t.after(() => next.close());
  next.start();
  for (let second = 0; second < 60; second += 1) await pass(world, 1_000);
  assert.equal(await stateOf(next.followed), "pending");
  assert.deepEqual([around.errors, around.warnings, world.puts.length], [["SINK_MISMATCH"], [], 0]);
  around.isWorkTaken = false;
  await pass(world, 1_000);
  assert.equal(await stateOf(next.followed), "resolved");
  await world.work();
  assert.equal(world.puts.length, 5);
});

test("while another process is at it, it is left to do it; what it did counts", async (t) => {
  const { world, around, watch } = await watched(t, 3);
  const other = new StoreWatch(partsOf(world, { ...around, isDutyFree: true }), {
    clock: world.clock,
    log: silentLog,
  });
  around.isDutyFree = false;
  watch.start();
  await pass(world, 1_000);
  assert.equal(await stateOf(watch.followed), "pending");
  assert.equal(await knowsSink(world.engine.sealed), false);
  other.start();
  await other.followed;
  await other.close();
  await pass(world, 1_000);
  assert.equal(await stateOf(watch.followed), "resolved");
  assert.deepEqual(new Set(around.holds), new Set(["sink"]));
});

test("a long rebuild keeps its duty, and gives it back at the end", async (t) => {
  const { world, around, watch } = await watched(t, 3);
  const listed = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  around.list = async (options, signal) => {
    begun.resolve();
    await listed.promise;
    return world.memory.list(options, signal);
  };
  watch.start();
  await begun.promise;
  for (let step = 0; step < 5; step += 1) await pass(world, 10_000);
  assert.deepEqual([around.holds.length, around.releases.length], [6, 0]);
  listed.resolve();
  await watch.followed;
  await rest();
  assert.deepEqual(around.releases, ["sink"]);
  assert.equal((await world.engine.ledger.list({ limit: 10 })).length, 3);
  await pass(world, 10_000);
  assert.equal(around.holds.length, 6, "and holds it no longer");
});

test("closing ends a rebuild under way and gives the duty back; the next start does it whole", async (t) => {
  const { world, around, watch } = await watched(t, 3);
  const begun = Promise.withResolvers<void>();
  around.list = (_options, signal) => {
    begun.resolve();
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  watch.start();
  await begun.promise;
  await watch.close();
  assert.deepEqual(around.releases, ["sink"]);
  assert.equal(await stateOf(watch.followed), "pending");
  assert.deepEqual(around.warnings, []);
  around.list = (options) => world.memory.list(options, never);
  const next = new StoreWatch(partsOf(world, around), { clock: world.clock, log: silentLog });
  next.start();
  await next.followed;
  await next.close();
  assert.equal((await world.engine.ledger.list({ limit: 10 })).length, 3);
});

test("closing before it was started ends at once, and twice", async (t) => {
  const { watch } = await watched(t, 0);
  await watch.close();
  await watch.close();
});

/** The duties of several processes on one store. `lose` = what a loss of the store, or an outage beyond their leases, leaves of them. */
function sharedDuties({ clock }: Pick<RebuildWorld, "clock">) {
  const leases = new Map<string, { readonly owner: string; readonly endsAt: number }>();
  const dutiesOf = (owner: string): Duties => ({
    hold: async (name, leaseMs) => {
      const held = leases.get(name);
      if (held !== undefined && held.owner !== owner && held.endsAt > clock.now()) return false;
      leases.set(name, { owner, endsAt: clock.now() + leaseMs });
      return true;
    },
    release: async (name) => {
      if (leases.get(name)?.owner === owner) leases.delete(name);
    },
  });
  const heldBy = (owner: string) => [...leases].flatMap(([name, held]) => (held.owner === owner ? [name] : []));
  return { dutiesOf, heldBy, lose: () => leases.clear() };
}

/** Two workers with the world's memory, of which the ledger speaks, and a third with an empty one. */
async function strangerWorld(t: TestContext) {
  const world = rebuildWorld(t, 5);
  const duties = sharedDuties(world);
  const folder = dataDir();
  const other = openEmbeddedMemory({ path: join(folder.path, "other.db"), clock: world.clock, log: silentLog });
  t.after(async () => {
    await other.close();
    folder.dispose();
  });
  const processOf = (owner: string, memory: Memory) => {
    const around = { warnings: [] as string[], errors: [] as string[] };
    const log = logTo(around);
    const { sealed, ledger, queue, counters } = world.engine;
    const parts = { engine: { sealed, ledger, queue, duties: duties.dutiesOf(owner) }, memory };
    const watch = new StoreWatch(parts, { clock: world.clock, log });
    const deps = { clock: world.clock, log, counters, duties: parts.engine.duties };
    const presence = new WorkPresence(deps, () => watch.isOurs);
    const end = async () => {
      await watch.close();
      await presence.close();
    };
    t.after(end);
    return { ...around, parts, watch, presence, end, sink: ownSink(parts, world) };
  };
  const begin = async (owner: string) => {
    const worker = processOf(owner, world.memory);
    worker.watch.start();
    await worker.watch.followed;
    await worker.presence.start();
    return worker;
  };
  const [one, two] = [await begin("one"), await begin("two")];
  await world.enqueue(world.crm.accountIds);
  await world.work();
  world.forgetCounts();
  const stranger = processOf("stranger", other);
  const passSeconds = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) await pass(world, 1_000);
  };
  return { world, duties, one, two, stranger, begin, passSeconds, other };
}

test("a worker that ends leaves the ledger to none but its own while another works, whichever of them it was", async (t) => {
  const { world, duties, one, two, stranger, passSeconds } = await strangerWorld(t);
  assert.deepEqual([duties.heldBy("one"), duties.heldBy("two")], [["work"], ["work:2"]]);
  stranger.watch.start();
  await passSeconds(3);
  await one.end();
  await passSeconds(60);
  assert.deepEqual(stranger.errors, ["SINK_MISMATCH"]);
  assert.equal(await stateOf(stranger.watch.followed), "pending");
  assert.deepEqual(duties.heldBy("two"), ["work"], "the one that commands ask for");
  assert.equal(await two.sink.knows(), true);
  await two.end();
  await passSeconds(1);
  assert.equal(await stateOf(stranger.watch.followed), "resolved");
  assert.equal((await world.engine.view.stats()).size, 5, "every account is written again");
  await assert.rejects(two.sink.knows(), { code: "SINK_MISMATCH" });
});

test("a worker with another memory that starts as one of two ends waits for the other", async (t) => {
  const { one, stranger, passSeconds } = await strangerWorld(t);
  await one.end();
  stranger.watch.start();
  await passSeconds(60);
  assert.equal(await stateOf(stranger.watch.followed), "pending");
});

for (const step of ["a loss of all that the store had", "an outage that outlasts their leases"] as const) {
  test(`after ${step} those that work are back before a worker with another memory takes the ledger`, async (t) => {
    const { world, duties, one, two, stranger, passSeconds } = await strangerWorld(t);
    stranger.watch.start();
    await passSeconds(3);
    if (step.startsWith("an outage")) {
      const { hold } = stranger.parts.engine.duties;
      stranger.parts.engine.duties.hold = async () => {
        throw new Fault("STORE_UNAVAILABLE", "testing");
      };
      await passSeconds(1);
      stranger.parts.engine.duties.hold = hold;
    } else world.flushEngine();
    duties.lose();
    await passSeconds(60);
    assert.equal(await stateOf(stranger.watch.followed), "pending");
    assert.deepEqual([await one.sink.knows(), await two.sink.knows()], [true, true]);
    assert.equal((await world.engine.ledger.totals()).indexed, 5);
    await Promise.all([one.end(), two.end()]);
    await passSeconds(1);
    assert.equal(await stateOf(stranger.watch.followed), "resolved");
  });
}

test("a worker from which the ledger passed to another memory says so, works no more, and has it back when the other has ended", async (t) => {
  const { world, duties, one, two, stranger, passSeconds } = await strangerWorld(t);
  duties.lose(); // As for workers that were stopped for longer than their leases.
  stranger.watch.start();
  await stranger.watch.followed;
  await stranger.presence.start();
  await passSeconds(30);
  for (const worker of [one, two]) {
    assert.deepEqual(worker.errors, ["SINK_MISMATCH"]);
    await assert.rejects(worker.sink.knows(), { code: "SINK_MISMATCH" });
    assert.equal(await worker.sink.trouble(), "SINK_MISMATCH");
  }
  assert.deepEqual([duties.heldBy("one"), duties.heldBy("two")], [[], []]);
  assert.equal(await stranger.sink.knows(), true);
  await world.work();
  world.forgetCounts();
  await stranger.end();
  await passSeconds(20);
  assert.deepEqual([await one.sink.knows(), await two.sink.knows()], [true, true]);
  assert.deepEqual([one.watch.isOurs, two.watch.isOurs], [true, true]);
  assert.deepEqual([...duties.heldBy("one"), ...duties.heldBy("two")].toSorted(), ["work", "work:2"]);
  await world.work();
  assert.equal(world.puts.length, 5, "of what was written meanwhile, it has nothing");
});

test("a worker that starts while another memory takes the ledger is not let in", async (t) => {
  const { duties, one, two, stranger, begin, passSeconds, other, world } = await strangerWorld(t);
  await Promise.all([one.end(), two.end()]);
  const [listing, listed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { list } = other;
  stranger.parts.memory.list = async (options, signal) => {
    listing.resolve();
    await listed.promise;
    return list(options, signal);
  };
  stranger.watch.start();
  await listing.promise;
  let hasBegun = false;
  void begin("late").then(() => {
    hasBegun = true;
  });
  await passSeconds(20);
  assert.equal(hasBegun, false);
  await assert.rejects(one.sink.knows(), { code: "SINK_MISMATCH" });
  listed.resolve();
  await stranger.watch.followed;
  assert.deepEqual(duties.heldBy("stranger"), ["work"], "until its workers say that they work");
  await passSeconds(20);
  assert.equal(hasBegun, false);
  assert.ok((await world.engine.ledger.list({ limit: 10 })).every(({ fingerprint }) => fingerprint === ""));
});
