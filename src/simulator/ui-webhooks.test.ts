import assert from "node:assert/strict";
import { test } from "node:test";
import { openReceiver, openRig } from "./rig.test.ts";

/** A merge field, as Zoho writes it. */
const merged = (name: string) => `\${!Accounts.${name}}`;

const PATH = "settings/automation/webhooks";

test("keeps a workflow webhook and sends it with the record's values merged in", async (t) => {
  const { call, simulator } = await openRig(t);
  const receiver = await openReceiver(t);
  const webhook = {
    name: "To memhook",
    module: { api_name: "Accounts" },
    url: receiver.url,
    http_method: "POST",
    headers: {
      custom_parameters: [{ name: "X-Secret", value: "s" }],
      module_parameters: [{ name: "X-Id", value: merged("Id") }],
    },
    body: {
      type: "raw",
      format: "JSON",
      raw_data_content: `{"id":"${merged("Id")}","name":"${merged("Account_Name")}"}`,
    },
  };
  const made = await call("POST", PATH, { body: { webhooks: [webhook] } });
  assert.deepEqual([made.status, made.body.webhooks[0].code], [201, "SUCCESS"]);
  const webhookId = made.body.webhooks[0].details.id;
  assert.equal((await call("GET", `${PATH}/${webhookId}`)).body.webhooks[0].name, "To memhook");

  receiver.status = 404;
  const id = simulator.crm.create("Accounts", { Account_Name: "Merged" });
  await receiver.arrived(1);
  const [first] = receiver.received;
  assert.deepEqual(JSON.parse(first?.text ?? ""), { id, name: "Merged" });
  assert.deepEqual([first?.headers["x-secret"], first?.headers["x-id"]], ["s", id]);
  while (simulator.stats.callbacks.pending > 0) await new Promise((resolve) => setImmediate(resolve));
  const [failure] = (await call("GET", "settings/automation/webhook_failures")).body.webhook_failures;
  assert.deepEqual(
    [failure.failure_reason, failure.entity_details.id, failure.webhook.id],
    ["page_notfound", id, webhookId],
  );

  assert.equal((await call("DELETE", `${PATH}/${webhookId}`)).status, 200);
  assert.equal((await call("GET", PATH)).status, 204);
});

test("refuses wrong workflow webhooks", async (t) => {
  const { call } = await openRig(t);
  const good = { name: "n", module: { api_name: "Accounts" }, url: "https://a.example", http_method: "POST" };
  const rows: [object, string, string][] = [
    [{ name: undefined }, "MANDATORY_NOT_FOUND", "name"],
    [{ name: "a~b" }, "INVALID_DATA", "name"],
    [{ url: "https://10.0.0.1/x" }, "INVALID_DATA", "url"],
    [{ module: { api_name: "Notes" } }, "INVALID_DATA", "module"],
    [{ http_method: "PATCH" }, "INVALID_DATA", "http_method"],
    [{ headers: { custom_parameters: [{ name: "HOST", value: "x" }] } }, "INVALID_DATA", "headers.custom_parameters"],
    [{ body: { type: "raw", raw_data_content: "x".repeat(501) } }, "INVALID_DATA", "body.raw_data_content"],
  ];
  for (const [changes, code, name] of rows) {
    const { status, body } = await call("POST", PATH, { body: { webhooks: [{ ...good, ...changes }] } });
    assert.deepEqual([status, body.code, body.details.api_name], [400, code, name]);
  }
  assert.equal((await call("POST", PATH, { body: { webhooks: [good, good] } })).status, 400);
});
