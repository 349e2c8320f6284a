import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import { Fault } from "../faults.ts";

/** Accounts 1 and 2, both written; contact 10, its task 20 and deal 30 belong to account 1. */
async function settledWorld() {
  const made = startWorld(openTestEngine);
  made.crm.accounts.set("1", "Loser");
  made.crm.accounts.set("2", "Master");
  made.crm.children.set("Contacts/10", { account: "1", text: "Ada" });
  made.crm.children.set("Tasks/20", { account: "1", text: "call back" });
  made.crm.children.set("Deals/30", { account: "1", text: "Gears" });
  await made.send({ module: "Accounts", recordId: "1" }, { module: "Accounts", recordId: "2" });
  made.crm.lookups.length = 0;
  const moveAll = (account: string | undefined) => {
    for (const [key, child] of made.crm.children) made.crm.children.set(key, { ...child, account });
  };
  return { ...made, moveAll };
}

test("an account that was merged away takes its children to the master, though nothing is sent for them", async () => {
  const { crm, sink, engine, send, moveAll } = await settledWorld();
  crm.accounts.delete("1");
  moveAll("2");
  await send({ module: "Accounts", recordId: "1", operation: "delete" });
  assert.equal(sink.texts.has("zoho/1"), false);
  assert.equal(sink.texts.get("zoho/2"), "Master\nContacts/10: Ada\nDeals/30: Gears\nTasks/20: call back");
  assert.equal(await engine.unsettled(), 0);
});

test("a merge announced by the master's update alone is noticed as well, and so is the loser's end", async () => {
  const { crm, sink, engine, send, moveAll } = await settledWorld();
  crm.accounts.delete("1");
  moveAll("2");
  await send({ module: "Accounts", recordId: "2" });
  assert.equal(sink.texts.has("zoho/1"), false);
  assert.match(sink.texts.get("zoho/2") ?? "", /Ada/);
  assert.equal(await engine.unsettled(), 0);
});

test("of a deleted account only the child that fell to another account makes that one due", async () => {
  const { crm, sink, counts, engine, send, moveAll } = await settledWorld();
  crm.accounts.delete("1");
  moveAll(undefined);
  crm.children.set("Tasks/20", { account: "2", text: "call back" });
  await send({ module: "Accounts", recordId: "1", operation: "delete" });
  assert.equal(sink.texts.get("zoho/2"), "Master\nTasks/20: call back");
  assert.deepEqual(
    crm.lookups.map((lookup) => [...lookup].sort()),
    [["Contacts/10", "Deals/30", "Tasks/20"]],
  );
  assert.equal(counts["events_without_account"] ?? 0, 0);
  assert.deepEqual(await engine.deadLetters(), []);
  assert.equal(await engine.unsettled(), 0);
});

test("a record that arrived at an account only to find it gone is looked up again", async () => {
  const { crm, sink, engine, send, rest } = await settledWorld();
  const gate = Promise.withResolvers<void>();
  // Task 21 is new: its event has reached account 1, which has never been read with it.
  crm.children.set("Tasks/21", { account: "1", text: "new task" });
  crm.onRead = () => gate.promise;
  await send({ module: "Accounts", recordId: "1" });
  await send({ module: "Tasks", recordId: "21", operation: "create" });
  crm.accounts.delete("1");
  crm.children.set("Tasks/21", { account: "2", text: "new task" });
  crm.onRead = () => undefined;
  gate.resolve();
  await rest();
  await rest();
  assert.equal(sink.texts.get("zoho/2"), "Master\nTasks/21: new task");
  assert.equal(await engine.unsettled(), 0);
});

test("an account of which nothing was known costs no lookup", async () => {
  const { crm, engine, send } = await settledWorld();
  await send({ module: "Accounts", recordId: "404", operation: "delete" });
  assert.deepEqual(crm.lookups, []);
  assert.equal(await engine.unsettled(), 0);
});

test("the children are looked up though the store was away when the account's end was written", async () => {
  const { crm, sink, engine, send, pass, moveAll } = await settledWorld();
  const { settle } = engine.queue;
  crm.accounts.delete("1");
  moveAll("2");
  crm.onRead = () => {
    engine.queue.settle = async () => {
      throw new Fault("STORE_UNAVAILABLE", "testing");
    };
    crm.onRead = () => undefined;
  };
  await send({ module: "Accounts", recordId: "1", operation: "delete" });
  await pass(60_000, 1_000);
  engine.queue.settle = settle;
  await pass(40_000, 1_000);
  assert.match(sink.texts.get("zoho/2") ?? "", /Ada/);
  assert.equal(sink.texts.has("zoho/1"), false);
  assert.equal(await engine.unsettled(), 0);
});
