import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "./rig.test.ts";

test("adds, updates and deletes records without a Content-Type", async (t) => {
  const { call } = await openRig(t);
  const added = await call("POST", "Accounts", { body: { data: [{ Account_Name: "Acme", Nonsense: 1 }] } });
  assert.equal(added.status, 201);
  const [item] = added.body.data;
  assert.deepEqual([item.code, item.message, item.status], ["SUCCESS", "record added", "success"]);
  const id = item.details.id;
  assert.equal(item.details.Modified_By.name, "API Integration");

  const updated = await call("PUT", `Accounts/${id}`, { body: { data: [{ Industry: "Energy" }] } });
  assert.deepEqual([updated.status, updated.body.data[0].message], [200, "record updated"]);
  assert.equal((await call("GET", `Accounts/${id}`)).body.data[0].Industry, "Energy");

  const deleted = await call("DELETE", `Accounts?ids=${id}`);
  assert.deepEqual(
    [deleted.status, deleted.body.data[0]],
    [200, { code: "SUCCESS", details: { id }, message: "record deleted", status: "success" }],
  );
  assert.equal((await call("GET", `Accounts/${id}`)).status, 204);
});

test("keeps the digits of ids that are sent as JSON numbers", async (t) => {
  const { call, simulator } = await openRig(t);
  const id = simulator.crm.create("Accounts", { Account_Name: "Digits" });
  const { body } = await call("PUT", "Accounts", { body: `{"data":[{"id":${id},"Employees":12}]}` });
  assert.equal(body.data[0].details.id, id);
});

test("answers 207 when some of a batch fail, and 400 when all do", async (t) => {
  const { call, simulator } = await openRig(t);
  const id = simulator.crm.ids("Accounts")[0];
  const unknown = "4876876000009999999";
  const mixed = await call("PUT", "Accounts", { body: { data: [{ id }, { id: unknown }] } });
  assert.equal(mixed.status, 207);
  assert.equal(mixed.body.data[1].code, "INVALID_DATA");
  assert.equal(mixed.body.data[1].message, "the id given seems to be invalid");
  const bad = await call("DELETE", `Accounts?ids=${unknown}`);
  assert.deepEqual([bad.status, bad.body.data[0].message], [400, "record not deleted"]);
});

test("refuses records that lack a mandatory field or hold a wrong value", async (t) => {
  const { call } = await openRig(t);
  const rows: [string, object, string, string][] = [
    ["Accounts", { Industry: "Energy" }, "MANDATORY_NOT_FOUND", "Account_Name"],
    ["Deals", { Deal_Name: "x" }, "MANDATORY_NOT_FOUND", "Stage"],
    ["Accounts", { Account_Name: "x", Annual_Revenue: "much" }, "INVALID_DATA", "Annual_Revenue"],
    ["Contacts", { Last_Name: "x", Account_Name: { id: "4876876000009999999" } }, "INVALID_DATA", "Account_Name"],
    ["Notes", { Note_Content: "x" }, "MANDATORY_NOT_FOUND", "Parent_Id"],
    ["Notes", { Note_Content: "x", Parent_Id: "4876876000000400003" }, "DEPENDENT_FIELD_MISSING", "Parent_Id"],
  ];
  for (const [module, fields, code, name] of rows) {
    const { status, body } = await call("POST", module, { body: { data: [fields] } });
    assert.deepEqual([status, body.data[0].code, body.data[0].details.api_name], [400, code, name]);
    assert.equal(body.data[0].details.json_path, `$.data[0].${name}`);
  }
  assert.equal((await call("POST", "Accounts", { body: "{" })).body.code, "INVALID_DATA");
});

test("upserts by its duplicate fields", async (t) => {
  const { call } = await openRig(t);
  const body = { data: [{ Account_Name: "Once", Industry: "Retail" }], duplicate_check_fields: ["Account_Name"] };
  const first = (await call("POST", "Accounts/upsert", { body })).body.data[0];
  const second = (await call("POST", "Accounts/upsert", { body })).body.data[0];
  assert.deepEqual([first.action, second.action, second.duplicate_field], ["insert", "update", "Account_Name"]);
  assert.equal(first.details.id, second.details.id);
});

test("adds notes to a parent, in both ways", async (t) => {
  const { call, simulator } = await openRig(t);
  const id = simulator.crm.ids("Deals")[0] ?? "";
  const Parent_Id = { id, module: { api_name: "Deals" } };
  const direct = await call("POST", "Notes", { body: { data: [{ Note_Content: "a", Parent_Id }] } });
  const related = await call("POST", `Deals/${id}/Notes`, { body: { data: [{ Note_Content: "b" }] } });
  assert.deepEqual([direct.status, related.status], [201, 201]);
  const ids = [direct, related].map((answer) => answer.body.data[0].details.id);
  const listed = await call("GET", `Deals/${id}/Notes?fields=Note_Content&ids=${ids.join()}`);
  assert.equal(listed.body.data.length, 2);
});

test("refuses to overwrite a newer record", async (t) => {
  const { call, simulator, clock } = await openRig(t);
  const id = simulator.crm.create("Accounts", { Account_Name: "Newer" });
  const earlier = new Date(clock.now() - 60_000).toISOString().replace(/\.\d+/, "");
  const headers = { "If-Unmodified-Since": earlier };
  const { status, body } = await call("PUT", `Accounts/${id}`, { body: { data: [{ Industry: "Energy" }] }, headers });
  assert.deepEqual([status, body.data[0].status], [412, "error"]);
  assert.notEqual((await call("GET", `Accounts/${id}`)).body.data[0].Industry, "Energy");
});

test("merges accounts: the master stays, the loser goes, its children follow without a trace", async (t) => {
  const { call, simulator, clock } = await openRig(t);
  const { crm } = simulator;
  const master = crm.create("Accounts", { Account_Name: "Master" });
  const loser = crm.create("Accounts", { Account_Name: "Loser", Website: "loser.example" });
  const contact = crm.create("Contacts", { Last_Name: "Child", Account_Name: loser });
  const before = crm.read("Contacts", contact)?.["Modified_Time"];
  await clock.advance(60_000);
  const merge = { merge: [{ data: [{ id: loser, _fields: [{ api_name: "Website" }] }] }] };
  const { status, body } = await call("POST", `Accounts/${master}/actions/merge`, { body: merge });
  assert.deepEqual([status, body.merge[0].code], [200, "SUCCESS"]);
  assert.equal(crm.read("Accounts", loser), undefined);
  assert.equal(crm.read("Accounts", master)?.["Website"], "loser.example");
  assert.deepEqual(crm.read("Contacts", contact)?.["Account_Name"], { name: "Master", id: master });
  assert.equal(crm.read("Contacts", contact)?.["Modified_Time"], before);
  assert.equal((await call("GET", `Accounts/${master}/actions/merge`)).body.merge[0].status, "COMPLETED");
  const wrong = await call("POST", `Accounts/${master}/actions/merge`, { body: merge });
  assert.equal(wrong.status, 400);
});

test("leaves the children of a deleted account without one, and a restore brings it back in silence", async (t) => {
  const { simulator, clock } = await openRig(t);
  const { crm } = simulator;
  const account = crm.create("Accounts", { Account_Name: "Gone" });
  const contact = crm.create("Contacts", { Last_Name: "Child", Account_Name: account });
  const note = crm.addNote({ module: "Accounts", id: account }, "kept with it");
  const before = crm.read("Accounts", account)?.["Modified_Time"];
  crm.delete("Accounts", account);
  assert.equal(crm.read("Contacts", contact)?.["Account_Name"], null);
  assert.equal(crm.read("Notes", note), undefined);
  await clock.advance(60_000);
  assert.equal(crm.restore("Accounts", account), true);
  assert.deepEqual(crm.read("Contacts", contact)?.["Account_Name"], { name: "Gone", id: account });
  assert.ok(crm.read("Notes", note));
  assert.equal(crm.read("Accounts", account)?.["Modified_Time"], before);
});

test("shows and empties the recycle bin", async (t) => {
  const { call, simulator } = await openRig(t);
  const id = simulator.crm.ids("Contacts")[0] ?? "";
  simulator.crm.delete("Contacts", id);
  const [first, second] = simulator.crm.ids("Deals");
  simulator.crm.delete("Deals", first ?? "");
  assert.ok((await call("GET", "settings/recycle_bin")).body.recycle_bin.length > 1);
  for (const path of [`settings/recycle_bin/${id}`, `settings/recycle_bin?ids=${id}`]) {
    const { recycle_bin } = (await call("GET", path)).body;
    assert.deepEqual([recycle_bin.length, recycle_bin[0].id], [1, id]);
  }
  assert.equal((await call("GET", `settings/recycle_bin/${second}`)).status, 204);
  assert.equal((await call("DELETE", `settings/recycle_bin?ids=${id}`)).status, 200);
  assert.equal(simulator.crm.restore("Contacts", id), false);
  assert.equal((await call("GET", "Contacts/deleted?type=permanent")).body.data[0].id, id);
});
