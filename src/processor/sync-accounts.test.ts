import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import { AssertionBug } from "../assert.ts";
import { Fault } from "../faults.ts";
import type { ProcessorOptions } from "./processor-deps.ts";

function world(accounts = 1, options: Partial<ProcessorOptions> = {}) {
  const made = startWorld(openTestEngine, options);
  for (let id = 1; id <= accounts; id++) made.crm.accounts.set(`${id}`, `Account ${id}`);
  const all = Array.from({ length: accounts }, (_, index) => ({ module: "Accounts", recordId: `${index + 1}` }));
  return { ...made, all };
}

test("an account is read, written once, and remembered", async () => {
  const { sink, counts, engine, all, send } = world();
  await send(...all);
  assert.equal(sink.texts.get("zoho/1"), "Account 1");
  assert.equal(sink.puts[0]?.isUncertain, false);
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "indexed");
  assert.equal(counts["syncs_written"], 1);
  assert.equal(counts["attempts:sync"], 1);
  assert.equal(await engine.unsettled(), 0);
});

test("what has not changed is not written", async () => {
  const { sink, counts, engine, all, send } = world();
  await send(...all);
  await send(...all);
  assert.equal(sink.puts.length, 1);
  assert.equal(counts["syncs_unchanged"], 1);
  assert.equal(await engine.unsettled(), 0);
});

test("a changed account is written in place, by the sink's own id", async () => {
  const { crm, sink, all, send } = world();
  await send(...all);
  crm.accounts.set("1", "Account One");
  await send(...all);
  assert.equal(sink.puts[1]?.sinkRef, "ref:zoho/1");
  assert.equal(sink.texts.get("zoho/1"), "Account One");
});

test("the accounts of one claim are one read and one write", async () => {
  const { crm, sink, all, send } = world(10, { workers: 1 });
  await send(...all);
  assert.deepEqual(
    crm.reads.map((read) => read.length),
    [10],
  );
  assert.equal(sink.texts.size, 10);
});

test("a deleted account is forgotten, and comes back when it is restored", async () => {
  const { crm, sink, counts, engine, all, send } = world();
  await send(...all);
  crm.accounts.delete("1");
  await send({ module: "Accounts", recordId: "1", operation: "delete" });
  assert.deepEqual(sink.removals, ["zoho/1"]);
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "removed");
  assert.equal(counts["syncs_removed"], 1);
  crm.accounts.set("1", "Account 1");
  await send({ module: "Accounts", recordId: "1", operation: "restore" });
  assert.equal(sink.texts.get("zoho/1"), "Account 1");
});

test("an account that was never there costs the sink nothing", async () => {
  const { sink, engine, send } = world();
  await send({ module: "Accounts", recordId: "404" });
  assert.deepEqual(sink.removals, []);
  assert.equal(await engine.unsettled(), 0);
});

test("one account that cannot be read, written or rendered does not fail its nine neighbours", async () => {
  const rows = [
    { where: "crm", code: "CRM_READ_FAILED", cause: undefined },
    { where: "sink", code: "SINK_WRITE_FAILED", cause: undefined },
    { where: "crm", code: "CRM_REQUEST_REFUSED", cause: "CRM_REQUEST_REFUSED" },
    { where: "sink", code: "SINK_REFUSED", cause: "SINK_REFUSED" },
  ] as const;
  for (const row of rows) {
    const { crm, sink, engine, all, send } = world(10);
    (row.where === "crm" ? crm : sink).poison.set("5", row.code);
    await send(...all);
    assert.equal(sink.texts.size, 9, row.code);
    const letters = await engine.deadLetters();
    assert.equal(letters[0]?.cause, row.cause, row.code);
    assert.equal((await engine.job("sync", "zoho/5"))?.attempt, row.cause === undefined ? 1 : undefined, row.code);
  }
});

function renderAllBut(broken: string, error: Error): ProcessorOptions["render"] {
  return (snapshot) => {
    if (snapshot.account === broken) throw error;
    return { account: snapshot.account, title: "t", text: "x", fingerprint: snapshot.account };
  };
}

test("an account that cannot be rendered is a dead letter at once", async () => {
  const { sink, engine, counts, all, send } = world(10, {
    render: renderAllBut("zoho/5", new Fault("DOCUMENT_INVALID", "testing")),
  });
  await send(...all);
  assert.equal(sink.texts.size, 9);
  assert.deepEqual(await engine.deadLetters(), [{ key: "zoho/5", cause: "DOCUMENT_INVALID" }]);
  assert.equal(counts["faults:UNEXPECTED"], undefined);
});

test("a renderer that breaks is a bug: counted as one, tried again, and its neighbours do not pay for it", async () => {
  for (const error of [new TypeError("broken"), new AssertionBug("broken")]) {
    const { sink, engine, counts, all, send } = world(10, { render: renderAllBut("zoho/5", error) });
    await send(...all);
    assert.equal(sink.texts.size, 9);
    assert.deepEqual(await engine.deadLetters(), []);
    assert.equal((await engine.job("sync", "zoho/5"))?.attempt, 1);
    assert.equal(counts["faults:UNEXPECTED"], 1);
  }
});

test("an account that makes the whole call throw is found by halving, and its neighbours are synced", async () => {
  const { crm, sink, counts, engine, all, send } = world(10, { workers: 1 });
  crm.onRead = (accounts) => {
    if (accounts.includes("zoho/5")) throw new TypeError("a bug in an adapter");
  };
  await send(...all);
  assert.equal(sink.texts.size, 9);
  assert.equal((await engine.job("sync", "zoho/5"))?.attempt, 1);
  assert.equal(counts["faults:UNEXPECTED"], 1);
});

test("events during the sync lead to exactly one more", async () => {
  const { crm, sink, engine, all, send, rest } = world();
  let reads = 0;
  crm.onRead = async () => {
    reads += 1;
    if (reads > 1) return;
    crm.accounts.set("1", "Account One");
    for (let n = 0; n < 3; n++) await send(...all);
  };
  await send(...all);
  for (let n = 0; n < 4; n++) await rest();
  assert.equal(reads, 2);
  assert.equal(sink.texts.get("zoho/1"), "Account One");
  assert.equal(await engine.unsettled(), 0);
});

test("a child that turns up under another account refreshes the one that it left, told or not", async () => {
  const { crm, sink, all, send } = world(2);
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  await send(...all);
  crm.children.set("Contacts/10", { account: "2", text: "Ada" });
  await send({ module: "Accounts", recordId: "2" });
  assert.equal(sink.texts.get("zoho/1"), "Account 1");
  assert.equal(sink.texts.get("zoho/2"), "Account 2\nContacts/10: Ada");
});

test("a child that moves while its new account is being read ends up in one place", async () => {
  const { crm, sink, all, send, rest } = world(2, { batchSize: 1 });
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  let isMoved = false;
  crm.onRead = async ([account]) => {
    if (account !== "zoho/1" || isMoved) return;
    isMoved = true; // account 1 was read with the contact; account 2 is synced before it is written
    crm.children.set("Contacts/10", { account: "2", text: "Ada" });
    await send({ module: "Contacts", recordId: "10", fields: ["Account_Name"] });
  };
  await send(...all);
  for (let n = 0; n < 3; n++) await rest();
  assert.equal(sink.texts.get("zoho/1"), "Account 1");
  assert.equal(sink.texts.get("zoho/2"), "Account 2\nContacts/10: Ada");
});

test("a CRM that shows one child under two accounts does not keep us busy for ever", async () => {
  const { crm, engine, all, send } = world(2);
  await send(...all);
  const flip = { at: 0 };
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  const reads = crm.reads.length;
  // Each read of an account shows the child under that very account.
  Object.defineProperty(crm.children, Symbol.iterator, {
    value: function* () {
      flip.at += 1;
      const [account] = crm.reads.at(-1) ?? [];
      yield ["Contacts/10", { account: account?.slice(5), text: "Ada" }];
    },
  });
  await send({ module: "Accounts", recordId: "1" });
  await send({ module: "Accounts", recordId: "2" });
  assert.ok(crm.reads.length - reads < 20, `${crm.reads.length - reads} reads`);
  assert.equal(await engine.unsettled(), 0);
});

test("a lost lease neither writes to the sink nor settles", async () => {
  const { crm, sink, engine, all, send, clock, counts } = world(1, { workers: 1 });
  let reads = 0;
  crm.onRead = async () => {
    reads += 1;
    if (reads === 1) await clock.advance(31_000); // the machine slept past the lease
  };
  await send(...all);
  assert.equal(counts["leases_stale:sync"], 1);
  assert.equal(reads, 2);
  assert.equal(sink.puts.length, 1);
  assert.equal(await engine.unsettled(), 0);
});

test("a lease that is lost after the announcement still keeps the write from the sink", async () => {
  const { sink, engine, all, send, rest, clock } = world(1, { workers: 1 });
  const { intend } = engine.ledger;
  engine.ledger.intend = async (intents) => {
    const answers = await intend(intents);
    engine.ledger.intend = intend;
    await clock.advance(31_000);
    return answers;
  };
  await send(...all);
  await rest();
  assert.deepEqual(
    sink.puts.map((put) => put.isUncertain),
    [true],
  );
  assert.equal(await engine.unsettled(), 0);
});

test("nothing is left running when a batch has ended", async () => {
  const { all, send, clock } = world(20);
  await send(...all);
  const sleepers = clock.sleepers;
  for (let n = 0; n < 5; n++) await send(...all);
  assert.equal(clock.sleepers, sleepers);
});

test("a write whose end is not known is repeated with a look first", async () => {
  const { sink, engine, all, send, pass } = world();
  sink.poison.set("1", "SINK_WRITE_FAILED");
  await send(...all);
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "intended");
  sink.poison.clear();
  await pass(5_000);
  assert.equal(sink.puts[0]?.isUncertain, true);
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "indexed");
});

for (const [when, answers] of [
  ["all the while", [false]],
  ["until its rebuilding ends between two looks", [false, true]],
  ["since a loss between two looks", [true, false]],
] as const) {
  test(`a ledger that may lack entries, ${when}, has the sink look before it adds, and only where there is none`, async () => {
    const { crm, sink, all, send } = world(1);
    await send(...all);
    const asked = [...answers];
    sink.knows = () => asked.shift() ?? answers.at(-1) ?? true;
    crm.accounts.set("2", "Account 2");
    crm.accounts.set("1", "Account One");
    await send({ module: "Accounts", recordId: "1" }, { module: "Accounts", recordId: "2" });
    const puts = sink.puts.map(({ document, isUncertain }) => [document.account, isUncertain]);
    assert.deepEqual(puts.toSorted(), [
      ["zoho/1", false],
      ["zoho/1", false],
      ["zoho/2", true],
    ]);
  });
}

test("a clock that was set back does not make a fresh read look old", async () => {
  const { crm, sink, engine, all, send, clock } = world();
  await send(...all);
  await clock.advance(-3_600_000);
  crm.accounts.set("1", "Account One");
  await send(...all);
  assert.equal(sink.texts.get("zoho/1"), "Account One");
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "indexed");
});

test("a sink that indexes later is flushed once for many writes, and the ledger says when all is searchable", async () => {
  const { sink, engine, all, send, counts } = world(25);
  sink.isIndexedAtOnce = false;
  await send(...all);
  assert.ok(sink.flushes >= 1 && sink.flushes <= 3, `${sink.flushes} flushes`);
  assert.equal((await engine.ledger.inState("indexed", 100)).length, 25);
  assert.equal(counts["attempts:index"], sink.flushes);
  assert.equal(await engine.unsettled(), 0);
});

test("a document put during a flush is indexed by the next, and not taken for indexed before", async () => {
  const { crm, sink, engine, all, send, rest } = world();
  const stateNow = async () => (await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state;
  const states: unknown[] = [];
  sink.isIndexedAtOnce = false;
  sink.onFlush = async () => {
    states.push(await stateNow());
    if (sink.flushes > 1) return;
    crm.accounts.set("1", "Account One");
    await send(...all);
    assert.equal(sink.puts.length, 2);
  };
  await send(...all);
  await rest();
  assert.equal(sink.flushes, 2);
  assert.deepEqual(states, ["stored", "stored"]);
  assert.equal(await stateNow(), "indexed");
});

test("freshness and lag are measured for events, from the change to searchable", async () => {
  const { observed, send, clock, sink, crm } = world();
  sink.isIndexedAtOnce = false;
  const observedAt = clock.now() - 400;
  crm.onRead = () => clock.advance(100);
  await send({ module: "Accounts", recordId: "1", observedAt });
  const of = (name: string) => observed.filter((seen) => seen.name === name).map((seen) => seen.ms);
  assert.deepEqual(of("freshness"), [500]);
  assert.deepEqual(of("sync_lag"), [100]);
});

test("freshness is not measured where nobody says when the change happened: a first load may be of an old record", async () => {
  const { observed, send, sink, crm } = world();
  sink.isIndexedAtOnce = true;
  await send({ module: "Accounts", recordId: "1" });
  const of = (name: string) => observed.filter((seen) => seen.name === name);
  assert.equal(of("sync_lag").length, 1);
  assert.deepEqual(of("freshness"), []);
  crm.accounts.set("1", "Account One");
  await send({ module: "Accounts", recordId: "1", operation: "delete" });
  assert.equal(of("freshness").length, 1);
});
