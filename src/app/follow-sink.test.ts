import assert from "node:assert/strict";
import { test } from "node:test";
import { type RebuildWorld, rebuildWorld } from "../../test/fakes/rebuild-world.ts";
import { type AccountKey, accountKey } from "../account.ts";
import { manualClock } from "../clock.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import type { Ledger } from "../memory/ledger.ts";
import type { Memory } from "../memory/memory.ts";
import type { Queue } from "../queue/queue.ts";
import { type FollowDeps, type FollowedParts, followSink, isSinkFollowed, knowsSink, ownSink } from "./follow-sink.ts";

const never = new AbortController().signal;
const COUNT = 1_200; // More than two pages.
const IDS = Array.from({ length: COUNT }, (_, index) => String(index + 1));

/** The parts as the world has them now, with some methods replaced. */
function partsOf(world: RebuildWorld, changes: PartChanges = {}): FollowedParts {
  const { sealed, ledger, queue } = world.engine;
  return {
    engine: { sealed, ledger: { ...ledger, ...changes.ledger }, queue: { ...queue, ...changes.queue } },
    memory: { ...world.memory, ...changes.memory },
  };
}

interface PartChanges {
  readonly ledger?: Partial<Ledger>;
  readonly queue?: Partial<Queue>;
  readonly memory?: Partial<Memory>;
}

/** Alone on the store: another memory may replace the one before. */
function depsOf({ clock }: Pick<RebuildWorld, "clock">, mayReplace = true): FollowDeps {
  return { clock, log: silentLog, mayReplace: async () => mayReplace };
}

function follow(world: RebuildWorld, changes: PartChanges = {}): Promise<boolean> {
  return followSink(partsOf(world, changes), depsOf(world), never);
}

/** A world in which all accounts were followed, synced and counted. */
async function syncedWorld(...args: Parameters<typeof rebuildWorld>): Promise<RebuildWorld> {
  const world = rebuildWorld(...args);
  assert.equal(await follow(world), true);
  await world.enqueue(world.crm.accountIds);
  await world.work();
  assert.equal(world.puts.length, world.crm.accountIds.length);
  world.forgetCounts();
  return world;
}

async function queueSize(world: RebuildWorld): Promise<number> {
  return (await world.engine.view.stats()).size;
}

test("at a first start with an empty memory only its name is remembered", async (t) => {
  const world = rebuildWorld(t, 2);
  assert.equal(await knowsSink(world.engine.sealed), false);
  assert.equal(await follow(world), true);
  assert.equal(await knowsSink(world.engine.sealed), true);
  assert.equal(await isSinkFollowed(partsOf(world), world, never), true);
  assert.equal(await queueSize(world), 0);
  assert.deepEqual(await world.engine.ledger.list({ limit: 10 }), []);
});

test("a memory that is known already costs nothing", async (t) => {
  const world = await syncedWorld(t, 2);
  assert.equal(await follow(world), true);
  assert.equal(await queueSize(world), 0);
});

test("a memory that was made anew has every account written again, behind live work", async (t) => {
  const world = await syncedWorld(t, COUNT);
  world.crm.delete("Accounts", "7");
  await world.enqueue(["7"]);
  await world.work();
  world.forgetCounts();
  await world.loseMemory();
  assert.equal(await follow(world), true);
  const [first] = await world.engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 30_000 });
  assert.ok(first);
  assert.equal(first.rank, "background");
  await world.engine.queue.settle([{ verb: "release", lease: first }]);
  assert.equal(await queueSize(world), COUNT - 1, "the account that is gone is left alone");
  assert.equal(await follow(world), true);
  assert.equal(await queueSize(world), COUNT - 1, "once");
  await world.work();
  assert.equal(world.puts.length, COUNT - 1);
  assert.equal((await world.memory.list({ limit: 1 }, never)).length, 1);
});

test("after a total loss of the engine the ledger is rebuilt from the memory, and nothing is written", async (t) => {
  const world = await syncedWorld(t, COUNT);
  const before = await ledgerOf(world);
  await world.loseEngine();
  assert.equal(await follow(world), true);
  assert.equal((await world.engine.ledger.totals()).indexed, COUNT);
  const [lease] = await world.engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 30_000 });
  assert.ok(lease);
  assert.equal(lease.rank, "background");
  await world.engine.queue.settle([{ verb: "release", lease }]);
  await world.work();
  assert.deepEqual([world.puts.length, world.removals.length], [0, 0]);
  assert.deepEqual(await ledgerOf(world), before, "with fingerprints, titles and numbers of children");
  const contact = { module: "Contacts", recordId: "100012" };
  assert.equal((await world.engine.ledger.parents([contact])).get("Contacts/100012"), accountKey("12"));
});

test("after a total loss only what changed meanwhile is written, and what is gone is removed", async (t) => {
  const world = await syncedWorld(t, 600);
  await world.loseEngine();
  world.crm.change("Accounts", "3", { Account_Name: "Company three" });
  world.crm.delete("Contacts", "100550");
  world.crm.delete("Accounts", "9");
  assert.equal(await follow(world), true);
  await world.work();
  assert.deepEqual(new Set(world.puts.map(({ document }) => document.account)), keys("3", "550"));
  assert.ok(
    world.puts.every(({ sinkRef }) => sinkRef !== undefined),
    "in place, without a twin",
  );
  assert.deepEqual(world.removals, [accountKey("9")]);
  assert.equal(await world.memory.read(accountKey("9"), never), undefined);
  assert.match((await world.memory.read(accountKey("3"), never))?.text ?? "", /Company three/);
});

test("a memory that keeps no fingerprints has each document replaced in place once", async (t) => {
  const world = await syncedWorld(t, 20);
  await world.loseEngine();
  const list: Memory["list"] = async (options, signal) =>
    (await world.memory.list(options, signal)).map(({ fingerprint: _, ...document }) => document);
  assert.equal(await follow(world, { memory: { list } }), true);
  await world.work();
  assert.equal(world.puts.length, 20);
  assert.ok(world.puts.every(({ sinkRef, document }) => sinkRef === document.account));
  world.forgetCounts();
  await world.enqueue(world.crm.accountIds);
  await world.work();
  assert.equal(world.puts.length, 0);
});

test("a loss of engine and memory is a first start", async (t) => {
  const world = await syncedWorld(t, 3);
  await world.loseEngine();
  await world.loseMemory();
  assert.equal(await follow(world), true);
  assert.equal(await queueSize(world), 0);
});

for (const step of ["before a page is adopted", "between a page adopted and enqueued"] as const) {
  for (const page of [0, 1, 2]) {
    test(`a rebuild that ended ${step}, page ${page}, is done whole by the next`, async (t) => {
      const world = await syncedWorld(t, COUNT);
      await world.loseEngine();
      const { ledger, queue } = world.engine;
      let pages = 0;
      const mayEnd = () => {
        pages += 1;
        if (pages > page) throw new Fault("STORE_UNAVAILABLE", "ending in the middle");
      };
      const adopt: Ledger["adopt"] = async (entries) => {
        mayEnd();
        return ledger.adopt(entries);
      };
      const enqueue: Queue["enqueue"] = async (jobs) => {
        mayEnd();
        return queue.enqueue(jobs);
      };
      const changes = step.startsWith("before") ? { ledger: { adopt } } : { queue: { enqueue } };
      await assert.rejects(follow(world, changes), { code: "STORE_UNAVAILABLE" });
      assert.equal(await knowsSink(world.engine.sealed), false);
      await world.work();
      world.crm.delete("Accounts", "1199");
      assert.equal(await follow(world), true);
      await world.work();
      assert.deepEqual([world.puts.length, world.removals], [0, [accountKey("1199")]]);
      assert.equal((await world.engine.ledger.totals()).indexed, COUNT - 1);
      assert.equal((await ledgerOf(world)).filter(([, entry]) => entry.childCount === 1).length, COUNT - 1);
    });
  }
}

test("an engine that loses everything in the middle of a rebuild is not taken for followed", async (t) => {
  const world = await syncedWorld(t, COUNT);
  await world.loseEngine();
  let pages = 0;
  const list: Memory["list"] = (options, signal) => {
    pages += 1;
    if (pages === 2) world.flushEngine();
    return world.memory.list(options, signal);
  };
  const parts = partsOf(world, { memory: { list } });
  const { sealed } = parts.engine;
  const names: string[] = [];
  const write: typeof sealed.write = (name, text) => {
    names.push(name);
    return sealed.write(name, text);
  };
  const losing = { ...parts, engine: { ...parts.engine, sealed: { ...sealed, write } } };
  assert.equal(await followSink(losing, depsOf(world), never), false);
  assert.deepEqual(names, ["zoho:sink-pass"], "the memory's name was not remembered for a moment");
  assert.equal(await follow(world), true);
  await world.work();
  assert.equal(world.puts.length, 0);
  assert.equal((await world.engine.ledger.totals()).indexed, COUNT);
});

test("an engine that loses everything between the last look and the remembering is not taken for followed", async (t) => {
  const world = await syncedWorld(t, 3);
  await world.loseEngine();
  const parts = partsOf(world);
  const { sealed } = parts.engine;
  const write: typeof sealed.write = (name, text) => {
    if (name.endsWith("identity") && text !== "") world.flushEngine();
    return sealed.write(name, text);
  };
  const losing = { ...parts, engine: { ...parts.engine, sealed: { ...sealed, write } } };
  assert.equal(await followSink(losing, depsOf(world), never), false);
  assert.equal(await knowsSink(sealed), false);
  assert.equal(await follow(world), true);
  assert.equal((await world.engine.ledger.totals()).indexed, 3);
});

test("beside workers a rebuild keeps what they wrote meanwhile", async (t) => {
  const world = await syncedWorld(t, COUNT);
  await world.loseEngine();
  let isFirst = true;
  const adopt: Ledger["adopt"] = async (entries) => {
    if (isFirst) {
      isFirst = false;
      // Both are listed already, and synced before the listing is adopted.
      world.crm.change("Accounts", "2", { Account_Name: "Company two" });
      world.crm.delete("Accounts", "4");
      await world.enqueue(["2", "4"]);
      await world.work();
    }
    return world.engine.ledger.adopt(entries);
  };
  assert.equal(await follow(world, { ledger: { adopt } }), true);
  await world.work();
  assert.deepEqual(
    world.puts.map(({ document }) => document.account),
    [accountKey("2")],
  );
  assert.match((await world.memory.read(accountKey("2"), never))?.text ?? "", /Company two/);
  assert.equal(await world.memory.read(accountKey("4"), never), undefined);
});

test("another memory does not take the ledger from those who work with theirs", async (t) => {
  const world = await syncedWorld(t, 3);
  const before = await ledgerOf(world);
  const identity: Memory["identity"] = async () => "another memory";
  const parts = partsOf(world, { memory: { identity } });
  await assert.rejects(followSink(parts, depsOf(world, false), never), { code: "SINK_MISMATCH" });
  assert.deepEqual([await ledgerOf(world), await queueSize(world)], [before, 0]);
  assert.equal(await isSinkFollowed(partsOf(world), world, never), true);
});

/** The world's parts with a memory of another name, which has none of the documents. */
function anotherMemory(world: RebuildWorld, changes: PartChanges = {}): FollowedParts {
  const memory: Partial<Memory> = { identity: async () => "another memory", list: async () => [] };
  return partsOf(world, { ...changes, memory: { ...memory, ...changes.memory } });
}

test("from the first step that gives it to another memory the ledger is no longer ours", async (t) => {
  const world = await syncedWorld(t, 3);
  const ours = ownSink(partsOf(world), world);
  assert.deepEqual([await ours.knows(), await ours.trouble()], [true, undefined]);
  const { ledger } = world.engine;
  let asked = 0;
  const forgetWritten: Ledger["forgetWritten"] = async () => {
    asked += 1;
    await assert.rejects(ours.knows(), { code: "SINK_MISMATCH" });
    assert.equal(await ours.trouble(), "SINK_MISMATCH");
    assert.equal(await isSinkFollowed(partsOf(world), world, never), false);
    return ledger.forgetWritten();
  };
  assert.equal(await followSink(anotherMemory(world, { ledger: { forgetWritten } }), depsOf(world), never), true);
  assert.equal(asked, 1);
  await assert.rejects(ours.knows(), { code: "SINK_MISMATCH" });
  assert.equal(await ownSink(anotherMemory(world), world).knows(), true);
});

for (const end of ["before anything is forgotten", "when all is forgotten"] as const) {
  for (const next of ["the same", "the one before"] as const) {
    test(`a change of the memory that ended ${end} is done whole by ${next}`, async (t) => {
      const world = await syncedWorld(t, 3);
      const { queue } = world.engine;
      const refuse = async () => {
        throw new Fault("STORE_UNAVAILABLE", "ending in the middle");
      };
      const ending = end.startsWith("before") ? { ledger: { forgetWritten: refuse } } : { queue: { enqueue: refuse } };
      await assert.rejects(followSink(anotherMemory(world, ending), depsOf(world), never), {
        code: "STORE_UNAVAILABLE",
      });
      assert.equal(await knowsSink(world.engine.sealed), false);
      const parts = next === "the same" ? anotherMemory(world) : partsOf(world);
      // Crashed in its turn, behind the forgetting: it must not be taken for done.
      const crashing = { ...parts, engine: { ...parts.engine, queue: { ...queue, enqueue: refuse } } };
      await assert.rejects(followSink(crashing, depsOf(world), never), { code: "STORE_UNAVAILABLE" });
      assert.equal(await isSinkFollowed(parts, world, never), false);
      assert.equal(await followSink(parts, depsOf(world), never), true);
      assert.equal(await queueSize(world), 3);
      assert.equal(await writtenCount(world), 0);
    });
  }
}

test("a ledger that lost everything is named by whoever works on, and what they record is no other memory's", async (t) => {
  const world = await syncedWorld(t, 3);
  const ours = ownSink(partsOf(world), world);
  await ours.knows();
  await world.loseEngine();
  const now = ownSink(partsOf(world), world);
  assert.equal(await now.knows(), false);
  await world.enqueue(["2"]);
  await world.work();
  assert.equal((await world.engine.ledger.totals()).indexed, 1);
  // Another memory asks before it takes it, and then believes nothing of it.
  const another = anotherMemory(world);
  await assert.rejects(followSink(another, depsOf(world, false), never), { code: "SINK_MISMATCH" });
  const owners: unknown[] = [];
  const mayReplace: FollowDeps["mayReplace"] = async (owner) => {
    owners.push(owner);
    return true;
  };
  assert.equal(await followSink(another, { ...depsOf(world), mayReplace }, never), true);
  assert.deepEqual(owners, [await world.memory.identity(never)]);
  assert.equal(await writtenCount(world), 0);
  assert.equal(await queueSize(world), 1);
  await assert.rejects(now.knows(), { code: "SINK_MISMATCH" });
});

test("a ledger that is named ours is rebuilt from us without asking, and then known", async (t) => {
  const world = await syncedWorld(t, 3);
  await world.loseEngine();
  const ours = ownSink(partsOf(world), world);
  assert.equal(await ours.knows(), false);
  assert.equal(await followSink(partsOf(world), depsOf(world, false), never), true);
  assert.equal(await ours.knows(), true);
  assert.equal((await world.engine.ledger.totals()).indexed, 3);
});

test("the memory before, which has its documents still, is looked at when it comes back: none is added twice, and what is gone is removed", async (t) => {
  const world = await syncedWorld(t, 4);
  assert.equal(await followSink(anotherMemory(world), depsOf(world), never), true);
  // Deleted, and forgotten by the other memory: its tombstone is that one's.
  world.crm.delete("Accounts", "4");
  await world.enqueue(["4"]);
  await world.work();
  const restored = await world.memory.put(
    [{ document: { account: accountKey("4"), title: "4", text: "4", fingerprint: "4" }, isUncertain: false }],
    never,
  );
  assert.equal(restored[0]?.outcome, "stored");
  world.forgetCounts();
  assert.equal(await follow(world), true);
  await world.work();
  assert.deepEqual(
    world.puts.map(({ document, isUncertain }) => [document.account, isUncertain]).toSorted(),
    ["1", "2", "3"].map((id) => [accountKey(id), true]),
  );
  assert.deepEqual(world.removals, [accountKey("4")]);
  assert.equal(await world.memory.read(accountKey("4"), never), undefined);
});

test("a process's own memory names itself once, and is asked again when it was away", async (t) => {
  const world = await syncedWorld(t, 1);
  let asked = 0;
  const identity: Memory["identity"] = async (signal) => {
    asked += 1;
    if (asked === 1) throw new Fault("SINK_UNREACHABLE", "testing");
    return world.memory.identity(signal);
  };
  const ours = ownSink(partsOf(world, { memory: { identity } }), world);
  await assert.rejects(ours.knows(), { code: "SINK_UNREACHABLE" });
  assert.equal(await ours.trouble(), "SINK_UNREACHABLE", "says why, and does not wait for the answer");
  assert.equal(await ours.knows(), true);
  assert.equal(await ours.knows(), true);
  assert.equal(asked, 2);
});

test("of two that rebuild at once one leaves it to the other, and both end with a followed memory", async (t) => {
  const world = await syncedWorld(t, COUNT);
  await world.loseEngine();
  const answers = await Promise.all([follow(world), follow(world)]);
  assert.ok(answers.includes(true));
  assert.equal(await follow(world), true);
  await world.work();
  assert.equal(world.puts.length, 0);
});

test("a memory that does not answer in time is unreachable, and one that is told to stop stops", async (t) => {
  const world = rebuildWorld(t, 1);
  const clock = manualClock();
  const asked = Promise.withResolvers<void>();
  const identity: Memory["identity"] = (signal) => {
    asked.resolve();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const parts = partsOf(world, { memory: { identity } });
  const following = assert.rejects(followSink(parts, depsOf({ clock }), never), { code: "SINK_UNREACHABLE" });
  await asked.promise;
  await clock.advance(60_000);
  await following;
  const stop = AbortSignal.abort(new Error("told to stop"));
  await assert.rejects(followSink(parts, depsOf({ clock }), stop), /told to stop/);
});

/** Accounts that the ledger takes for written. */
async function writtenCount({ engine }: RebuildWorld): Promise<number> {
  return (await engine.ledger.list({ limit: COUNT })).filter(({ fingerprint }) => fingerprint !== "").length;
}

/** What the ledger says of each account, but for the times. */
async function ledgerOf(world: RebuildWorld) {
  const entries = await world.engine.ledger.read(IDS.map((id) => accountKey(id)));
  return [...entries].map(
    ([account, entry]) => [account, { ...entry, readAt: 0, writtenAt: 0, modifiedAt: undefined }] as const,
  );
}

function keys(...ids: readonly string[]): ReadonlySet<AccountKey> {
  return new Set(ids.map((id) => accountKey(id)));
}
