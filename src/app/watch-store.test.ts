import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type RebuildWorld, rebuildWorld } from "../../test/fakes/rebuild-world.ts";
import type { Duties } from "../duties.ts";
import { Fault } from "../faults.ts";
import { type Log, silentLog } from "../log.ts";
import type { Memory } from "../memory/memory.ts";
import { knowsSink } from "./follow-sink.ts";
import { StoreWatch, type WatchedParts } from "./watch-store.ts";

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
  readonly warnings: string[];
}

/** A watch over a world of `accountCount` synced accounts, not started. */
async function watched(t: TestContext, accountCount: number) {
  const world = rebuildWorld(t, accountCount);
  await world.enqueue(world.crm.accountIds);
  await world.work();
  world.forgetCounts();
  const around: Surroundings = {
    ...{ storeFault: undefined, isDutyFree: true, isWorkTaken: false, holds: [], releases: [], warnings: [] },
    list: (options, signal) => world.memory.list(options, signal),
  };
  const watch = new StoreWatch(partsOf(world, around), { clock: world.clock, log: logTo(around.warnings) });
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

function logTo(warnings: string[]): Log {
  return {
    ...silentLog,
    warn: ({ fault }) => {
      if (fault !== undefined) warnings.push(String(fault));
    },
  };
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
  const next = new StoreWatch(partsOf(world, around), { clock: world.clock, log: logTo(around.warnings) });
  t.after(() => next.close());
  next.start();
  for (let second = 0; second < 60; second += 1) await pass(world, 1_000);
  assert.equal(await stateOf(next.followed), "pending");
  assert.deepEqual([around.warnings, world.puts.length], [["SINK_MISMATCH"], 0]);
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
