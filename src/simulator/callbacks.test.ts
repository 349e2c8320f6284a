import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { Mischief } from "./mischief.ts";
import { openReceiver, openRig, type Receiver, type Rig } from "./rig.test.ts";

interface Watched extends Rig {
  readonly receiver: Receiver;
  /** Lets the window of coalescing pass. */
  settle(): Promise<void>;
  bodies(): ReturnType<typeof JSON.parse>[];
}

async function openWatched(t: TestContext, channel: object = {}, base = "crm/v8"): Promise<Watched> {
  const rig = await openRig(t);
  const receiver = await openReceiver(t);
  const watch = [
    {
      channel_id: "1105420521999070702",
      events: ["Accounts.all", "Contacts.all", "Deals.all", "Tasks.all"],
      notify_url: `${receiver.url}?from=zoho`,
      token: "secret-token",
      notify_on_related_action: false,
      ...channel,
    },
  ];
  assert.equal((await rig.call("POST", "actions/watch", { body: { watch }, base })).status, 201);
  return {
    ...rig,
    receiver,
    settle: () => rig.clock.advance(20),
    bodies: () => receiver.received.map(({ text }) => JSON.parse(text)),
  };
}

test("announces an update in the documented shape and key order", async (t) => {
  const { simulator, receiver, settle, bodies, clock } = await openWatched(t, { return_affected_field_values: true });
  const id = simulator.crm.ids("Accounts")[0] ?? "";
  const changedAt = clock.now();
  simulator.crm.update("Accounts", id, { Industry: "Energy Reborn", Health_Score: 3 });
  await settle();
  await receiver.arrived(1);
  assert.equal(receiver.received[0]?.headers["content-type"], "application/json;charset=UTF-8");
  const [body] = bodies();
  assert.deepEqual(body, {
    server_time: changedAt,
    affected_values: [{ record_id: id, values: { Industry: "Energy Reborn", Health_Score: 3 } }],
    query_params: { from: "zoho" },
    module: "Accounts",
    resource_uri: `${simulator.url}/crm/v2/Accounts`,
    ids: [id],
    affected_fields: [{ [id]: ["Industry", "Health_Score"] }],
    operation: "update",
    channel_id: "1105420521999070702",
    token: "secret-token",
  });
  assert.equal(
    Object.keys(body).join(),
    "server_time,affected_values,query_params,module,resource_uri,ids,affected_fields,operation,channel_id,token",
  );
});

test("announces inserts without fields, and deletes as updates of who and what", async (t) => {
  const { simulator, receiver, settle, bodies } = await openWatched(t, { return_affected_field_values: true });
  const id = simulator.crm.create("Contacts", { Last_Name: "New" });
  await settle();
  await receiver.arrived(1);
  simulator.crm.delete("Contacts", id);
  await settle();
  await receiver.arrived(2);
  const [insert, deletion] = bodies();
  assert.deepEqual([insert.operation, insert.affected_fields, insert.ids], ["insert", [], [id]]);
  assert.equal(deletion.operation, "delete");
  assert.deepEqual(deletion.affected_fields, [{ [id]: ["Modified_By", "Record_Status__s"] }]);
  assert.equal(deletion.affected_values[0].values.Record_Status__s, 0);
  assert.deepEqual(Object.keys(deletion.affected_values[0].values.Modified_By).sort(), ["email", "id", "name"]);
});

test("puts changes of one moment into one callback", async (t) => {
  const { simulator, receiver, settle, bodies } = await openWatched(t);
  const ids = simulator.crm.ids("Accounts").slice(0, 5);
  for (const id of ids) simulator.crm.update("Accounts", id, { Rating: "Shut Down!" });
  simulator.crm.update("Accounts", ids[0] ?? "", { Phone: "1" });
  await settle();
  await receiver.arrived(1);
  const [body] = bodies();
  assert.deepEqual(body.ids, ids);
  assert.deepEqual(body.affected_fields[0], { [ids[0] ?? ""]: ["Rating", "Phone"] });
  assert.equal(body.affected_values, undefined);
});

test("says nothing of Notes, of silent consequences, and after expiry", async (t) => {
  const { simulator, receiver, settle, clock, bodies } = await openWatched(t);
  const { crm } = simulator;
  const account = crm.ids("Accounts")[0] ?? "";
  crm.addNote({ module: "Accounts", id: account }, "quiet");
  crm.delete("Accounts", account);
  crm.restore("Accounts", account);
  await settle();
  await receiver.arrived(1);
  await clock.advance(3_600_000);
  crm.update("Accounts", account, { Phone: "2" });
  await settle();
  assert.equal(simulator.stats.callbacks.pending, 0);
  assert.deepEqual(
    bodies().map((body) => [body.module, body.operation, body.ids]),
    [["Accounts", "delete", [account]]],
  );
});

test("announces a merge as an update of the master and deletes of the losers", async (t) => {
  const { simulator, receiver, settle, bodies } = await openWatched(t);
  const [master = "", loser = ""] = simulator.crm.ids("Accounts");
  simulator.crm.merge("Accounts", master, [loser]);
  await settle();
  await receiver.arrived(2);
  const seen = bodies().map((body) => `${body.module}.${body.operation} ${body.ids.join()}`);
  assert.deepEqual(seen.sort(), [`Accounts.delete ${loser}`, `Accounts.update ${master}`]);
});

test("tells a channel on accounts of changed children unless it asked not to", async (t) => {
  const { simulator, receiver, settle, bodies } = await openWatched(t, {
    events: ["Accounts.edit"],
    notify_on_related_action: undefined,
  });
  const account = simulator.crm.create("Accounts", { Account_Name: "Parent" });
  simulator.crm.create("Contacts", { Last_Name: "Child", Account_Name: account });
  await settle();
  await receiver.arrived(1);
  assert.deepEqual([bodies()[0].module, bodies()[0].ids], ["Accounts", [account]]);
});

test("keeps to the condition of a channel", async (t) => {
  const field = (api_name: string) => ({ field: { api_name, id: "1" } });
  const { simulator, receiver, settle, bodies } = await openWatched(t, {
    notification_condition: [
      {
        type: "field_selection",
        module: { api_name: "Deals" },
        field_selection: { group_operator: "or", group: [field("Stage"), field("Amount")] },
      },
    ],
  });
  const [first = "", second = ""] = simulator.crm.ids("Deals");
  simulator.crm.update("Deals", first, { Next_Step: "nothing watched" });
  simulator.crm.update("Deals", second, { Amount: 1 });
  await settle();
  await receiver.arrived(1);
  assert.deepEqual(bodies()[0].ids, [second]);
});

test("leaves server_time out of the callbacks of v2 channels", async (t) => {
  const { simulator, receiver, settle, bodies } = await openWatched(t, {}, "crm/v2");
  simulator.crm.create("Accounts", { Account_Name: "Old" });
  await settle();
  await receiver.arrived(1);
  assert.equal("server_time" in bodies()[0], false);
});

test("does not repeat a callback that was refused, unless told to", async (t) => {
  const { simulator, receiver, settle, clock } = await openWatched(t);
  receiver.status = 500;
  simulator.crm.create("Accounts", { Account_Name: "One" });
  await settle();
  await receiver.arrived(1);
  while (simulator.stats.callbacks.pending > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(simulator.stats.callbacks.answered, { 500: 1 });
  simulator.behaviour.callbackRetries = 1;
  simulator.crm.create("Accounts", { Account_Name: "Two" });
  await settle();
  await receiver.arrived(2);
  while (clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(1000);
  await receiver.arrived(3);
  assert.equal(receiver.received[1]?.text, receiver.received[2]?.text);
});

test("makes the mischief that it is told to", async (t) => {
  const { simulator, receiver, settle, bodies, clock } = await openWatched(t);
  const { mischief, crm } = simulator;
  const id = crm.ids("Accounts")[0] ?? "";
  let expected = 0;
  async function withTrouble(trouble: Partial<Mischief>, arrivals: number): Promise<void> {
    const before = { ...mischief };
    Object.assign(mischief, trouble);
    crm.update("Accounts", id, { Employees: expected });
    await settle();
    await clock.advance(2000);
    expected += arrivals;
    await receiver.arrived(expected);
    Object.assign(mischief, before);
  }
  await withTrouble({ lost: 1 }, 0);
  await withTrouble({ doubled: 1 }, 2);
  await withTrouble({ late: { minMs: 500, maxMs: 1500 } }, 1);
  await withTrouble({ reordered: 1 }, 1);
  await withTrouble({ nullToken: 1 }, 1);
  await withTrouble({ wrongToken: 1 }, 1);
  await withTrouble({ unknownOperation: 1 }, 1);
  const seen = bodies();
  assert.deepEqual(seen[0], seen[1]);
  assert.equal(seen[4].token, null);
  assert.notEqual(seen[5].token, "secret-token");
  assert.equal(["insert", "update", "delete"].includes(seen[6].operation), false);
  assert.equal(simulator.stats.callbacks.lost, 1);
  for (let count = 0; count < 6; count += 1) await withTrouble({ torn: 1 }, 1);
  const torn = receiver.received.slice(-6);
  for (const { text } of torn) assert.throws(() => JSON.parse(text), SyntaxError);
  assert.equal(simulator.stats.callbacks.torn, 6);
});

test("gathers up to a hundred ids in one callback when told to", async (t) => {
  const { simulator, receiver, clock, bodies } = await openWatched(t);
  simulator.mischief.multiId = 100;
  for (let count = 0; count < 101; count += 1) simulator.crm.create("Tasks", { Subject: `task ${count}` });
  await receiver.arrived(1);
  await clock.advance(1000);
  await receiver.arrived(2);
  assert.deepEqual(
    bodies().map((body) => body.ids.length),
    [100, 1],
  );
});

test("signs what it posts of Notes, over timestamp and body", async (t) => {
  const rig = await openRig(t);
  const receiver = await openReceiver(t);
  const { crm } = rig.simulator;
  crm.setSignedNotes({ url: receiver.url, secret: "s3cret" });
  const account = crm.ids("Accounts")[0] ?? "";
  const note = crm.addNote({ module: "Accounts", id: account }, "hello");
  await receiver.arrived(1);
  crm.update("Notes", note, { Note_Content: "changed" });
  await receiver.arrived(2);
  crm.delete("Notes", note);
  await receiver.arrived(3);
  const bodies = receiver.received.map(({ text }) => JSON.parse(text));
  assert.deepEqual(
    bodies.map((body) => [body.module, body.event_type, body.record_id, body.account_id]),
    ["create", "update", "delete"].map((type) => ["Notes", type, note, account]),
  );
  for (const { text, headers } of receiver.received) {
    const timestamp = headers["x-zoho-timestamp"];
    assert.equal(timestamp, String(rig.clock.now()));
    const expected = createHmac("sha256", "s3cret").update(`${timestamp}.${text}`).digest("hex");
    assert.equal(headers["x-zoho-signature"], expected);
  }
});
