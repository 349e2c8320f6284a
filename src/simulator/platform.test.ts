import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { manualClock } from "../clock.ts";
import { seededRandom } from "../random.ts";
import { type Answer, answerOf, openReceiver, openRig } from "./rig.test.ts";
import { startSimulator } from "./simulator.ts";

test("answers what a standard client asks before its first record", async (t) => {
  const { call } = await openRig(t);
  const users = await call("GET", "users?type=CurrentUser");
  assert.equal(users.body.users.length, 1);
  assert.match(users.body.users[0].email, /@/);
  assert.equal(typeof (await call("GET", "org")).body.org[0].zgid, "string");
  const { modules } = (await call("GET", "settings/modules")).body;
  assert.ok(
    modules.some(
      (row: { api_name: string; api_supported: boolean }) => row.api_name === "Contacts" && row.api_supported,
    ),
  );
  const headers = { "If-Modified-Since": "2026-01-01T00:00:00Z" };
  assert.equal((await call("GET", "settings/modules", { headers })).status, 304);

  const field = async (base: string) =>
    (await call("GET", "settings/fields?module=Contacts", { base })).body.fields.find(
      (row: { api_name: string }) => row.api_name === "Account_Name",
    );
  assert.equal((await field("crm/v8")).data_type, "lookup");
  assert.equal((await field("crm/v8")).lookup.module.api_name, "Accounts");
  assert.equal((await field("crm/v2.1")).lookup.module, "Accounts");

  const lists = (await call("GET", "settings/related_lists?module=Accounts")).body.related_lists;
  const history = lists.find((row: { api_name: string }) => row.api_name === "Tasks_History");
  assert.deepEqual([history.module.api_name, typeof history.href], ["Tasks", "string"]);
  assert.ok((await call("GET", "settings/layouts?module=Deals")).body.layouts[0].sections[0].fields.length > 5);
  assert.equal((await call("GET", "settings/fields")).body.code, "REQUIRED_PARAM_MISSING");
});

test("gives metadata ids that occur once, and one row by its id", async (t) => {
  const { call, simulator } = await openRig(t);
  const seen: string[] = simulator.crm.ids("Accounts").slice();
  for (const module of ["Accounts", "Contacts", "Deals", "Tasks"])
    for (const kind of ["fields", "related_lists", "layouts"]) {
      const rows: { id: string; api_name: string }[] = (await call("GET", `settings/${kind}?module=${module}`)).body[
        kind
      ];
      seen.push(...rows.map((row) => row.id));
      const last = rows.at(-1);
      const one = (await call("GET", `settings/${kind}/${last?.id}?module=${module}`)).body[kind];
      assert.deepEqual([one.length, one[0].api_name], [1, last?.api_name]);
    }
  assert.equal(new Set(seen).size, seen.length);
  assert.ok(seen.every((id) => /^\d{19}$/.test(id)));
  assert.equal((await call("GET", "settings/fields/17?module=Accounts")).body.code, "INVALID_DATA");

  const { id } = (await call("GET", "settings/modules/Accounts")).body.modules[0];
  assert.equal((await call("GET", `settings/modules/${id}`)).body.modules[0].api_name, "Accounts");
});

test("pages and counts users, and knows that they did not change", async (t) => {
  const { call } = await openRig(t);
  const { count } = (await call("GET", "users/actions/count")).body;
  const { users, info } = (await call("GET", "users?per_page=2&page=2")).body;
  assert.deepEqual([users.length, info.page, info.more_records], [2, 2, count > 4]);
  assert.equal((await call("GET", `users/${users[0].id}`)).body.users[0].email, users[0].email);
  const headers = { "If-Modified-Since": "2026-01-01T00:00:00Z" };
  assert.equal((await call("GET", "users", { headers })).status, 304);
});

test("takes a bulk job from order to zip", async (t) => {
  const { call, simulator, signIn } = await openRig(t);
  const base = "crm/bulk/v8";
  const json = { "content-type": "application/json" };
  simulator.crm.create("Accounts", { Account_Name: 'Comma, "quoted"', Industry: "Odd" });
  const query = {
    module: { api_name: "Accounts" },
    fields: ["Account_Name", "Owner"],
    criteria: { field: { api_name: "Industry" }, comparator: "equal", value: "Odd" },
  };
  assert.equal((await call("POST", "read", { base, body: { query } })).status, 415);
  const ordered = await call("POST", "read", { base, body: { query }, headers: json });
  assert.deepEqual([ordered.status, ordered.body.data[0].code], [201, "ADDED_SUCCESSFULLY"]);
  const id = ordered.body.data[0].details.id;
  assert.equal((await call("GET", `read/${id}/result`, { base })).status, 400);
  assert.equal((await call("GET", `read/${id}`, { base })).body.data[0].state, "IN PROGRESS");
  const done = (await call("GET", `read/${id}`, { base })).body.data[0];
  assert.deepEqual([done.state, done.result.count, done.result.more_records], ["COMPLETED", 1, false]);
  assert.equal(done.result.download_url, `/crm/bulk/v8/read/${id}/result`);
  const old = { base: "crm/bulk/v2.1", headers: json };
  const oldId = (await call("POST", "read", { ...old, body: { query } })).body.data[0].details.id;
  await call("GET", `read/${oldId}`, old);
  const oldResult = (await call("GET", `read/${oldId}`, old)).body.data[0].result;
  assert.equal(oldResult.download_url, `/crm/bulk/v2.1/read/${oldId}/result`);

  const authorization = `Zoho-oauthtoken ${(await signIn()).body.access_token}`;
  const zip = await fetch(`${simulator.url}${done.result.download_url}`, { headers: { authorization } });
  assert.match(zip.headers.get("content-disposition") ?? "", /filename\*=UTF-8''\d+\.zip$/);
  const bytes = Buffer.from(await zip.arrayBuffer());
  const nameLength = bytes.readUInt16LE(26);
  const content = bytes.subarray(30 + nameLength, 30 + nameLength + bytes.readUInt32LE(18));
  assert.equal(bytes.readUInt32LE(0), 0x04034b50);
  assert.equal(bytes.readUInt32LE(14), crc32(content));
  assert.match(content.toString(), /^Id,Account_Name,Owner\n\d{19},"Comma, ""quoted""",\d{19}$/);
});

test("goes on with bulk rows by token, calls back, and refuses Notes and unknown jobs", async (t) => {
  const rig = await openRig(t, { behaviour: { bulkRowsMax: 5, bulkReadPolls: 0 } });
  const receiver = await openReceiver(t);
  const base = "crm/bulk/v8";
  const headers = { "content-type": "application/json" };
  const order = (body: object) => rig.call("POST", "read", { base, body, headers });
  const query = { module: { api_name: "Accounts" }, fields: ["Account_Name"] };
  const first = await order({ query, callback: { url: receiver.url, method: "post" } });
  await receiver.arrived(1);
  const told = JSON.parse(receiver.received[0]?.text ?? "").data[0];
  assert.deepEqual([told.id, told.result.count, told.result.more_records], [first.body.data[0].details.id, 5, true]);
  const next = await order({ query: { page_token: told.result.next_page_token } });
  const second = (await rig.call("GET", `read/${next.body.data[0].details.id}`, { base })).body.data[0];
  assert.deepEqual([second.result.page, second.result.count], [2, 5]);
  assert.equal((await order({ query: { module: { api_name: "Notes" } } })).body.code, "MODULE_NOT_SUPPORTED");
  assert.equal((await order({ query: { module: { api_name: "Gadgets" } } })).body.code, "MODULE_NOT_AVAILABLE");
  const unknown = await rig.call("GET", "read/1", { base });
  assert.deepEqual([unknown.status, unknown.body.code], [404, "RESOURCE_NOT_FOUND"]);
});

test("runs composite requests in order, with references, five at most", async (t) => {
  const { call } = await openRig(t, { accounts: 40 });
  const part = (sub_request_id: string, uri: string, params: object = {}) => ({
    sub_request_id,
    method: "GET",
    uri,
    params,
  });
  const body = {
    __composite_requests: [
      part("1", "/crm/v8/Accounts", { fields: "Account_Name" }),
      part("2", "/crm/v8/Accounts/@{1:$.data[0].id}"),
      part("3", "/crm/v8/Gadgets", { fields: "id" }),
    ],
  };
  const [list, single, bad] = (await call("POST", "__composite_requests", { body })).body.__composite_requests;
  assert.equal(list.details.response.body.data.length, 25);
  assert.equal(single.details.response.body.data[0].id, list.details.response.body.data[0].id);
  assert.deepEqual([bad.status, bad.details.response.status_code], ["error", 400]);
  const six = { __composite_requests: Array.from({ length: 6 }, (_, index) => part(String(index), "/crm/v8/org")) };
  assert.equal((await call("POST", "__composite_requests", { body: six })).body.code, "LIMIT_EXCEEDED");
});

test("counts credits, tells what is left from the half on, and then answers 429", async (t) => {
  const { call, clock } = await openRig(t, { behaviour: { creditsPerDay: 4 } });
  const left = async () => {
    const { status, headers } = await call("GET", "Accounts?fields=id");
    return [status, headers.get("x-api-credits-remaining")];
  };
  assert.deepEqual(
    [await left(), await left(), await left(), await left()],
    [
      [200, null],
      [200, "2"],
      [200, "1"],
      [200, "0"],
    ],
  );
  const spent = await call("GET", "Accounts?fields=id");
  assert.deepEqual([spent.status, spent.body.code, spent.headers.get("retry-after")], [429, "TOO_MANY_REQUESTS", null]);
  await clock.advance(25 * 3_600_000);
  assert.deepEqual(await left(), [200, null]);
});

test("answers 429 to one call too many at once, and to one heavy call too many", async (t) => {
  const { call, coql, clock, simulator } = await openRig(t, { behaviour: { concurrencyMax: 3, subConcurrencyMax: 2 } });
  await call("GET", "org");
  simulator.mischief.latencyMs = 100;
  const query = "select id from Accounts where id is not null";
  const heavy = [coql(query), coql(query)];
  while (clock.sleepers < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await coql(query)).status, 429);
  const light = call("GET", "org");
  while (clock.sleepers < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await call("GET", "org")).status, 429);
  await clock.advance(100);
  const statuses = (await Promise.all([...heavy, light])).map((answer) => answer.status);
  assert.deepEqual(statuses, [200, 200, 200]);
});

test("makes trouble for callers when told to", async (t) => {
  const { call, signIn, simulator } = await openRig(t);
  const { mischief } = simulator;
  const read = () => call("GET", "Accounts?fields=id");
  assert.equal((await read()).status, 200);
  mischief.tooManyRequests = 1;
  assert.equal((await read()).status, 429);
  mischief.tooManyRequests = 0;
  mischief.serverErrors = 1;
  assert.ok((await read()).status >= 500);
  mischief.serverErrors = 0;
  mischief.outage = "unavailable";
  const out = await read();
  assert.deepEqual([out.status, typeof out.body], [503, "string"]);
  mischief.outage = "cut";
  await assert.rejects(read(), TypeError);
  mischief.outage = "none";
  mischief.revoked = true;
  assert.deepEqual((await signIn()).body, { error: "invalid_code" });
  mischief.staleToken = 1;
  assert.equal((await read()).body.code, "INVALID_TOKEN");
});

test("is driven from outside by the control interface", async (t) => {
  const { simulator, signIn } = await openRig(t);
  const control = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${simulator.url}/__simulator/${path}`, init);
    return answerOf(response);
  };
  const changed = await control("POST", "changes", [
    { do: "create", module: "Accounts", fields: { Account_Name: "Outside", Employees: 3 } },
    { do: "workday", count: 3 },
  ]);
  const [{ id }, { lines }] = changed.body.results;
  assert.equal(lines.length, 3);
  const contact = (
    await control("POST", "changes", { do: "create", module: "Contacts", fields: { Last_Name: "C", Account_Name: id } })
  ).body.results[0].id;
  await control("POST", "changes", { do: "note", module: "Contacts", id: contact, content: "of a contact" });
  const truth = (await control("GET", `truth/${id}`)).body;
  assert.equal(truth.account.Account_Name, "Outside");
  assert.deepEqual([truth.contacts[0].id, truth.notes[0].Note_Content], [contact, "of a contact"]);
  await control("POST", "changes", { do: "move", module: "Contacts", id: contact, account: null });
  assert.equal((await control("GET", `truth/${id}`)).body.contacts.length, 0);
  await control("POST", "changes", { do: "delete", module: "Accounts", id });
  assert.equal((await control("GET", `truth/${id}`)).status, 404);

  await control("PUT", "mischief", { lost: 0.5, nonsense: 1 });
  assert.equal(simulator.mischief.lost, 0.5);
  assert.equal("nonsense" in simulator.mischief, false);
  assert.equal((await control("PUT", "behaviour", { tokensPerWindow: 1000 })).body.tokensPerWindow, 1000);
  for (let restart = 0; restart < 20; restart += 1) assert.ok((await signIn()).body.access_token);
  assert.equal(typeof (await control("GET", "stats")).body.callsTotal, "number");
  assert.match((await control("GET", "")).body, /PUT .*behaviour/);
  assert.equal((await control("POST", "changes", [1])).status, 400);
});

test("makes the same org from the same seed, and another from another", async (t) => {
  const open = async (seed: number) => {
    const simulator = await startSimulator({ clock: manualClock(), seed, accounts: 20 });
    t.after(() => simulator.close());
    const lines = Array.from({ length: 100 }, () => simulator.crm.workday());
    return JSON.stringify([lines, simulator.crm.ids("Accounts").map((id) => simulator.crm.truth(id))]);
  };
  const [first, same, other] = [await open(3), await open(3), await open(4)];
  assert.equal(first, same);
  assert.notEqual(first, other);
});

test("keeps the records whole through a long run of workdays", async (t) => {
  const simulator = await startSimulator({ clock: manualClock(), accounts: 30 });
  t.after(() => simulator.close());
  const random = seededRandom(11);
  for (let step = 0; step < 2000; step += 1) simulator.crm.workday(random);
  const accounts = new Set(simulator.crm.ids("Accounts"));
  assert.ok(accounts.size >= 4);
  for (const module of ["Contacts", "Deals"])
    for (const id of simulator.crm.ids(module)) {
      const link = simulator.crm.read(module, id)?.["Account_Name"];
      if (typeof link === "object" && link !== null && "id" in link) assert.ok(accounts.has(String(link.id)));
    }
});
