import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "./faults.ts";
import { type LogFields, openLog } from "./log.ts";

function written(fields: LogFields, bound: LogFields = {}): string {
  const lines: string[] = [];
  openLog("debug", { write: (line) => void lines.push(line) })
    .child(bound)
    .info(fields, "told");
  return lines.join("");
}

const SECRET = "s3cr3t";

test("a secret's name hides its value at any depth, in lists and bound fields too", () => {
  for (const name of ["token", "client_secret", "refreshToken", "password", "authorization", "apiKey", "cookie"]) {
    const lines = [
      written({ [name]: SECRET }),
      written({ a: { b: { c: { d: { [name]: SECRET } } } } }),
      written({ channels: [{ channelId: "1", [name]: SECRET }] }),
      written({ [name]: { current: SECRET } }),
      written({}, { request: { [name]: SECRET } }),
    ];
    for (const line of lines) {
      assert.doesNotMatch(line, /s3cr3t/, name);
      assert.match(line, /\[redacted\]/, name);
    }
  }
});

test("signature and authorization headers are hidden, however they are spelt", () => {
  for (const name of [
    "x-zoho-signature",
    "X-Webhook-Signature",
    "webhook-signature",
    "Authorization",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
  ]) {
    assert.doesNotMatch(written({ request: { headers: { [name]: SECRET } } }), /s3cr3t/, name);
  }
});

test("what an error carries besides code, message and cause is not written", () => {
  const cause = Object.assign(new Error("refused"), { headers: { authorization: SECRET } });
  const error = new Fault("CRM_UNREACHABLE", "reading accounts", { cause });
  for (const line of [written({ error }), written({ err: error }), written({ a: { b: error } })]) {
    assert.doesNotMatch(line, /s3cr3t/);
    assert.match(line, /CRM_UNREACHABLE/);
    assert.match(line, /refused/);
  }
});

test("instances and maps are looked into as well", () => {
  class Channel {
    readonly token = SECRET;
  }
  const line = written({ channel: new Channel(), headers: new Map([["x-zoho-signature", SECRET]]), at: new Date(0) });
  assert.doesNotMatch(line, /s3cr3t/);
  assert.match(line, /1970-01-01T00:00:00.000Z/);
});

test("names that only resemble a secret's stay, as does whether a secret is set", () => {
  const config = { WEBHOOK_SECRET: "set", ADMIN_TOKEN: "unset", WEBHOOK_SECRET_PREVIOUS_UNTIL: "2026-12-31T00:00:00Z" };
  const line = written({ config, key: "zoho/1", eventIds: ["evt_1"], isSecret: true, password: undefined });
  assert.deepEqual(JSON.parse(line).config, config);
  assert.doesNotMatch(line, /redacted/);
});

test("a line stays bounded whatever is handed in", () => {
  const ring: Record<string, unknown> = { token: SECRET };
  ring["self"] = ring;
  const wide = Array.from({ length: 100_000 }, (_, index) => ({ index, token: SECRET }));
  const line = written({ ring, wide });
  assert.doesNotMatch(line, /s3cr3t/);
  assert.ok(line.length < 100_000, `${line.length} characters`);
});
