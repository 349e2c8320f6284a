import assert from "node:assert/strict";
import { test } from "node:test";
import { newEvent, startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import type { ProcessorOptions } from "./processor-deps.ts";

function world(options: Partial<ProcessorOptions> = {}) {
  const made = startWorld(openTestEngine, options);
  for (const id of ["1", "2", "3"]) made.crm.accounts.set(id, `Account ${id}`);
  return made;
}

/** A world in which contact 10 and task 20 are known to belong to account 1. */
async function settledWorld() {
  const made = world();
  made.crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  made.crm.children.set("Tasks/20", { account: "1", text: "call back" });
  await made.send({ module: "Accounts", recordId: "1" });
  made.crm.reads.length = 0;
  return made;
}

test("the debounce joins what many records of one account announce, and not only what one record does", async () => {
  const { crm, sink, counts, send, pass, engine } = world({ debounceMs: 300 });
  for (let id = 10; id < 50; id++) {
    crm.children.set(`Contacts/${id}`, { account: "1", text: `Contact ${id}` });
    await send({ module: "Contacts", recordId: `${id}`, operation: "create" });
    await pass(100);
  }
  assert.equal(sink.texts.size, 0);
  await pass(300);
  assert.match(sink.texts.get("zoho/1") ?? "", /Contact 10[\s\S]*Contact 49/);
  assert.equal(counts["attempts:sync"], 1);
  assert.equal(await engine.unsettled(), 0);
});

test("the account that a record has left is debounced like the one that has it now", async () => {
  const { crm, engine, clock, send, pass } = world({ debounceMs: 300 });
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  await send({ module: "Contacts", recordId: "10" });
  await pass(300);
  crm.children.set("Contacts/10", { account: "2", text: "Ada" });
  await send({ module: "Contacts", recordId: "10" });
  assert.equal((await engine.job("sync", "zoho/1"))?.dueAt, clock.now() + 300);
  assert.equal((await engine.job("sync", "zoho/2"))?.dueAt, clock.now() + 300);
});

test("an urgent event is not debounced on its way", async () => {
  const { crm, sink, engine, clock, rest } = world({ debounceMs: 300 });
  crm.children.set("Deals/30", { account: "1", text: "Big deal" });
  const event = newEvent({ module: "Deals", recordId: "30", operation: "update" }, 1, clock.now());
  await engine.queue.deliver([{ ...event, rank: "urgent" }]);
  await rest();
  assert.match(sink.texts.get("zoho/1") ?? "", /Big deal/);
});

test("a record never seen is looked up, and its account is synced", async () => {
  const { crm, sink, send } = world();
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  await send({ module: "Contacts", recordId: "10", operation: "create" });
  assert.deepEqual(crm.lookups, [["Contacts/10"]]);
  assert.match(sink.texts.get("zoho/1") ?? "", /Ada/);
});

test("all lookups of one claim are one batched read", async () => {
  const { crm, sink, send } = world();
  for (let id = 10; id < 60; id++) crm.children.set(`Contacts/${id}`, { account: "1", text: `Contact ${id}` });
  await send(...Array.from({ length: 50 }, (_, index) => ({ module: "Contacts", recordId: `${10 + index}` })));
  assert.equal(crm.lookups.length, 1);
  assert.equal(crm.lookups[0]?.length, 50);
  assert.equal(sink.puts.length, 1);
});

test("an update of a known record that cannot have moved it costs no lookup", async () => {
  const rows = [
    { module: "Contacts", recordId: "10", fields: ["Phone"] },
    { module: "Tasks", recordId: "20", fields: ["Subject", "Status"] },
  ];
  for (const row of rows) {
    const { crm, send } = await settledWorld();
    await send(row);
    assert.deepEqual(crm.lookups, [], JSON.stringify(row));
    assert.deepEqual(crm.reads, [["zoho/1"]], JSON.stringify(row));
  }
});

test("an update that may have moved a known record is looked up", async () => {
  const rows = [
    { module: "Contacts", recordId: "10", fields: ["Phone", "Account_Name"] },
    { module: "Contacts", recordId: "10" },
    { module: "Contacts", recordId: "10", fields: [] },
    { module: "Contacts", recordId: "10", operation: "restore" as const, fields: ["Phone"] },
    { module: "Tasks", recordId: "20", fields: ["What_Id"] },
    { module: "Tasks", recordId: "20", fields: ["Who_Id"] },
    { module: "Tasks", recordId: "20", fields: ["$se_module"] },
  ];
  for (const row of rows) {
    const { crm, send } = await settledWorld();
    await send(row);
    assert.equal(crm.lookups.length, 1, JSON.stringify(row));
  }
});

test("one event of several that may have moved the record is enough for a lookup", async () => {
  const { crm, send } = await settledWorld();
  await send(
    { module: "Contacts", recordId: "10", fields: ["Phone"] },
    { module: "Contacts", recordId: "10", fields: ["Account_Name"] },
  );
  assert.equal(crm.lookups.length, 1);
});

test("a contact that moved refreshes both accounts", async () => {
  const { crm, sink, send } = await settledWorld();
  crm.children.set("Contacts/10", { account: "2", text: "Ada" });
  await send({ module: "Contacts", recordId: "10", fields: ["Account_Name"] });
  assert.doesNotMatch(sink.texts.get("zoho/1") ?? "", /Ada/);
  assert.match(sink.texts.get("zoho/2") ?? "", /Ada/);
});

test("the account that an event names becomes due as well, and is not taken for the truth", async () => {
  const { crm, sink, send } = await settledWorld();
  await send({ module: "Contacts", recordId: "10", fields: ["Phone"], accountId: "3" });
  assert.deepEqual(new Set(crm.reads.flat()), new Set(["zoho/1", "zoho/3"]));
  assert.doesNotMatch(sink.texts.get("zoho/3") ?? "", /Ada/);
});

test("a deleted child that the ledger knows leaves its account, without a lookup", async () => {
  const { crm, sink, send } = await settledWorld();
  crm.children.delete("Contacts/10");
  await send({ module: "Contacts", recordId: "10", operation: "delete" });
  assert.deepEqual(crm.lookups, []);
  assert.doesNotMatch(sink.texts.get("zoho/1") ?? "", /Ada/);
});

test("a delete of a record that nobody knows is looked up once and settled", async () => {
  const { crm, counts, send, engine } = world();
  await send({ module: "Contacts", recordId: "99", operation: "delete" });
  assert.deepEqual(crm.lookups, [["Contacts/99"]]);
  assert.equal(counts["events_without_account"], 1);
  assert.equal(await engine.unsettled(), 0);
});

test("a record without an account is settled with nothing to do", async () => {
  const { crm, counts, send, engine } = world();
  crm.children.set("Contacts/10", { account: undefined, text: "Ada" });
  await send({ module: "Contacts", recordId: "10", operation: "create" });
  assert.deepEqual(crm.reads, []);
  assert.equal(counts["events_without_account"], 1);
  assert.equal(await engine.unsettled(), 0);
});

test("a record that cannot be looked up backs off alone, and its neighbours go on", async () => {
  const { crm, sink, send, engine } = world();
  for (const id of ["10", "11", "12"]) crm.children.set(`Contacts/${id}`, { account: "1", text: `Contact ${id}` });
  crm.poison.set("11", "CRM_READ_FAILED");
  await send(...["10", "11", "12"].map((recordId) => ({ module: "Contacts", recordId })));
  assert.equal(sink.puts.length, 1);
  assert.equal(await engine.unsettled(), 1);
});

test("a key of no known shape is a dead letter and no obstacle", async () => {
  const { crm, engine, rest, clock, send } = world();
  crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  const bad = { ...newEvent({ module: "Contacts", recordId: "1", operation: "update" }, 1_000, clock.now()) };
  await engine.queue.deliver([{ ...bad, key: "zoho/Contacts/not-an-id" }]);
  await engine.queue.deliver([{ ...bad, lane: "sync", key: "zoho/x", reason: { ...bad.reason, eventId: "evt_1001" } }]);
  await rest();
  await send({ module: "Contacts", recordId: "10" });
  const letters = await engine.deadLetters();
  assert.deepEqual(letters.map((letter) => [letter.key, letter.cause]).sort(), [
    ["zoho/Contacts/not-an-id", "REASON_INVALID"],
    ["zoho/x", "REASON_INVALID"],
  ]);
  assert.deepEqual(crm.reads, [["zoho/1"]]);
});

test("a note that cannot be read counts as a change of anything", async () => {
  const { crm, engine, rest, clock } = await settledWorld();
  const event = newEvent({ module: "Contacts", recordId: "10", operation: "update" }, 1_000, clock.now());
  await engine.queue.deliver([{ ...event, reason: { ...event.reason, note: "[broken" } }]);
  await rest();
  assert.equal(crm.lookups.length, 1);
  assert.deepEqual(crm.reads, [["zoho/1"]]);
});

test("a custom module is routed by its configured field", async () => {
  const { crm, sink, send } = world();
  crm.children.set("Projects/30", { account: "1", text: "Relaunch" });
  await send({ module: "Projects", recordId: "30", operation: "create" });
  await send({ module: "Projects", recordId: "30", fields: ["Phase"] });
  assert.equal(crm.lookups.length, 1);
  await send({ module: "Projects", recordId: "30", fields: ["Client"] });
  assert.equal(crm.lookups.length, 2);
  assert.match(sink.texts.get("zoho/1") ?? "", /Relaunch/);
});

test("urgent work stays urgent on its way to the account", async () => {
  const { crm, engine, rest, clock } = world();
  crm.children.set("Deals/10", { account: "1", text: "big" });
  const event = newEvent({ module: "Deals", recordId: "10", operation: "update" }, 1_000, clock.now());
  const ranks: string[] = [];
  const claim = engine.queue.claim.bind(engine.queue);
  engine.queue.claim = async (options) => {
    const leases = await claim(options);
    ranks.push(...leases.map((lease) => `${lease.lane} ${lease.rank}`));
    return leases;
  };
  await engine.queue.deliver([{ ...event, rank: "urgent" }]);
  await rest();
  assert.deepEqual(ranks, ["route urgent", "sync urgent"]);
});
