import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import { Fault, type FaultCode } from "../faults.ts";
import type { ProcessorOptions } from "./processor-deps.ts";

function world(accounts = 1, options: Partial<ProcessorOptions> = {}) {
  const made = startWorld(openTestEngine, options);
  for (let id = 1; id <= accounts; id++) made.crm.accounts.set(`${id}`, `Account ${id}`);
  const all = Array.from({ length: accounts }, (_, index) => ({ module: "Accounts", recordId: `${index + 1}` }));
  return { ...made, all };
}

for (const [name, code] of [
  ["crm", "CRM_UNAVAILABLE"],
  ["crm", "CRM_TOKEN_REVOKED"],
  ["crm", "CRM_RATE_LIMITED"],
  ["sink", "SINK_UNREACHABLE"],
] as readonly (readonly ["crm" | "sink", FaultCode])[]) {
  test(`an outage (${code}) spends no attempt, buries nothing, and ends by itself after one good probe`, async () => {
    const { crm, sink, counts, engine, all, send, pass, processor } = world(30);
    const side = name === "crm" ? crm : sink;
    side.outage = code;
    await send(...all);
    const status = processor.status().circuits[name];
    assert.equal(status.state, "open");
    assert.equal(status.cause, code);
    await pass(600_000, 1_000);
    assert.equal(counts["attempts:sync"], undefined);
    assert.deepEqual(await engine.deadLetters(), []);
    assert.equal((await engine.job("sync", "zoho/7"))?.attempt, 0);
    assert.equal(counts[`circuit_opened:${name}`], 1);
    assert.ok(side.probes >= 15 && side.probes <= 60, `${side.probes} probes in ten minutes`);
    const probes = side.probes;
    const reads = crm.reads.length;
    side.outage = undefined;
    await pass(31_000, 1_000);
    assert.equal(sink.texts.size, 30);
    assert.equal(await engine.unsettled(), 0);
    assert.equal(side.probes, probes + 1);
    assert.ok(crm.reads.length - reads <= 4);
    assert.equal(processor.status().circuits[name].state, "closed");
  });
}

test("while the sink is away, events are still routed to their accounts", async () => {
  const { crm, sink, engine, send } = world();
  sink.outage = "SINK_UNAVAILABLE";
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  await send({ module: "Accounts", recordId: "1" });
  const reads = crm.reads.length;
  await send({ module: "Contacts", recordId: "10" });
  assert.equal(await engine.job("route", "zoho/Contacts/10"), undefined);
  assert.equal((await engine.job("sync", "zoho/1"))?.attempt, 0);
  assert.equal(crm.lookups.length, 1);
  assert.equal(crm.reads.length, reads);
});

test("an account that fails is tried again within the jittered backoff, and is a dead letter after the last attempt", async () => {
  const { crm, engine, counts, all, send, pass, clock } = world();
  crm.poison.set("1", "CRM_READ_FAILED");
  const startedAt = clock.now();
  await send(...all);
  const first = await engine.job("sync", "zoho/1");
  assert.equal(first?.attempt, 1);
  assert.ok(first.dueAt > startedAt && first.dueAt < startedAt + 2_000);
  await pass(first.dueAt - startedAt - 1, 100);
  assert.equal(crm.reads.length, 1);
  await pass(1);
  assert.equal(crm.reads.length, 2);
  await pass(10_000);
  assert.equal(crm.reads.length, 3);
  assert.deepEqual(await engine.deadLetters(), [{ key: "zoho/1", cause: "CRM_READ_FAILED" }]);
  assert.equal(counts["syncs_failed"], 3);
  await pass(120_000, 1_000);
  assert.equal(crm.reads.length, 3);
});

test("a later success of the account closes its dead letter", async () => {
  const { crm, sink, engine, all, send, pass } = world();
  crm.poison.set("1", "CRM_READ_FAILED");
  await send(...all);
  await pass(10_000);
  assert.equal((await engine.deadLetters()).length, 1);
  crm.poison.clear();
  await send(...all);
  assert.deepEqual(await engine.deadLetters(), []);
  assert.equal(sink.texts.get("zoho/1"), "Account 1");
});

test("an account whose part of the sink is damaged waits alone, spends no attempt, and goes on when it is mended", async () => {
  const { sink, engine, counts, all, send, pass, processor } = world(3);
  sink.poison.set("2", "SINK_ACCOUNT_DAMAGED");
  await send(...all);
  await pass(60_000, 1_000);
  assert.deepEqual([...sink.texts.keys()].sort(), ["zoho/1", "zoho/3"]);
  assert.equal(processor.status().circuits.sink.state, "closed");
  assert.equal(processor.status().damagedAccounts, 1);
  assert.equal((await engine.job("sync", "zoho/2"))?.attempt, 0);
  assert.equal(counts["attempts:sync"], 2);
  assert.deepEqual(await engine.deadLetters(), []);
  sink.poison.clear();
  await pass(2_000, 1_000);
  assert.equal(sink.texts.get("zoho/2"), "Account 2");
  assert.equal(processor.status().damagedAccounts, 0);
  assert.equal(await engine.unsettled(), 0);
});

test("a new event on a failing account does not wait behind its backoff", async () => {
  const { crm, sink, all, send } = world(1, { retryBaseMs: 20_000 });
  crm.poison.set("1", "CRM_READ_FAILED");
  await send(...all);
  crm.poison.clear();
  await send(...all);
  assert.equal(sink.texts.get("zoho/1"), "Account 1");
});

test("a drain lets running work end, and begins nothing new", async () => {
  const { crm, sink, engine, all, send, rest, processor } = world(30, { workers: 1 });
  const gate = Promise.withResolvers<void>();
  crm.onRead = () => gate.promise;
  await send(...all);
  const stopping = processor.stop({ drainMs: 10_000 });
  await rest();
  assert.equal(processor.status().workersRunning, 1);
  gate.resolve();
  await stopping;
  assert.equal(sink.texts.size, 10);
  assert.equal(await engine.unsettled(), 20);
  assert.equal(processor.status().workersRunning, 0);
  await processor.stop({ drainMs: 10_000 });
});

test("what a drain cannot wait for is given back with its attempt, even if an adapter does not listen", async () => {
  const { crm, sink, engine, all, send, pass, processor } = world(5);
  crm.onRead = () => new Promise(() => undefined);
  await send(...all);
  const stopping = processor.stop({ drainMs: 10_000 });
  await pass(9_900);
  assert.equal(processor.status().inFlight.sync, 5);
  await pass(200);
  await stopping;
  assert.equal((await engine.job("sync", "zoho/1"))?.attempt, 0);
  assert.equal(await engine.unsettled(), 5);
  assert.equal(sink.puts.length, 0);
});

test("a stop while a circuit is open ends at once", async () => {
  const { crm, all, send, processor } = world(1);
  crm.outage = "CRM_UNREACHABLE";
  await send(...all);
  await processor.stop({ drainMs: 10_000 });
  assert.equal(processor.status().workersRunning, 0);
});

test("workers can be added and taken away while running", async () => {
  const { crm, sink, engine, all, send, rest, processor } = world(60, { workers: 1 });
  const gates: (() => void)[] = [];
  crm.onRead = () => new Promise((resolve) => gates.push(resolve));
  await send(...all);
  assert.equal(gates.length, 1);
  processor.setWorkers(4);
  await rest();
  assert.equal(gates.length, 4);
  assert.equal(processor.status().workersRunning, 4);
  processor.setWorkers(1);
  for (const open of gates.splice(0)) open();
  await rest();
  assert.equal(gates.length, 1);
  assert.equal(processor.status().workersRunning, 1);
  crm.onRead = () => undefined;
  for (const open of gates.splice(0)) open();
  await rest();
  assert.equal(sink.texts.size, 60);
  assert.equal(await engine.unsettled(), 0);
});

test("a store that fails for a while stops no loop", async () => {
  const { engine, sink, all, send, pass, counts } = world(3);
  const { claim, settle } = engine.queue;
  const away = async () => {
    throw new Fault("STORE_UNAVAILABLE", "testing");
  };
  engine.queue.claim = away;
  engine.queue.settle = away;
  await send(...all);
  await pass(30_000, 500);
  assert.ok((counts["faults:STORE_UNAVAILABLE"] ?? 0) >= 10);
  assert.ok((counts["faults:STORE_UNAVAILABLE"] ?? 0) < 200);
  engine.queue.claim = claim;
  engine.queue.settle = settle;
  await pass(6_000, 500);
  assert.equal(sink.texts.size, 3);
});

/** Steps of the engine that a store may refuse, each by itself and all at once. */
const STORE_STEPS = {
  queue: ["claim", "settle", "extend", "enqueue", "waitForWork"],
  ledger: ["read", "intend", "record", "parents", "children", "inState", "markIndexed"],
} as const;
const REFUSED_STEPS: readonly (readonly string[])[] = [
  ...[...STORE_STEPS.queue, ...STORE_STEPS.ledger].map((step) => [step]),
  [...STORE_STEPS.queue, ...STORE_STEPS.ledger],
];
/** Calls of one step in half a minute: three lanes' loops that each wait 50 ms at least, and work that waits a second. */
const CALLS_MAX = 1_800;

for (const refused of REFUSED_STEPS) {
  const name = refused.length === 1 ? refused[0] : "everything";
  test(`a store that refuses ${name} is not asked in a tight loop, and all is well once it is back`, async () => {
    const { crm, engine, sink, clock, all, send, pass } = world(3);
    crm.children.set("Contacts/10", { account: "1", text: "Ada" });
    crm.children.set("Contacts/11", { account: "3", text: "Bob" });
    await send({ module: "Accounts", recordId: "3" });
    crm.accounts.delete("3"); // So that a removal and its lookups are met as well.
    crm.children.set("Contacts/11", { account: "1", text: "Bob" });
    crm.onRead = () => clock.sleep(15_000); // Long enough to prolong leases.
    const calls = new Map<string, number>();
    let isAway = true;
    const guarded = <Port extends object>(port: Port, steps: readonly string[]) => {
      for (const step of steps.filter((candidate) => refused.includes(candidate))) {
        const real: unknown = Reflect.get(port, step);
        assert.ok(typeof real === "function");
        Reflect.set(port, step, async (...given: unknown[]) => {
          calls.set(step, (calls.get(step) ?? 0) + 1);
          if (isAway) throw new Fault("STORE_UNAVAILABLE", "testing");
          return Reflect.apply(real, port, given);
        });
      }
    };
    await pass(10);
    guarded(engine.queue, STORE_STEPS.queue);
    guarded(engine.ledger, STORE_STEPS.ledger);
    await send(...all, { module: "Contacts", recordId: "10" });
    await pass(30_000, 50);
    assert.ok(calls.size > 0);
    for (const [step, count] of calls) assert.ok(count <= CALLS_MAX, `${step} was called ${count} times`);
    isAway = false;
    crm.onRead = () => undefined;
    await pass(60_000, 500);
    assert.deepEqual([...sink.texts.keys()].sort(), ["zoho/1", "zoho/2"]);
    assert.match(sink.texts.get("zoho/1") ?? "", /Ada[\s\S]*Bob/);
    assert.equal(await engine.unsettled(), 0);
  });
}

test("the end of a batch is written again when the store was away for a moment: no second write to the sink", async () => {
  const { engine, sink, crm, all, send, pass } = world(3);
  const { settle } = engine.queue;
  const { record } = engine.ledger;
  const away = async () => {
    throw new Fault("STORE_UNAVAILABLE", "testing");
  };
  crm.onRead = () => {
    engine.queue.settle = away;
    engine.ledger.record = away;
    crm.onRead = () => undefined;
  };
  await send(...all);
  assert.equal(sink.puts.length, 3);
  engine.queue.settle = settle;
  engine.ledger.record = record;
  await pass(1_000);
  assert.equal(await engine.unsettled(), 0);
  assert.equal(sink.puts.length, 3);
  assert.equal((await engine.ledger.inState("indexed", 10)).length, 3);
});

test("long work keeps its leases", async () => {
  const { crm, sink, engine, all, send, pass, counts } = world(3);
  const gate = Promise.withResolvers<void>();
  crm.onRead = () => gate.promise;
  await send(...all);
  await pass(300_000, 1_000);
  gate.resolve();
  await pass(100);
  assert.equal(crm.reads.length, 1);
  assert.equal(sink.texts.size, 3);
  assert.equal(counts["leases_stale:sync"], undefined);
  assert.equal(await engine.unsettled(), 0);
});

test("a storm of 10,000 events on 50 accounts costs at most 150 syncs", async () => {
  const { crm, sink, engine, clock, send, pass, counts } = world(50);
  crm.onRead = () => clock.sleep(100);
  for (let wave = 0; wave < 5; wave++) {
    const events = Array.from({ length: 2_000 }, (_, index) => ({
      module: "Accounts",
      recordId: `${(index % 50) + 1}`,
    }));
    await send(...events);
    await pass(50, 50);
  }
  await pass(2_000);
  assert.equal(sink.texts.size, 50);
  assert.equal(await engine.unsettled(), 0);
  assert.ok((counts["attempts:sync"] ?? 0) <= 150, `${counts["attempts:sync"]} syncs`);
});

test("status tells what runs and how it went", async () => {
  const { crm, all, send, processor, clock } = world(4);
  assert.deepEqual(processor.status().inFlight, { route: 0, sync: 0, index: 0 });
  assert.equal(processor.status().lastSuccessAt, null);
  assert.equal(processor.status().successRate, "100.0%");
  crm.poison.set("2", "CRM_READ_FAILED");
  await send(...all);
  assert.equal(processor.status().successRate, "75.0%");
  assert.equal(processor.status().lastSuccessAt, clock.now());
});
