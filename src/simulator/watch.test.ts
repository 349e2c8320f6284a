import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig, type Rig } from "./rig.test.ts";

const DAY_MS = 86_400_000;
const URL = "https://receiver.example/hook?source=zoho";

/** Epoch milliseconds as the watch API takes it. */
function iso(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

function open(rig: Rig, changes: object = {}, base = "crm/v8") {
  const watch = [
    { channel_id: "1000", events: ["Accounts.all", "Deals.edit"], notify_url: URL, token: "t", ...changes },
  ];
  return rig.call("POST", "actions/watch", { body: { watch }, base });
}

async function lifeMs(rig: Rig): Promise<number> {
  const { body } = await rig.call("GET", "actions/watch");
  return Date.parse(body.watch[0].channel_expiry) - Math.floor(rig.clock.now() / 1000) * 1000;
}

test("opens a channel and answers one event per module, in the org's time", async (t) => {
  const rig = await openRig(t);
  const { status, body } = await open(rig);
  assert.equal(status, 201);
  const [item] = body.watch;
  assert.deepEqual(
    [item.code, item.message],
    ["SUCCESS", "Successfully subscribed for actions-watch of the given module"],
  );
  assert.deepEqual(
    item.details.events.map((event: { resource_name: string }) => event.resource_name),
    ["Accounts", "Deals"],
  );
  const [event] = item.details.events;
  assert.match(event.channel_expiry, /\+05:30$/);
  assert.match(event.resource_uri, /\/crm\/v2\/Accounts$/);
  assert.equal(event.channel_id, "1000");
  const modules = (await rig.call("GET", "settings/modules")).body.modules;
  assert.equal(event.resource_id, modules.find((row: { api_name: string }) => row.api_name === "Accounts").id);
});

test("lists one row per channel and module, with token and address in clear", async (t) => {
  const rig = await openRig(t);
  assert.equal((await rig.call("GET", "actions/watch")).status, 204);
  await open(rig);
  const { body } = await rig.call("GET", "actions/watch");
  assert.equal(body.watch.length, 2);
  assert.deepEqual(body.watch[0].events, ["Accounts.create", "Accounts.edit", "Accounts.delete"]);
  assert.deepEqual([body.watch[0].token, body.watch[0].notify_url], ["t", URL]);
  assert.equal(body.watch[0].notify_on_related_action, true);
  assert.equal(body.info.count, 2);
  assert.equal((await rig.call("GET", "actions/watch?module=Deals")).body.watch.length, 1);
  assert.equal((await rig.call("GET", "actions/watch?channel_id=9")).status, 204);
});

test("lives an hour by default and beyond the longest life, which is a week, or a day up to v3", async (t) => {
  const rig = await openRig(t);
  const now = Math.floor(rig.clock.now() / 1000) * 1000;
  const rows: [object, string, number][] = [
    [{}, "crm/v8", 3_600_000],
    [{ channel_expiry: iso(now + 7 * DAY_MS) }, "crm/v8", 7 * DAY_MS],
    [{ channel_expiry: iso(now + 7 * DAY_MS + 60_000) }, "crm/v8", 3_600_000],
    [{ channel_expiry: iso(now + 2 * DAY_MS) }, "crm/v3", 3_600_000],
    [{ channel_expiry: iso(now + DAY_MS) }, "crm/v3", DAY_MS],
  ];
  for (const [changes, base, life] of rows) {
    assert.equal((await open(rig, changes, base)).status, 201);
    assert.equal(await lifeMs(rig), life, JSON.stringify(changes));
  }
});

test("refuses wrong channels", async (t) => {
  const rig = await openRig(t);
  const field = { field: { api_name: "Stage", id: "1" } };
  const nested = (depth: number): object =>
    depth === 0 ? field : { group_operator: "or", group: [nested(depth - 1), nested(depth - 1)] };
  const condition = (rest: object) => ({
    notification_condition: [
      { type: "field_selection", module: { api_name: "Deals" }, field_selection: field, ...rest },
    ],
  });
  const rows: [object, string, string | undefined][] = [
    [{ channel_id: undefined }, "MANDATORY_NOT_FOUND", "channel_id"],
    [{ events: undefined }, "MANDATORY_NOT_FOUND", "events"],
    [{ notify_url: undefined }, "MANDATORY_NOT_FOUND", "notify_url"],
    [{ channel_id: "abc" }, "INVALID_DATA", "channel_id"],
    [{ channel_id: "9223372036854775808" }, "INVALID_DATA", "channel_id"],
    [{ token: "x".repeat(51) }, "INVALID_DATA", "token"],
    [{ events: ["Notes.all"] }, "INVALID_DATA", "events"],
    [{ events: ["Activities.all"] }, "INVALID_DATA", "events"],
    [{ events: ["Accounts.insert"] }, "INVALID_DATA", "events"],
    [{ events: "Accounts.all" }, "INVALID_DATA", "events"],
    [{ channel_expiry: "2026-01-01T00:00:00.000Z" }, "INVALID_DATA", "channel_expiry"],
    [{ channel_expiry: "2001-01-01T00:00:00Z" }, "INVALID_DATA", "channel_expiry"],
    [{ notify_url: "x".repeat(256) }, "INVALID_DATA", "notify_url"],
    [{ return_affected_field_values: "yes" }, "INVALID_DATA", "return_affected_field_values"],
    [condition({ type: undefined }), "DEPENDENT_FIELD_MISSING", "field_selection"],
    [condition({ module: {} }), "EXPECTED_FIELD_MISSING", undefined],
    [condition({ module: { api_name: "Deals", id: "1" } }), "AMBIGUITY_DURING_PROCESSING", undefined],
    [condition({ field_selection: { group: [] } }), "MANDATORY_NOT_FOUND", "group_operator"],
    [condition({ field_selection: { group_operator: "or", group: [field, field, field] } }), "INVALID_DATA", "group"],
    [condition({ field_selection: nested(4) }), "INVALID_DATA", "field_selection"],
  ];
  for (const [changes, code, name] of rows) {
    const { status, body } = await open(rig, changes);
    assert.deepEqual(
      [status, body.watch[0].code, body.watch[0].details.api_name],
      [400, code, name],
      JSON.stringify(changes),
    );
  }
  assert.equal((await open(rig, condition({}))).status, 201);
});

test("answers 207 when some channels of a request are good, and 202 up to v3", async (t) => {
  const rig = await openRig(t);
  const watch = [
    { channel_id: "1", events: ["Accounts.all"], notify_url: URL },
    { channel_id: "2", events: ["Notes.all"], notify_url: URL },
  ];
  assert.equal((await rig.call("POST", "actions/watch", { body: { watch } })).status, 207);
  assert.equal((await rig.call("POST", "actions/watch", { body: { watch }, base: "crm/v3" })).status, 202);
});

test("replaces all of a channel by PUT, and changes only what is given by PATCH", async (t) => {
  const rig = await openRig(t);
  const now = Math.floor(rig.clock.now() / 1000) * 1000;
  const settings = { return_affected_field_values: true, notify_on_related_action: false };
  await open(rig, { ...settings, channel_expiry: iso(now + DAY_MS) });
  const patch = { watch: [{ channel_id: "1000", notify_url: URL, token: "u" }] };
  const patched = await rig.call("PATCH", "actions/watch", { body: patch });
  assert.deepEqual(
    [patched.status, patched.body.watch[0].message],
    [200, "Successfully updated the subscribe details"],
  );
  const row = async () => (await rig.call("GET", "actions/watch")).body.watch[0];
  assert.deepEqual([(await row()).token, (await row()).return_affected_field_values], ["u", true]);
  assert.equal(await lifeMs(rig), DAY_MS);
  const put = { watch: [{ channel_id: "1000", events: ["Accounts.edit"], notify_url: URL }] };
  assert.equal((await rig.call("PUT", "actions/watch", { body: put })).status, 200);
  const replaced = await row();
  assert.deepEqual(
    [replaced.token, replaced.return_affected_field_values, replaced.notify_on_related_action, replaced.events],
    [null, false, true, ["Accounts.edit"]],
  );
});

test("drops single events by PATCH and whole channels by DELETE", async (t) => {
  const rig = await openRig(t);
  await open(rig);
  const some = { watch: [{ channel_id: "1000", events: ["Accounts.delete"], _delete_events: true }] };
  const dropped = await rig.call("PATCH", "actions/watch", { body: some });
  assert.equal(dropped.body.watch[0].message, "Successfully removed the subscribe details");
  assert.deepEqual((await rig.call("GET", "actions/watch?module=Accounts")).body.watch[0].events, [
    "Accounts.create",
    "Accounts.edit",
  ]);
  const { status, body } = await rig.call("DELETE", "actions/watch?channel_ids=1000");
  assert.equal(status, 200);
  assert.equal(body.watch.length, 2, "one item per module");
  assert.deepEqual(Object.keys(body.watch[0].details).sort(), ["channel_id", "resource_id", "resource_uri"]);
  assert.equal((await rig.call("DELETE", "actions/watch")).body.code, "REQUIRED_PARAM_MISSING");
});

test("forgets a channel at its expiry: renewing it is refused then", async (t) => {
  const rig = await openRig(t);
  await open(rig);
  await rig.clock.advance(3_600_000);
  assert.equal((await rig.call("GET", "actions/watch")).status, 204);
  const watch = [{ channel_id: "1000", events: ["Accounts.all"], notify_url: URL }];
  for (const answer of [
    await rig.call("PATCH", "actions/watch", { body: { watch } }),
    await rig.call("PUT", "actions/watch", { body: { watch } }),
    await rig.call("DELETE", "actions/watch?channel_ids=1000"),
  ])
    assert.deepEqual(
      [answer.status, answer.body],
      [
        400,
        {
          watch: [
            {
              code: "NOT_SUBSCRIBED",
              details: {},
              message: "Not subscribed for actions-watch of the given channel",
              status: "error",
            },
          ],
        },
      ],
    );
});
