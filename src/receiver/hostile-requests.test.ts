import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import Fastify from "fastify";
import { manualClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import type { NewEvent } from "../queue/queue.ts";
import { fieldMatcher } from "./field-matcher.ts";
import { type ReceiverDeps, receiverPlugin, SERVER_BOUNDS } from "./receiver.ts";
import { REFUSALS, type RefusalCode } from "./refusal.ts";

const SECRET = "current-secret-of-the-test";
const RETIRED = "previous-secret-of-the-test";
const TOKEN = "channel-token-of-the-test";
const CHANNEL = "1105420521999070702";
const ID = "4876876000000123001";
const clock = manualClock();
const NOW_S = Math.floor(clock.now() / 1_000);
const MIB = 1_048_576;

const taken: NewEvent[] = [];
const counted = new Map<string, number>();
const deps: ReceiverDeps = {
  queue: {
    deliver: async (events) => {
      for (const event of events) taken.push(event);
      return { outcome: "taken", events: events.map(() => "queued" as const) };
    },
  },
  clock,
  log: silentLog,
  counters: {
    add: (deltas) => {
      for (const [name, delta] of Object.entries(deltas)) counted.set(name, (counted.get(name) ?? 0) + delta);
    },
  },
  secrets: { current: SECRET, previous: { secret: RETIRED, until: clock.now() - 1 } },
  channelTokens: () => channels,
  modules: new Set(["Accounts", "Contacts", "Deals", "Tasks", "Events", "Calls", "Notes"]),
  criticalFields: fieldMatcher([]),
  eventFilter: fieldMatcher([]),
  debounceMs: 0,
  limits: { failuresBurst: 10_000 },
};
const channels = [
  { channelId: CHANNEL, token: TOKEN, expiresAt: clock.now() + 60_000 },
  { channelId: "77", token: "token-of-a-channel-long-gone", expiresAt: clock.now() - 2 * 86_400_000 },
  { channelId: "78", token: "", expiresAt: clock.now() + 60_000 },
];

const server = Fastify({ ...SERVER_BOUNDS });
let port = 0;

before(async () => {
  server.post("/other", async (request) => ({ parsed: request.body }));
  await server.register(receiverPlugin(deps));
  await server.listen({ host: "127.0.0.1", port: 0 });
  const address = server.server.address();
  assert.ok(address !== null && typeof address === "object");
  port = address.port;
});
after(() => server.close());

interface Attempt {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

function send(attempt: Attempt): Promise<Answer> {
  const body = Buffer.from(attempt.body ?? "");
  const isChunked = attempt.headers?.["transfer-encoding"] !== undefined;
  const headers: Record<string, string | string[] | number> = isChunked ? {} : { "content-length": body.length };
  for (const [name, value] of Object.entries(attempt.headers ?? {})) {
    headers[name] = typeof value === "string" ? value : [...value];
  }
  return new Promise((resolve, reject) => {
    const { method = "POST", path = "/webhooks/zoho" } = attempt;
    const request = httpRequest({ host: "127.0.0.1", port, agent: false, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Writes bytes as they are and reads the first status line, for what no client library would send. */
function sendRaw(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      socket.destroy();
      resolve(text);
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

const hmac = (key: string | Buffer, ...parts: (string | Buffer)[]) => {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac;
};
const json = { "content-type": "application/json" };

/** A body signed rightly, with headers on top. */
function signed(body: string | Buffer, headers: Attempt["headers"] = {}): Attempt {
  return { body, headers: { ...json, "x-zoho-signature": hmac(SECRET, body).digest("hex"), ...headers } };
}

function signedAt(timestamp: string, body: string | Buffer, headers: Attempt["headers"] = {}): Attempt {
  const signature = hmac(SECRET, timestamp, ".", body).digest("hex");
  return { body, headers: { ...json, "x-timestamp": timestamp, "x-signature": signature, ...headers } };
}

function standard(
  body: string,
  claims: { id?: string; at?: string; sign?: (mac: string) => string; key?: string } = {},
): Attempt {
  const { id = "msg_1", at = String(NOW_S), sign = (mac: string) => `v1,${mac}`, key = SECRET } = claims;
  const mac = hmac(key, id, ".", at, ".", body).digest("base64");
  return { body, headers: { ...json, "webhook-id": id, "webhook-timestamp": at, "webhook-signature": sign(mac) } };
}

function event(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ event_type: "update", module: "Accounts", record_id: ID, ...changes });
}

function callback(changes: Readonly<Record<string, unknown>> = {}): Attempt {
  const body = { module: "Accounts", operation: "update", ids: [ID], channel_id: CHANNEL, token: TOKEN, ...changes };
  return { headers: json, body: JSON.stringify(body) };
}

/** The signed event as text, with one member written by hand. */
function written(member: string): Attempt {
  return signed(`{"event_type":"update","module":"Accounts","record_id":"${ID}",${member}}`);
}

const good = event();
const goodHex = hmac(SECRET, good).digest("hex");
const goodBase64 = hmac(SECRET, good).digest("base64");
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

type Row = readonly [name: string, attempt: Attempt, code: RefusalCode];

const SIZES: readonly Row[] = [
  ["a body one byte too large, rightly signed", signed(`${good}${" ".repeat(MIB + 1 - good.length)}`), "too_large"],
  ["a body of 3 MiB without any proof", { body: "x".repeat(3 * MIB), headers: json }, "too_large"],
  [
    "a chunked body of 2 MiB, which announces no length",
    { body: "x".repeat(2 * MIB), headers: { ...json, "transfer-encoding": "chunked" } },
    "too_large",
  ],
  ["too large and of a wrong type: size is judged first", { body: "x".repeat(MIB + 1) }, "too_large"],
];

const PROOFS: readonly Row[] = [
  ["no proof at all", { body: good, headers: json }, "invalid_signature"],
  ["an empty body without proof", { headers: json }, "invalid_signature"],
  ["a body that is no JSON without proof", { body: "hello", headers: json }, "invalid_signature"],
  [
    "no proof and a wrong media type: authenticity is judged first",
    { body: good, headers: { "content-type": "text/plain" } },
    "invalid_signature",
  ],
  [
    "no proof and a compressed body",
    { body: gzipSync(good), headers: { ...json, "content-encoding": "gzip" } },
    "invalid_signature",
  ],
  [
    "a signature under another secret",
    signed(good, { "x-zoho-signature": hmac("other", good).digest("hex") }),
    "invalid_signature",
  ],
  ["a signature of another body", { ...signed(event({ record_id: "1" })), body: good }, "invalid_signature"],
  ["one byte changed after signing", { ...signed(good), body: good.replace("update", "delete") }, "invalid_signature"],
  ["an empty signature", signed(good, { "x-zoho-signature": "" }), "invalid_signature"],
  ["a signature cut short", signed(good, { "x-zoho-signature": goodHex.slice(0, 62) }), "invalid_signature"],
  ["a signature with bytes added", signed(good, { "x-zoho-signature": `${goodHex}00` }), "invalid_signature"],
  ["a base64 signature cut short", signed(good, { "x-zoho-signature": goodBase64.slice(0, 40) }), "invalid_signature"],
  [
    "a base64 signature under a key of its own",
    signed(good, { "x-zoho-signature": "A".repeat(43) }),
    "invalid_signature",
  ],
  ["a signature in Latin-1 letters", signed(good, { "x-zoho-signature": "é".repeat(64) }), "invalid_signature"],
  ["a signature of 15,000 characters", signed(good, { "x-zoho-signature": "a".repeat(15_000) }), "invalid_signature"],
  [
    "HMAC-SHA1 announced as such",
    signed(good, { "x-zoho-signature": `sha1=${createHmac("sha1", SECRET).update(good).digest("hex")}` }),
    "invalid_signature",
  ],
  [
    "HMAC-SHA1 announced as SHA-256",
    signed(good, { "x-zoho-signature": `sha256=${createHmac("sha1", SECRET).update(good).digest("hex")}` }),
    "invalid_signature",
  ],
  [
    "HMAC-SHA512",
    signed(good, { "x-zoho-signature": createHmac("sha512", SECRET).update(good).digest("hex") }),
    "invalid_signature",
  ],
  [
    "a plain hash of the secret and the body",
    signed(good, { "x-zoho-signature": hmac("", SECRET, good).digest("hex") }),
    "invalid_signature",
  ],
  ["the prefix twice", signed(good, { "x-zoho-signature": `sha256=sha256=${goodHex}` }), "invalid_signature"],
  ["none as the algorithm", signed(good, { "x-zoho-signature": "none" }), "invalid_signature"],
  ["a good and a bad signature header", signed(good, { "x-signature": "0".repeat(64) }), "invalid_signature"],
  [
    "the same header twice with different values",
    signed(good, { "x-zoho-signature": [goodHex, "0".repeat(64)] }),
    "invalid_signature",
  ],
  [
    "the previous secret after its end",
    signed(good, { "x-zoho-signature": hmac(RETIRED, good).digest("hex") }),
    "invalid_signature",
  ],
  [
    "a bad signature beside a good token",
    { ...callback(), headers: { ...json, "x-signature": "0".repeat(64) } },
    "invalid_signature",
  ],
];

const TIMES: readonly Row[] = [
  ["a time 301 s ago", signedAt(String(NOW_S - 301), good), "invalid_signature"],
  ["a time 301 s ahead", signedAt(String(NOW_S + 301), good), "invalid_signature"],
  ["a time in milliseconds 300,001 ms ago", signedAt(String(clock.now() - 300_001), good), "invalid_signature"],
  ["a time that is NaN", signedAt("NaN", good), "invalid_signature"],
  ["a time that is Infinity", signedAt("Infinity", good), "invalid_signature"],
  ["a negative time", signedAt(`-${NOW_S}`, good), "invalid_signature"],
  ["a time in hexadecimal", signedAt(`0x${NOW_S.toString(16)}`, good), "invalid_signature"],
  ["a time in exponent form", signedAt("1.76e9", good), "invalid_signature"],
  ["a time as ISO text", signedAt(new Date(clock.now()).toISOString(), good), "invalid_signature"],
  ["an empty time", signedAt("", good), "invalid_signature"],
  ["a time of 30 digits", signedAt("1".repeat(30), good), "invalid_signature"],
  ["a time that was not signed", signed(good, { "x-timestamp": String(NOW_S) }), "invalid_signature"],
  [
    "a fresh time on an old signature",
    { ...signedAt(String(NOW_S - 900), good, { "x-timestamp": String(NOW_S) }) },
    "invalid_signature",
  ],
  [
    "two times that contradict each other",
    signedAt(String(NOW_S), good, { "x-zoho-timestamp": String(NOW_S - 1) }),
    "invalid_signature",
  ],
  ["the signed text replayed as a body without its time", signed(`${NOW_S}.${good}`), "malformed"],
];

const STANDARD: readonly Row[] = [
  ["a Standard Webhook under another secret", standard(good, { key: "other" }), "invalid_signature"],
  ["a Standard Webhook 301 s old", standard(good, { at: String(NOW_S - 301) }), "invalid_signature"],
  ["a Standard Webhook 301 s ahead", standard(good, { at: String(NOW_S + 301) }), "invalid_signature"],
  ["a Standard Webhook dated in milliseconds", standard(good, { at: String(clock.now()) }), "invalid_signature"],
  ["a Standard Webhook whose version is not v1", standard(good, { sign: (mac) => `v2,${mac}` }), "invalid_signature"],
  ["a Standard Webhook signature without a version", standard(good, { sign: (mac) => mac }), "invalid_signature"],
  [
    "a Standard Webhook signature list separated by commas",
    standard(good, { sign: (mac) => `v1,AAAA,v1,${mac}` }),
    "invalid_signature",
  ],
  [
    "a Standard Webhook with a list of 17 signatures",
    standard(good, { sign: (mac) => `${"v1,A ".repeat(16)}v1,${mac}` }),
    "invalid_signature",
  ],
  ["a Standard Webhook without an id", standard(good, { id: "" }), "invalid_signature"],
  [
    "a Standard Webhook under an id that was not signed",
    { ...standard(good), headers: { ...standard(good).headers, "webhook-id": "msg_2" } },
    "invalid_signature",
  ],
  [
    "a Standard Webhook beside a bad signature of the other kind",
    { ...standard(good), headers: { ...standard(good).headers, "x-signature": "0".repeat(64) } },
    "invalid_signature",
  ],
  ["a Standard Webhook id of 201 characters", standard(good, { id: "i".repeat(201) }), "malformed"],
];

const TOKENS: readonly Row[] = [
  ["a wrong token", callback({ token: "wrong" }), "invalid_signature"],
  ["a null token", callback({ token: null }), "invalid_signature"],
  ["no token", callback({ token: undefined }), "invalid_signature"],
  [
    "an empty token, which a channel of ours has by mistake",
    callback({ token: "", channel_id: "78" }),
    "invalid_signature",
  ],
  ["a token that is a number", callback({ token: 0 }), "invalid_signature"],
  ["a token that is true", callback({ token: true }), "invalid_signature"],
  ["a token inside an array", callback({ token: [TOKEN] }), "invalid_signature"],
  ["a token that is an object", callback({ token: { length: TOKEN.length } }), "invalid_signature"],
  ["a token with a space added", callback({ token: `${TOKEN} ` }), "invalid_signature"],
  ["a token cut short", callback({ token: TOKEN.slice(0, -1) }), "invalid_signature"],
  ["a token in capitals", callback({ token: TOKEN.toUpperCase() }), "invalid_signature"],
  ["a token of 100,000 characters", callback({ token: "t".repeat(100_000) }), "invalid_signature"],
  ["a good token on another channel", callback({ channel_id: "1" }), "invalid_signature"],
  ["a good token without a channel", callback({ channel_id: undefined }), "invalid_signature"],
  [
    "a good token on a channel id that rounds to ours",
    {
      headers: json,
      body: `{"module":"Accounts","operation":"update","ids":["${ID}"],"channel_id":1105420521999070701,"token":"${TOKEN}"}`,
    },
    "invalid_signature",
  ],
  [
    "the token of a channel that ended two days ago",
    callback({ channel_id: "77", token: "token-of-a-channel-long-gone" }),
    "invalid_signature",
  ],
  [
    "a good token under __proto__",
    {
      headers: json,
      body: `{"__proto__":{"token":"${TOKEN}","channel_id":"${CHANNEL}"},"module":"Accounts","ids":["${ID}"]}`,
    },
    "invalid_signature",
  ],
  [
    "a good token in the query string",
    { path: `/webhooks/zoho?token=${TOKEN}`, headers: json, body: good },
    "invalid_signature",
  ],
  [
    "a good token inside a nested object",
    callback({ token: undefined, query_params: { token: TOKEN } }),
    "invalid_signature",
  ],
  [
    "a good token in a body nested 33 deep",
    { headers: json, body: `{"token":"${TOKEN}","x":${nested(32)}}` },
    "invalid_signature",
  ],
  [
    "a good token, repeated",
    {
      headers: json,
      body: `{"token":"wrong","module":"Accounts","operation":"update","ids":["${ID}"],"channel_id":"${CHANNEL}","token":"${TOKEN}"}`,
    },
    "malformed",
  ],
  ["100,000 opening brackets without proof", { headers: json, body: "[".repeat(100_000) }, "invalid_signature"],
];

const TYPES: readonly Row[] = [
  ["text/plain", signed(good, { "content-type": "text/plain" }), "unsupported_media_type"],
  ["a form", signed(good, { "content-type": "application/x-www-form-urlencoded" }), "unsupported_media_type"],
  ["a multipart form", signed(good, { "content-type": "multipart/form-data; boundary=x" }), "unsupported_media_type"],
  ["text/json", signed(good, { "content-type": "text/json" }), "unsupported_media_type"],
  ["application/jsonp", signed(good, { "content-type": "application/jsonp" }), "unsupported_media_type"],
  ["a content type that is none", signed(good, { "content-type": ";;;" }), "unsupported_media_type"],
  [
    "JSON in Latin-1",
    signed(good, { "content-type": "application/json; charset=iso-8859-1" }),
    "unsupported_media_type",
  ],
  ["JSON in UTF-16", signed(good, { "content-type": 'application/json; charset="utf-16"' }), "unsupported_media_type"],
  ["a gzip body, signed as sent", signed(gzipSync(good), { "content-encoding": "gzip" }), "unsupported_media_type"],
  ["a brotli body", signed(good, { "content-encoding": "br" }), "unsupported_media_type"],
  [
    "a good token as a form's media type",
    { ...callback(), headers: { "content-type": "text/plain" } },
    "unsupported_media_type",
  ],
];

const TEXTS: readonly Row[] = [
  ["an empty body", signed(""), "malformed"],
  ["a cut body", signed(good.slice(0, -1)), "malformed"],
  ["two documents", signed(`${good}${good}`), "malformed"],
  ["null", signed("null"), "malformed"],
  ["a bare string", signed('"Accounts"'), "malformed"],
  ["a bare number", signed("5"), "malformed"],
  ["an array of events at the top", signed(`[${good}]`), "malformed"],
  ["an empty object", signed("{}"), "malformed"],
  ["a byte order mark", signed(Buffer.from(`\ufeff${good}`)), "malformed"],
  ["UTF-16 bytes", signed(Buffer.from(good, "utf16le")), "malformed"],
  ["invalid UTF-8", signed(Buffer.from(good.replace("update", "upd\xe4te"), "latin1")), "malformed"],
  [
    "an overlong UTF-8 sequence",
    signed(Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])),
    "malformed",
  ],
  [
    "a surrogate encoded in UTF-8",
    signed(Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])),
    "malformed",
  ],
  ["a NUL byte inside text", signed(good.replace("update", "upd\0ate")), "malformed"],
  ["single quotes", signed(good.replaceAll('"', "'")), "malformed"],
  ["a trailing comma", signed(`${good.slice(0, -1)},}`), "malformed"],
  ["a comment", signed(`/* hi */${good}`), "malformed"],
  ["NaN as a value", written('"x":NaN'), "malformed"],
  ["a number with a leading zero", written('"x":01'), "malformed"],
  ["a repeated key", written('"record_id":"1"'), "malformed"],
  ["a repeated key with the same value", written(`"record_id":"${ID}"`), "malformed"],
  ["a repeated key deep inside", written('"data":{"a":[{"b":1,"b":2}]}'), "malformed"],
  ["a key repeated by way of an escape", written('"modul\\u0065":"Contacts"'), "malformed"],
  ["__proto__ repeated", written('"__proto__":{},"__proto__":{}'), "malformed"],
  ["33 levels of nesting", written(`"x":${nested(32)}`), "malformed"],
  ["200,000 levels of nesting", written(`"x":${nested(200_000)}`), "malformed"],
];

const CONTENTS: readonly Row[] = [
  ["no event type", signed(event({ event_type: undefined })), "malformed"],
  ["an event type that is a number", signed(event({ event_type: 1 })), "malformed"],
  ["an unknown event type", signed(event({ event_type: "explode" })), "unsupported_event"],
  ["an event type in capitals", signed(event({ event_type: "UPDATE" })), "unsupported_event"],
  ["an event type from the prototype", signed(event({ event_type: "toString" })), "unsupported_event"],
  ["no module", signed(event({ module: undefined })), "malformed"],
  ["a module that is an object", signed(event({ module: {} })), "malformed"],
  ["a module that is not followed", signed(event({ module: "Leads" })), "unsupported_module"],
  ["a module in small letters", signed(event({ module: "accounts" })), "unsupported_module"],
  ["a module that climbs", signed(event({ module: "../Accounts" })), "unsupported_module"],
  ["a module with a query", signed(event({ module: "Accounts?x=1" })), "unsupported_module"],
  ["a module with a NUL", signed(event({ module: "Accounts\0" })), "unsupported_module"],
  ["the module constructor", signed(event({ module: "constructor" })), "unsupported_module"],
  ["the module __proto__", signed(event({ module: "__proto__" })), "unsupported_module"],
  ["an empty module", signed(event({ module: "" })), "unsupported_module"],
  ["no record", signed(event({ record_id: undefined })), "malformed"],
  ["a record and a list of records", signed(event({ record_ids: ["1"] })), "malformed"],
  ["an empty list of records", signed(event({ record_id: undefined, record_ids: [] })), "malformed"],
  ["a list of records that is text", signed(event({ record_id: undefined, record_ids: "123" })), "malformed"],
  ["one bad id among good ones", signed(event({ record_id: undefined, record_ids: ["1", "2", "x"] })), "malformed"],
  ["an empty id", signed(event({ record_id: "" })), "malformed"],
  ["an id with a newline", signed(event({ record_id: `${ID}\n` })), "malformed"],
  ["an id with a slash", signed(event({ record_id: "1/../2" })), "malformed"],
  ["an id with a space", signed(event({ record_id: " 1" })), "malformed"],
  ["an id with a sign", signed(event({ record_id: "+1" })), "malformed"],
  ["a negative id", signed(event({ record_id: -1 })), "malformed"],
  ["an id that is a fraction", signed(event({ record_id: 1.5 })), "malformed"],
  ["an id of 21 digits", signed(event({ record_id: "1".repeat(21) })), "malformed"],
  ["an id of Arabic digits", signed(event({ record_id: "١٢٣" })), "malformed"],
  ["an id that is an array", signed(event({ record_id: [ID] })), "malformed"],
  ["a bare id of 21 digits", signed(good.replace(`"${ID}"`, "1".repeat(21))), "malformed"],
  ["a bare id in exponent form", signed(good.replace(`"${ID}"`, "4e18")), "malformed"],
  ["a bare id of 1e400", signed(good.replace(`"${ID}"`, "1e400")), "malformed"],
  ["a bare long id with a fraction", signed(good.replace(`"${ID}"`, `${ID}.0`)), "malformed"],
  ["an event id of 201 characters", signed(event({ event_id: "e".repeat(201) })), "malformed"],
  ["an empty event id", signed(event({ event_id: "" })), "malformed"],
  ["an event id with a newline", signed(event({ event_id: "a\nb" })), "malformed"],
  ["an event id with a NUL", signed(event({ event_id: "a\0b" })), "malformed"],
  ["an event id with a lone surrogate", written('"event_id":"\\ud800"'), "malformed"],
  ["an event id that is an object", signed(event({ event_id: {} })), "malformed"],
  ["fields that are text", signed(event({ modified_fields: "Industry" })), "malformed"],
  ["a field that is a number", signed(event({ modified_fields: ["Industry", 5] })), "malformed"],
  ["an account id that is a path", signed(event({ account_id: "../1" })), "malformed"],
  ["a timestamp that is an object", signed(event({ timestamp: {} })), "malformed"],
  ["events that are an object", signed('{"events":{}}'), "malformed"],
  ["no events", signed('{"events":[]}'), "malformed"],
  ["an event that is null", signed(`{"events":[${good},null]}`), "malformed"],
  ["events inside events", signed(`{"events":[{"events":[${good}]}]}`), "malformed"],
  ["events beside an event", signed(`{"events":[${good}],"event_type":"update"}`), "malformed"],
  [
    "one bad event after a good one",
    signed(`{"events":[${good},${event({ module: "Leads" })}]}`),
    "unsupported_module",
  ],
  [
    "one unknown event type after a good event",
    signed(`{"events":[${good},${event({ event_type: "x" })}]}`),
    "unsupported_event",
  ],
  ["a callback without ids", callback({ ids: [] }), "malformed"],
  ["a callback whose ids are text", callback({ ids: ID }), "malformed"],
  ["a callback with a bad id", callback({ ids: [ID, "1;drop"] }), "malformed"],
  ["a callback with ids of objects", callback({ ids: [{ id: ID }] }), "malformed"],
  ["a callback of a module that is not followed", callback({ module: "Leads" }), "unsupported_module"],
  ["a callback whose module is null", callback({ module: null }), "malformed"],
  ["rows without an id", signed('{"module":"Accounts","operation":"update","data":[{"name":"x"}]}'), "malformed"],
  ["rows that are text", signed('{"module":"Accounts","operation":"update","data":"x"}'), "malformed"],
];

const ROWS = [...SIZES, ...PROOFS, ...TIMES, ...STANDARD, ...TOKENS, ...TYPES, ...TEXTS, ...CONTENTS];

for (const [name, attempt, code] of ROWS) {
  test(`refuses ${name} as ${code}, and nothing reaches the queue`, async () => {
    taken.length = 0;
    const before = counted.get(`deliveries_refused:${code}`) ?? 0;
    const answer = await send(attempt);
    assert.deepEqual([answer.status, JSON.parse(answer.text).code], [REFUSALS[code].status, code], answer.text);
    assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
    assert.equal(taken.length, 0);
    assert.equal(counted.get(`deliveries_refused:${code}`), before + 1);
    for (const secret of [SECRET, TOKEN, RETIRED]) assert.ok(!answer.text.includes(secret));
  });
}

const TAKEN: readonly (readonly [name: string, attempt: Attempt, ids: readonly string[]])[] = [
  ["a body of exactly 1 MiB", signed(`${good}${" ".repeat(MIB - good.length)}`), [ID]],
  ["a chunked body", signed(good, { "transfer-encoding": "chunked" }), [ID]],
  [
    "a signature in capitals with its prefix",
    signed(good, { "x-zoho-signature": `sha256=${goodHex.toUpperCase()}` }),
    [ID],
  ],
  ["a signature in base64", signed(good, { "x-zoho-signature": `sha256=${goodBase64}` }), [ID]],
  [
    "a signature in base64url without padding",
    signed(good, { "x-zoho-signature": hmac(SECRET, good).digest("base64url") }),
    [ID],
  ],
  ["the same good signature under two names", signed(good, { "x-signature": goodBase64 }), [ID]],
  ["a time 300 s ago", signedAt(String(NOW_S - 300), good), [ID]],
  ["a time in milliseconds 300,000 ms ahead", signedAt(String(clock.now() + 300_000), good), [ID]],
  [
    "a Standard Webhook whose second signature is good",
    standard(good, { sign: (mac) => `v1,${"A".repeat(43)}= v1a,x v1,${mac}` }),
    [ID],
  ],
  ["a body without a content type", { body: good, headers: { "x-signature": goodHex } }, [ID]],
  ["a vendor's JSON type in UTF-8", signed(good, { "content-type": 'application/vnd.x+json; charset="UTF-8"' }), [ID]],
  ["a bare id of 19 digits, exactly", signed(good.replace(`"${ID}"`, ID)), [ID]],
  ["an id beyond 2^53 among numbers that do not matter", written(`"data":{"a":1e400,"b":9007199254740993}`), [ID]],
  [
    "__proto__ and constructor as keys",
    written('"__proto__":{"module":"Leads"},"constructor":{"prototype":{"x":1}}'),
    [ID],
  ],
  ["32 levels of nesting", written(`"x":${nested(31)}`), [ID]],
  ["a field name of 500,000 characters", signed(event({ modified_fields: ["f".repeat(500_000)] })), [ID]],
  ["lone surrogates where nobody looks", written('"data":{"x":"\\ud800"}'), [ID]],
  [
    "null for what is optional",
    signed(event({ event_id: null, modified_fields: null, account_id: null, timestamp: null, record_ids: null })),
    [ID],
  ],
  ["a callback of an unknown operation", callback({ operation: "merge" }), [ID]],
  [
    "a callback whose channel id is a bare number",
    {
      headers: json,
      body: `{"module":"Accounts","operation":"update","ids":[${ID}],"channel_id":${CHANNEL},"token":"${TOKEN}"}`,
    },
    [ID],
  ],
  [
    "a callback with strange extras",
    callback({ affected_fields: "x", affected_values: [null, 5], server_time: "soon", query_params: null }),
    [ID],
  ],
  ["a callback with a query on its address", { ...callback(), path: "/webhooks/zoho?source=crm" }, [ID]],
];

for (const [name, attempt, ids] of TAKEN) {
  test(`takes ${name}`, async () => {
    taken.length = 0;
    const answer = await send(attempt);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      taken.map((queued) => queued.key),
      ids.map((id) => `zoho/${id}`),
    );
    for (const queued of taken) assert.ok(queued.reason.note.length <= 1_000);
  });
}

for (const [name, idAt] of [
  ["ids as Zoho has them", (at: number) => String(4876876000000000000n + BigInt(at))],
  ["ids as short as they can be", (at: number) => at % 10],
] as const) {
  test(`takes as many ${name} as a body may hold, whole`, async () => {
    taken.length = 0;
    const room = MIB - String(callback({ ids: [], server_time: clock.now() }).body).length;
    const count = Math.floor(room / JSON.stringify([idAt(0)]).slice(1).length); // An id and its comma.
    const ids = Array.from({ length: count }, (_, at) => idAt(at));
    const answer = await send(callback({ ids, server_time: clock.now() }));
    assert.equal(JSON.parse(answer.text).accepted, count);
    assert.equal(taken.length, count);
    assert.ok(count > 40_000);
  });
}

test("a body whose prototype is poisoned leaves every other object alone", async () => {
  await send(written('"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}'));
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  test(`answers ${method} with 405 and names POST`, async () => {
    const answer = await send({ ...signed(good), method });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers["allow"], "POST");
  });
}

for (const path of [
  "/webhooks/zoho/",
  "/webhooks/ZOHO",
  "/webhooks/zoho/x",
  "//webhooks/zoho",
  "/webhooks/..%2fwebhooks/zoho",
]) {
  test(`knows no route ${path}`, async () => {
    taken.length = 0;
    assert.equal((await send({ ...signed(good), path })).status, 404);
    assert.equal(taken.length, 0);
  });
}

const HEAD = `POST /webhooks/zoho HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Signature: ${goodHex}\r\n`;
const RAW: readonly (readonly [name: string, bytes: string, status: RegExp])[] = [
  [
    "a length and chunks at once",
    `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    /^HTTP\/1\.1 400/,
  ],
  ["two lengths", `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, /^HTTP\/1\.1 400/],
  ["a negative length", `${HEAD}Content-Length: -1\r\n\r\n`, /^HTTP\/1\.1 400/],
  ["a chunk size that is no number", `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n`, /^(HTTP\/1\.1 400|$)/],
  ["a length that lies: less than the body", `${HEAD}Content-Length: 5\r\n\r\n${good}`, /^HTTP\/1\.1 40[01]/],
  [
    "a chunked body that passes 1 MiB and does not end",
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n200000\r\n${"x".repeat(MIB + 1)}`,
    /^HTTP\/1\.1 413/,
  ],
  ["a huge length and no body", `${HEAD}Content-Length: 99999999999\r\n\r\n`, /^HTTP\/1\.1 413/],
  ["headers of 20,000 bytes", `${HEAD}X-Long: ${"a".repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431/],
  [
    "a header with a bare line feed inside",
    `${HEAD}X-A: b\nX-Signature: c\r\nContent-Length: 0\r\n\r\n`,
    /^HTTP\/1\.1 40[01]/,
  ],
];

for (const [name, bytes, status] of RAW) {
  test(`refuses ${name} on the wire`, async () => {
    taken.length = 0;
    assert.match(await sendRaw(bytes), status);
    assert.equal(taken.length, 0);
  });
}

test("a sender that hangs up in the middle of a body leaves nothing behind", async () => {
  taken.length = 0;
  const gone = new Promise<void>((resolve) => server.server.once("connection", (peer) => peer.once("close", resolve)));
  const socket = connect(port, "127.0.0.1", () => {
    socket.end(`${HEAD}Content-Length: ${good.length}\r\n\r\n${good.slice(0, 20)}`);
  });
  await gone;
  assert.equal(taken.length, 0);
});

test("leaves the parsers of other routes as they were", async () => {
  const answer = await send({ path: "/other", headers: json, body: '{"a":1}' });
  assert.deepEqual(JSON.parse(answer.text), { parsed: { a: 1 } });
  assert.equal((await send({ path: "/other", headers: { "content-type": "x/y" }, body: "a" })).status, 415);
});
