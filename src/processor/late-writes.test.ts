import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import type { NewJob, Queue } from "../queue/queue.ts";
import { type LateWrites, oweWork, repairLate } from "./late-writes.ts";

const ACCOUNT = { module: "Accounts", recordId: "1" };
const LEASE_MS = 30_000;

/**
 * Account 1 is written once. The next write, of its `first` state, is held right before the sink until `goOn`; `overtake` lets its
 * lease pass to another, who finds the account in its `second` state. Undefined = deleted.
 */
async function overtakenWorld({ first, second }: Readonly<Record<"first" | "second", string | undefined>>) {
  const made = startWorld(openTestEngine, { workers: 2, batchSize: 1 });
  const { crm, sink, clock, send, pass, rest, engine } = made;
  crm.accounts.set("1", "Account 1");
  await send(ACCOUNT);
  const held = Promise.withResolvers<void>();
  const holdOnce = () => {
    sink.onPut = sink.onRemove = () => undefined;
    return held.promise;
  };
  sink.onPut = sink.onRemove = holdOnce;
  const become = (name: string | undefined) =>
    name === undefined ? crm.accounts.delete("1") : crm.accounts.set("1", name);
  become(first);
  await send(ACCOUNT);
  become(second);
  const overtake = async () => {
    await clock.advance(LEASE_MS + 1_000); // In one go, as for a process that was stopped.
    await pass(10_000);
  };
  const goOn = async () => {
    held.resolve();
    await rest();
    await pass(10_000);
  };
  const isRight = async () => {
    const entry = (await engine.ledger.read(["zoho/1"])).get("zoho/1");
    assert.deepEqual([entry?.state, entry?.fingerprint], ["indexed", "fp:Newer"]);
    assert.equal(sink.texts.get("zoho/1"), "Newer");
    assert.equal(await engine.unsettled(), 0);
  };
  return { ...made, overtake, goOn, isRight };
}

test("an older document that was put over a newer one is replaced, with a look first", async () => {
  const { sink, overtake, goOn, isRight } = await overtakenWorld({ first: "Older", second: "Newer" });
  await overtake();
  await isRight();
  await goOn();
  assert.deepEqual(
    sink.puts.map(({ document: { text } }) => text),
    ["Account 1", "Newer", "Older", "Newer"],
  );
  assert.equal(sink.puts.at(-1)?.isUncertain, true);
  await isRight();
});

test("a document that was removed after another had put it is put again", async () => {
  const { sink, overtake, goOn, isRight } = await overtakenWorld({ first: undefined, second: "Newer" });
  await overtake();
  await isRight();
  await goOn();
  assert.deepEqual(sink.removals, ["zoho/1"]);
  await isRight();
});

test("a document that was put after another had removed it is removed again", async () => {
  const { sink, engine, overtake, goOn } = await overtakenWorld({ first: "Older", second: undefined });
  await overtake();
  assert.equal(sink.texts.has("zoho/1"), false);
  await goOn();
  assert.equal(sink.puts.at(-1)?.document.text, "Older");
  assert.equal(sink.texts.has("zoho/1"), false);
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "removed");
});

test("what another wrote before and records after is not believed either", async () => {
  const { sink, engine, pass, overtake, goOn, isRight } = await overtakenWorld({ first: "Older", second: "Newer" });
  const ending = Promise.withResolvers<void>();
  const [{ record }, { settle }] = [engine.ledger, engine.queue];
  engine.ledger.record = (outcomes) => ending.promise.then(() => record(outcomes));
  engine.queue.settle = (ends) =>
    ends.some(({ verb }) => verb === "complete") ? ending.promise.then(() => settle(ends)) : settle(ends);
  await overtake();
  assert.equal(sink.texts.get("zoho/1"), "Newer");
  await goOn();
  assert.equal(sink.texts.get("zoho/1"), "Older");
  ending.resolve();
  await pass(10_000);
  assert.equal(sink.puts.length, 4);
  await isRight();
});

test("while the store is away nobody claims before it was told", async () => {
  const { engine, pass, overtake, goOn, isRight } = await overtakenWorld({ first: "Older", second: "Newer" });
  await overtake();
  const { distrust } = engine.ledger;
  let refusals = 0;
  engine.ledger.distrust = async () => {
    refusals += 1;
    throw new Fault("STORE_UNAVAILABLE", "testing");
  };
  await goOn();
  assert.ok(refusals > 1, `${refusals} refusals`);
  engine.ledger.distrust = distrust;
  await pass(10_000);
  await isRight();
});

/** Two synced accounts, of which 2 has the contact 9. `refuse` has the store take no new work, as a Redis at its maxmemory. */
async function fullWorld() {
  const made = startWorld(openTestEngine, { workers: 2, batchSize: 10 });
  const { crm, sink, send, engine } = made;
  for (const id of ["1", "2", "3"]) crm.accounts.set(id, `Account ${id}`);
  crm.children.set("Contacts/9", { account: "2", text: "moving" });
  await send(ACCOUNT, { ...ACCOUNT, recordId: "2" }, { ...ACCOUNT, recordId: "3" });
  assert.match(sink.texts.get("zoho/2") ?? "", /moving/);
  const { queue, ledger } = engine;
  const { enqueue } = queue;
  const { distrust } = ledger;
  const distrusted: string[] = [];
  ledger.distrust = (accounts) => {
    distrusted.push(...accounts);
    return distrust(accounts);
  };
  const refuse = () => {
    queue.enqueue = async () => {
      throw new Fault("STORE_UNAVAILABLE", "testing", { detail: "OOM" });
    };
  };
  const takeAgain = () => {
    queue.enqueue = enqueue;
  };
  return { ...made, distrusted, refuse, takeAgain };
}

test("a store that takes no new work stops nobody: what was settled is not late, and displaced work is queued when it can be", async () => {
  const { crm, sink, send, pass, distrusted, refuse, takeAgain, engine } = await fullWorld();
  refuse();
  crm.children.set("Contacts/9", { account: "1", text: "moving" });
  await send(ACCOUNT);
  await pass(30_000);
  crm.accounts.set("3", "Account three");
  await send({ ...ACCOUNT, recordId: "3" });
  assert.equal(sink.texts.get("zoho/3"), "Account three");
  assert.deepEqual(distrusted, []);
  assert.equal(await engine.unsettled(), 0);
  assert.match(sink.texts.get("zoho/2") ?? "", /moving/, "not told yet");
  takeAgain();
  await pass(10_000);
  assert.doesNotMatch(sink.texts.get("zoho/2") ?? "", /moving/);
  assert.match(sink.texts.get("zoho/1") ?? "", /moving/);
});

test("work that could not be queued is offered once more when the loops end", async () => {
  const { crm, send, pass, refuse, takeAgain, processor, engine } = await fullWorld();
  refuse();
  crm.children.set("Contacts/9", { account: "1", text: "moving" });
  await send(ACCOUNT);
  await pass(1_000);
  takeAgain();
  const stopped = processor.stop({ drainMs: 1_000 });
  await pass(10_000);
  await stopped;
  assert.equal((await engine.job("sync", "zoho/2"))?.attempt, 0);
});

test("what was written too late is distrusted before the next claim, which does not wait for the store to take the sync", async () => {
  const { crm, sink, engine, pass, send, overtake, goOn, isRight } = await overtakenWorld({
    ...{ first: "Older", second: "Newer" },
  });
  await overtake();
  const { enqueue } = engine.queue;
  let refusals = 0;
  engine.queue.enqueue = async () => {
    refusals += 1;
    throw new Fault("STORE_UNAVAILABLE", "testing", { detail: "OOM" });
  };
  await goOn();
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "intended");
  crm.accounts.set("2", "Account 2");
  await send({ ...ACCOUNT, recordId: "2" });
  assert.equal(sink.texts.get("zoho/2"), "Account 2");
  assert.ok(refusals > 1, `${refusals} refusals`);
  engine.queue.enqueue = enqueue;
  await pass(10_000);
  await isRight();
});

test("a call of the sink that never answers takes no worker with it", async () => {
  const { crm, sink, send, pass, engine, processor } = startWorld(openTestEngine, { workers: 1, batchSize: 1 });
  crm.accounts.set("1", "One");
  crm.accounts.set("2", "Two");
  const answer = Promise.withResolvers<void>();
  sink.onPut = () => {
    sink.onPut = () => undefined;
    return answer.promise; // Deaf to its signal.
  };
  await send(ACCOUNT);
  await pass(700_000, 1_000); // Past the longest that a batch may run.
  await send({ ...ACCOUNT, recordId: "2" });
  await pass(60_000, 1_000);
  assert.deepEqual([...sink.texts].toSorted(), [
    ["zoho/1", "One"],
    ["zoho/2", "Two"],
  ]);
  assert.deepEqual([await engine.unsettled(), processor.status().inFlight.sync], [0, 0]);
  // It answers at last, and what it was given long ago lands over the newer.
  crm.accounts.set("1", "One more");
  await send(ACCOUNT);
  answer.resolve();
  await pass(10_000);
  assert.deepEqual(
    sink.puts.map(({ document: { text } }) => text),
    ["One", "Two", "One more", "One", "One more"],
  );
  assert.equal(sink.texts.get("zoho/1"), "One more");
});

test("a write that ended after the settlement was sent did not end under the lease, whenever its answer comes", async () => {
  const { crm, sink, clock, send, pass, rest, engine, processor } = startWorld(openTestEngine, {
    ...{ workers: 1, batchSize: 1 },
  });
  crm.accounts.set("1", "First");
  await send(ACCOUNT);
  const held = Promise.withResolvers<void>();
  sink.onPut = () => {
    sink.onPut = () => undefined;
    return held.promise;
  };
  crm.accounts.set("1", "Older");
  await send(ACCOUNT);
  const [{ settle }, answer] = [engine.queue, Promise.withResolvers<void>()];
  engine.queue.settle = async (ends) => {
    const settled = await settle(ends);
    await answer.promise;
    return settled;
  };
  const stopped = processor.stop({ drainMs: 1_000 });
  await pass(1_100); // The drain's deadline: released, and the answer is on its way.
  const [lease] = await engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 30_000 });
  assert.ok(lease);
  const right = { jobId: lease.jobId, token: lease.token };
  const base = {
    right,
    account: "zoho/1",
    verb: "put",
    fingerprint: "fp:Newer",
    title: "",
    readAt: clock.now(),
  } as const;
  await engine.ledger.intend([base]);
  sink.texts.set("zoho/1", "Newer");
  await engine.ledger.record([{ ...base, sinkRef: "r", isIndexed: true, children: [] }]);
  assert.deepEqual(await settle([{ verb: "complete", lease }]), ["settled"]);
  held.resolve();
  await rest();
  assert.equal(sink.texts.get("zoho/1"), "Older");
  answer.resolve();
  await pass(1_000);
  await stopped;
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "intended");
  assert.equal(await engine.unsettled(), 1);
});

test("too much that is owed stops the claims, and what is owed is queued in steps", async () => {
  const { engine } = startWorld(openTestEngine);
  const { ledger, queue } = engine;
  const owe = (count: number): LateWrites => {
    const late: LateWrites = new Map();
    const reason = { note: "lost a child", receivedAt: 0 };
    const job = { lane: "sync", rank: "live", delayMs: 0, reason } as const;
    oweWork(
      late,
      Array.from({ length: count }, (_, index) => ({ ...job, key: `zoho/${index}` })),
    );
    return late;
  };
  const steps: number[] = [];
  const depsOf = (late: LateWrites, enqueue: Queue["enqueue"]) => {
    return { late, ledger, queue: { ...queue, enqueue }, counters: { add: () => undefined }, log: silentLog };
  };
  const refuse = async () => {
    throw new Fault("STORE_UNAVAILABLE", "testing", { detail: "OOM" });
  };
  const much = owe(10_000);
  await repairLate(depsOf(much, refuse));
  assert.equal(much.size, 10_000);
  await assert.rejects(repairLate(depsOf(owe(10_001), refuse)), { code: "STORE_UNAVAILABLE" });
  const take = async (jobs: readonly NewJob[]) => {
    steps.push(jobs.length);
  };
  const few = owe(1_001);
  await repairLate(depsOf(few, take));
  assert.deepEqual([steps, few.size], [[500, 500, 1], 0]);
});

/** The ledger is another memory's from now on. */
function mismatch(): never {
  throw new Fault("SINK_MISMATCH", "testing");
}

test("while the ledger speaks of another memory nothing is written and nothing indexed, no attempt is spent, and then all is done", async () => {
  const { crm, sink, engine, send, pass, counts } = startWorld(openTestEngine, { workers: 1 });
  sink.isIndexedAtOnce = false;
  crm.accounts.set("1", "One");
  await send(ACCOUNT);
  await pass(2_000);
  const before = { puts: sink.puts.length, flushes: sink.flushes };
  sink.knows = mismatch;
  crm.accounts.set("1", "One more");
  const reason = { note: "another's documents", receivedAt: 0 };
  await engine.queue.enqueue([{ lane: "index", key: "zoho_crm", rank: "live", delayMs: 0, reason }]);
  await send(ACCOUNT);
  await pass(60_000);
  assert.deepEqual({ puts: sink.puts.length, flushes: sink.flushes }, before);
  for (const [lane, key] of [
    ["sync", "zoho/1"],
    ["index", "zoho_crm"],
  ] as const) {
    assert.equal((await engine.job(lane, key))?.attempt, 0);
  }
  assert.deepEqual(await engine.deadLetters(), []);
  assert.ok((counts["faults:SINK_MISMATCH"] ?? 0) > 0);
  sink.knows = () => true;
  await pass(60_000);
  assert.deepEqual([sink.texts.get("zoho/1"), await engine.unsettled()], ["One more", 0]);
  assert.ok(sink.flushes > before.flushes);
});

for (const become of ["Newer", "Account 1", undefined]) {
  test(`what is recorded after the ledger passed to another memory is not believed: ${become ?? "a removal"}`, async () => {
    const { crm, sink, engine, send, pass, rest } = startWorld(openTestEngine, { workers: 1 });
    crm.accounts.set("1", "Account 1");
    await send(ACCOUNT);
    const { record } = engine.ledger;
    engine.ledger.record = (outcomes) => {
      sink.knows = mismatch; // Between the look before the write and its record.
      return record(outcomes);
    };
    if (become === undefined) crm.accounts.delete("1");
    else crm.accounts.set("1", become);
    await send(ACCOUNT);
    await rest();
    assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "intended");
    assert.equal((await engine.job("sync", "zoho/1"))?.attempt, 0);
    engine.ledger.record = record;
    sink.knows = () => true;
    await pass(60_000);
    const entry = (await engine.ledger.read(["zoho/1"])).get("zoho/1");
    assert.equal(entry?.state, become === undefined ? "removed" : "indexed");
    assert.equal(sink.texts.get("zoho/1"), become);
    assert.equal(await engine.unsettled(), 0);
  });
}
