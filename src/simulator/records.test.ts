import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "./rig.test.ts";

const SINCE = "If-Modified-Since";

test("names 19-digit ids as text, and times with the org's offset", async (t) => {
  const { call } = await openRig(t);
  const { status, body, headers } = await call("GET", "Accounts?fields=Account_Name,Modified_Time&per_page=2");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json;charset=UTF-8");
  assert.match(headers.get("x-accesstoken-reset") ?? "", /^\d{4}-/);
  assert.equal(body.data.length, 2);
  assert.match(body.data[0].id, /^4876876000000\d{6}$/);
  assert.match(body.data[0].Modified_Time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30$/);
  assert.deepEqual(Object.keys(body.data[0]).sort(), ["Account_Name", "Modified_Time", "id"]);
  assert.equal(body.info.more_records, true);
  assert.equal(body.info.sort_by, "id");
  assert.ok(body.data[0].id > body.data[1].id, "newest ids first");
});

test("gives an account's name as text on Accounts, and as a lookup elsewhere", async (t) => {
  const { call } = await openRig(t);
  const account = (await call("GET", "Accounts?fields=Account_Name")).body.data[0];
  const contact = (await call("GET", "Contacts?fields=Account_Name")).body.data[0];
  assert.equal(typeof account.Account_Name, "string");
  assert.deepEqual(Object.keys(contact.Account_Name).sort(), ["id", "name"]);
});

test("refuses list reads that break the rules", async (t) => {
  const { call } = await openRig(t);
  const many = Array.from({ length: 51 }, (_, index) => `F${index}`).join();
  const ids = Array.from({ length: 52 }, () => "4876876000000400001").join();
  const rows: [string, string, object][] = [
    ["Accounts", "REQUIRED_PARAM_MISSING", { param_name: "fields" }],
    [`Accounts?fields=${many}`, "LIMIT_EXCEEDED", { limit: 50, param_name: "fields" }],
    ["Accounts?fields=id&per_page=201", "LIMIT_EXCEEDED", { limit: 200, param_name: "per_page" }],
    ["Accounts?fields=id&page=11", "DISCRETE_PAGINATION_LIMIT_EXCEEDED", { limit: 2000, param_name: "page" }],
    ["Accounts?fields=id&page=x", "INVALID_DATA", { param_name: "page", expected_data_type: "integer" }],
    ["Accounts?fields=id&sort_by=Industry", "INVALID_DATA", { param_name: "sort_by" }],
    [`Accounts?fields=id&ids=${ids}`, "INVALID_DATA", { param_name: "ids", maximum_length: 1024 }],
    ["Accounts?fields=id&page_token=zzz", "INVALID_DATA", { param_name: "page_token" }],
    ["Nonsense?fields=id", "INVALID_MODULE", { resource_path_index: 0 }],
    ["accounts?fields=id", "INVALID_MODULE", { resource_path_index: 0 }],
  ];
  for (const [path, code, details] of rows) {
    const { status, body } = await call("GET", path);
    assert.deepEqual([path, status, body.code, body.details, body.status], [path, 400, code, details, "error"]);
  }
  assert.equal((await call("GET", "accounts", { base: "crm/v2" })).status, 200, "v2 takes any case and no fields");
});

test("pages by token, which is bound to its parameters and lives a day", async (t) => {
  const { call, clock } = await openRig(t, { accounts: 5 });
  const first = await call("GET", "Accounts?fields=id&per_page=2");
  const token = first.body.info.next_page_token;
  const seen = [...first.body.data];
  const second = await call("GET", `Accounts?fields=id&per_page=2&page_token=${token}`);
  seen.push(...second.body.data);
  const third = await call("GET", `Accounts?fields=id&per_page=2&page_token=${second.body.info.next_page_token}`);
  seen.push(...third.body.data);
  assert.equal(new Set(seen.map((record) => record.id)).size, 5);
  assert.equal(third.body.info.more_records, false);
  assert.equal(third.body.info.next_page_token, null);

  const other = await call("GET", `Accounts?fields=Industry&per_page=2&page_token=${token}`);
  assert.equal(other.body.code, "TOKEN_BOUND_DATA_MISMATCH");
  const both = await call("GET", `Accounts?fields=id&per_page=2&page=1&page_token=${token}`);
  assert.equal(both.body.code, "AMBIGUITY_DURING_PROCESSING");
  await clock.advance(86_400_000);
  assert.equal((await call("GET", `Accounts?fields=id&per_page=2&page_token=${token}`)).body.code, "EXPIRED_VALUE");
});

test("has no page tokens on v2", async (t) => {
  const { call } = await openRig(t);
  const { body } = await call("GET", "Accounts?per_page=2", { base: "crm/v2" });
  assert.deepEqual(body.info, { per_page: 2, count: 2, page: 1, more_records: true });
});

test("answers 304 when nothing changed since, and only what changed otherwise", async (t) => {
  const { call, clock, simulator } = await openRig(t);
  const now = new Date(clock.now()).toISOString().replace(/\.\d+/, "");
  const list = "Accounts?fields=Account_Name";
  const unchanged = await call("GET", list, { headers: { [SINCE]: now } });
  assert.deepEqual([unchanged.status, unchanged.body], [304, undefined]);
  await clock.advance(2000);
  const id = simulator.crm.ids("Accounts")[0] ?? "";
  simulator.crm.update("Accounts", id, { Industry: "Energy" });
  const changed = await call("GET", list, { headers: { [SINCE]: now } });
  assert.deepEqual(
    changed.body.data.map((record: { id: string }) => record.id),
    [id],
  );
  assert.equal((await call("GET", `Accounts/${id}`, { headers: { [SINCE]: now } })).status, 200);
  const bad = await call("GET", list, { headers: { [SINCE]: "yesterday" } });
  assert.equal(bad.body.code, "INVALID_DATA");
});

test("reads one record as an array of one, and 204 for what is not there", async (t) => {
  const { call, simulator } = await openRig(t);
  const id = simulator.crm.ids("Accounts")[0] ?? "";
  const { body } = await call("GET", `Accounts/${id}`);
  assert.equal(body.data.length, 1);
  assert.equal(body.info, undefined);
  assert.ok("Health_Score" in body.data[0] && "Account_Status" in body.data[0]);
  for (const path of [
    "Accounts/4876876000009999999",
    "Quotes?fields=id",
    "Accounts?fields=id&ids=4876876000009999999",
  ]) {
    const nothing = await call("GET", path);
    assert.deepEqual([nothing.status, nothing.body], [204, undefined]);
  }
  assert.equal((await call("GET", "Accounts/abc")).body.code, "INVALID_DATA");
});

test("cuts rich text to 500 characters in lists and gives it whole on request", async (t) => {
  const { call, simulator } = await openRig(t);
  const id = simulator.crm.ids("Accounts")[0] ?? "";
  const whole = "long ".repeat(300);
  simulator.crm.update("Accounts", id, { Description: whole });
  const noteId = simulator.crm.addNote({ module: "Accounts", id }, whole);
  const listed = await call("GET", `Accounts?fields=Description&ids=${id}`);
  assert.equal(listed.body.data[0].Description.length, 500);
  const related = await call("GET", `Accounts/${id}/Notes?fields=Note_Content&ids=${noteId}`);
  assert.equal(related.body.data[0].Note_Content.length, 500);
  for (const path of [
    `Accounts/${id}`,
    `Accounts/${id}/actions/fetch_full_data?fields=Description`,
    `Accounts/actions/fetch_full_data?ids=${id}&fields=Description`,
  ])
    assert.equal((await call("GET", path)).body.data[0].Description, whole);
  simulator.behaviour.singleReadRichTextCut = true;
  assert.equal((await call("GET", `Accounts/${id}`)).body.data[0].Description.length, 500);
});

test("splits activities of an account into open and history lists", async (t) => {
  const { call, simulator } = await openRig(t);
  const account = simulator.crm.create("Accounts", { Account_Name: "Split" });
  const task = (Status: string) =>
    simulator.crm.create("Tasks", { Subject: Status, Status, What_Id: account, $se_module: "Accounts" });
  const open = task("Not Started");
  const closed = task("Completed");
  const ids = async (list: string) =>
    ((await call("GET", `Accounts/${account}/${list}?fields=Subject`)).body?.data ?? []).map(
      (record: { id: string }) => record.id,
    );
  assert.deepEqual(await ids("Tasks"), [open]);
  assert.deepEqual(await ids("Tasks_History"), [closed]);
  assert.deepEqual(await ids("Activities_Chronological_View"), [open]);
  assert.equal((await call("GET", `Accounts/${account}/Events?fields=id`)).status, 204);
  assert.equal((await call("GET", `Accounts/${account}/Events`)).body.code, "REQUIRED_PARAM_MISSING");
  const unknown = await call("GET", `Accounts/${account}/Gadgets?fields=id`);
  assert.deepEqual([unknown.status, unknown.body.code], [400, "INVALID_DATA"]);
  assert.match(unknown.body.message, /^The relation name/);
});

test("lists Notes with their parent, unless the user is no administrator", async (t) => {
  const { call, simulator } = await openRig(t);
  const { body } = await call("GET", "Notes?fields=Note_Title,Note_Content,Parent_Id&per_page=1");
  assert.match(body.data[0].Parent_Id.module.api_name, /^(Accounts|Contacts|Deals)$/);
  const account = simulator.crm.ids("Accounts")[0] ?? "";
  simulator.crm.addNote({ module: "Accounts", id: account }, "x");
  const related = await call("GET", `Accounts/${account}/Notes?fields=Parent_Id`);
  assert.equal(related.body.data[0].Parent_Id.module, undefined);
  simulator.behaviour.notesForbidden = true;
  const refused = await call("GET", "Notes?fields=Note_Title");
  assert.deepEqual([refused.status, refused.body.code], [403, "NOT_SUPPORTED"]);
});

test("reads Activities as one module, with $se_module beside What_Id", async (t) => {
  const { call } = await openRig(t);
  const { body } = await call("GET", "Activities?fields=Subject,What_Id");
  assert.ok(body.data.some((record: { $se_module: string }) => record.$se_module === "Accounts"));
});

test("tells of deleted records, with nothing but the id of permanent ones", async (t) => {
  const { call, simulator, clock } = await openRig(t);
  assert.equal((await call("GET", "Contacts/deleted?type=all")).status, 204);
  const [first = "", second = ""] = simulator.crm.ids("Contacts");
  simulator.crm.delete("Contacts", first);
  await clock.advance(5000);
  simulator.crm.delete("Contacts", second);
  simulator.crm.purge("Contacts", second);
  const all = await call("GET", "Contacts/deleted?type=all");
  assert.deepEqual(
    all.body.data.map((row: { id: string; type: string }) => [row.id, row.type]),
    [
      [second, "permanent"],
      [first, "recycle"],
    ],
  );
  assert.deepEqual([all.body.data[0].display_name, all.body.data[0].deleted_by], [null, null]);
  assert.equal(typeof all.body.data[1].display_name, "string");
  assert.equal((await call("GET", "Contacts/deleted?type=recycle")).body.data.length, 1);
  const since = new Date(clock.now() - 2000).toISOString().replace(/\.\d+/, "");
  assert.equal((await call("GET", "Contacts/deleted?type=all", { headers: { [SINCE]: since } })).body.data.length, 1);
  assert.equal((await call("GET", "Notes/deleted?type=all")).status, 400);
  await clock.advance(61 * 86_400_000);
  assert.equal((await call("GET", "Contacts/deleted?type=recycle")).status, 204);
});

test("answers unknown addresses and verbs as documented", async (t) => {
  const { call } = await openRig(t);
  const address = await call("GET", "Accounts/1/2/3/4/5");
  assert.deepEqual([address.status, address.body.code], [404, "INVALID_URL_PATTERN"]);
  const verb = await call("PATCH", "Accounts");
  assert.deepEqual([verb.status, verb.body.code], [400, "INVALID_REQUEST_METHOD"]);
});
