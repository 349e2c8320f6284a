import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { type ManualClock, manualClock } from "../clock.ts";
import { decodeEvent } from "../crm/event.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import type { DeliveryResult, NewEvent } from "../queue/queue.ts";
import { fieldMatcher } from "./field-matcher.ts";
import { createIngest, type IngestDeps } from "./ingest.ts";

const SECRET = "a-secret";
const ID = "4876876000000123001";
const OTHER = "4876876000000123002";
const CHANNEL = { channelId: "1105420521999070702", token: "a-token", expiresAt: 1_760_000_060_000 };

interface Bench {
  readonly clock: ManualClock;
  readonly taken: NewEvent[];
  readonly counts: Record<string, number>;
  readonly lines: [level: string, fields: unknown][];
  post(body: unknown, headers?: Record<string, string>): Promise<{ status: number; headers: object; body: Reply }>;
  sign(body: unknown, headers?: Record<string, string>): ReturnType<Bench["post"]>;
}

interface Reply {
  readonly code?: string;
  readonly status?: unknown;
  readonly accepted?: number;
  readonly duplicates?: number;
  readonly event_ids?: readonly string[];
}

/** A receiver on a queue that knows dedup keys and can be told to fail. */
function bench(changes: Partial<IngestDeps> = {}): Bench {
  const clock = manualClock();
  const taken: NewEvent[] = [];
  const counts: Record<string, number> = {};
  const lines: [string, unknown][] = [];
  const seen = new Set<string>();
  const deliver = async (events: readonly NewEvent[]): Promise<DeliveryResult> => ({
    outcome: "taken",
    events: events.map((event) => {
      if (event.dedupKey !== undefined && seen.has(event.dedupKey)) return "duplicate";
      if (event.dedupKey !== undefined) seen.add(event.dedupKey);
      taken.push(event);
      return event.isFiltered ? "filtered" : "queued";
    }),
  });
  const say = (level: string) => (fields: unknown) => void lines.push([level, fields]);
  const ingest = createIngest({
    queue: { deliver },
    clock,
    log: {
      ...silentLog,
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
      isDebug: true,
    },
    counters: {
      add: (deltas) => {
        for (const [name, delta] of Object.entries(deltas)) counts[name] = (counts[name] ?? 0) + delta;
      },
    },
    secrets: { current: SECRET },
    channelTokens: () => [CHANNEL],
    modules: new Set(["Accounts", "Contacts", "Deals", "Tasks", "Notes"]),
    criticalFields: fieldMatcher(["Industry", "Deals.Stage"]),
    eventFilter: fieldMatcher(["Last_Activity_Time", "Contacts.Tag", "Industry"]),
    debounceMs: 250,
    ...changes,
  });
  const textOf = (body: unknown) => (typeof body === "string" ? body : JSON.stringify(body));
  const post: Bench["post"] = async (body, headers = {}) => {
    const reply = await ingest({ body: Buffer.from(textOf(body)), headers, remoteAddress: "192.0.2.1" });
    return { ...reply, body: JSON.parse(reply.body) };
  };
  const sign: Bench["sign"] = (body, headers = {}) => {
    const signature = createHmac("sha256", SECRET).update(textOf(body)).digest("hex");
    return post(body, { "x-signature": signature, ...headers });
  };
  return { clock, taken, counts, lines, post, sign };
}

function event(changes: Readonly<Record<string, unknown>> = {}) {
  return { event_type: "update", module: "Accounts", record_id: ID, ...changes };
}

function callback(changes: Readonly<Record<string, unknown>> = {}) {
  const { channelId, token } = CHANNEL;
  return { module: "Contacts", operation: "update", ids: [ID], channel_id: channelId, token, ...changes };
}

function standardHeaders(body: unknown, id: string, clock: ManualClock, key: string | Buffer = SECRET) {
  const at = String(Math.floor(clock.now() / 1_000));
  const mac = createHmac("sha256", key)
    .update(`${id}.${at}.${JSON.stringify(body)}`)
    .digest("base64");
  return { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": `v1,${mac}` };
}

test("an account's event goes straight to the sync lane, any other record's is routed", async () => {
  const { sign, taken } = bench();
  const { body } = await sign({ events: [event({ event_id: "e1" }), event({ event_id: "e2", module: "Deals" })] });
  assert.deepEqual(body, { status: "accepted", accepted: 2, duplicates: 0, event_ids: ["e1", "e2"] });
  assert.deepEqual(
    taken.map(({ lane, key, label, rank, delayMs }) => ({ lane, key, label, rank, delayMs })),
    [
      { lane: "sync", key: `zoho/${ID}`, label: "Accounts.update", rank: "live", delayMs: 250 },
      { lane: "route", key: `zoho/Deals/${ID}`, label: "Deals.update", rank: "live", delayMs: 250 },
    ],
  );
});

test("a note carries ids, names and the time, and nothing of the record", async () => {
  const { sign, taken } = bench();
  await sign(
    event({
      module: "Contacts",
      account_id: OTHER,
      modified_fields: ["Email"],
      timestamp: "2025-10-09T08:53:20.5Z",
      data: { Email: "a@b.c" },
    }),
  );
  const note = taken[0]?.reason.note ?? "";
  assert.deepEqual(decodeEvent(note), {
    module: "Contacts",
    recordId: ID,
    operation: "update",
    fields: ["Email"],
    accountId: OTHER,
    observedAt: 1_760_000_000_500,
  });
  assert.ok(!note.includes("a@b.c"));
});

const RULES: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>])[] = [
  [
    "a critical field makes it urgent and due at once",
    { modified_fields: ["Phone", "Industry"] },
    { rank: "urgent", delayMs: 0 },
  ],
  [
    "a critical field of another module counts under its name only",
    { module: "Deals", modified_fields: ["Stage"] },
    { rank: "urgent", delayMs: 0 },
  ],
  [
    "an account's critical name is not critical on a deal",
    { module: "Deals", modified_fields: ["Industry"] },
    { rank: "live", delayMs: 250 },
  ],
  ["a delete is urgent and debounced", { event_type: "delete" }, { rank: "urgent", delayMs: 250 }],
  ["only filtered fields: ignored", { modified_fields: ["Last_Activity_Time"] }, { isFiltered: true }],
  [
    "a filtered and another field: work",
    { modified_fields: ["Last_Activity_Time", "Phone"] },
    { isFiltered: undefined },
  ],
  [
    "a filtered field that is critical: work",
    { modified_fields: ["Industry"] },
    { isFiltered: undefined, rank: "urgent" },
  ],
  ["unknown fields are never filtered", {}, { isFiltered: undefined }],
  ["an empty list of fields says nothing, so is never filtered", { modified_fields: [] }, { isFiltered: undefined }],
  [
    "a create is never filtered",
    { event_type: "create", modified_fields: ["Last_Activity_Time"] },
    { isFiltered: undefined },
  ],
];
for (const [name, changes, expected] of RULES) {
  test(`rules: ${name}`, async () => {
    const { sign, taken } = bench();
    const { body } = await sign(event(changes));
    assert.equal(body.accepted, 1);
    const [queued] = taken;
    assert.ok(queued);
    for (const [key, value] of Object.entries(expected)) assert.equal(Reflect.get(queued, key), value, key);
  });
}

test("a repeated event id is a duplicate under a new signature time too", async () => {
  const { post, taken, clock } = bench();
  const text = JSON.stringify(event({ event_id: "e1" }));
  const at = (seconds: number) => {
    const timestamp = String(Math.floor(clock.now() / 1_000) + seconds);
    return {
      "x-timestamp": timestamp,
      "x-signature": createHmac("sha256", SECRET).update(`${timestamp}.${text}`).digest("hex"),
    };
  };
  assert.equal((await post(text, at(0))).body.status, "accepted");
  const again = await post(text, at(1));
  assert.deepEqual(again.body, { status: "duplicate", accepted: 0, duplicates: 1, event_ids: ["e1"] });
  assert.equal(taken.length, 1);
});

test("several records of one event id are told apart, and repeats within one body are duplicates", async () => {
  const { sign } = bench();
  const { body } = await sign(event({ event_id: "e1", record_id: undefined, record_ids: [ID, OTHER, ID] }));
  assert.deepEqual(body, {
    status: "accepted",
    accepted: 2,
    duplicates: 1,
    event_ids: [`e1:${ID}`, `e1:${OTHER}`, `e1:${ID}`],
  });
});

test("a relay's event id on Zoho's own shape is the key, before server_time", async () => {
  const { sign } = bench();
  const body = callback({ event_id: "r1", server_time: 1_760_000_000_001 });
  assert.deepEqual((await sign(body)).body.event_ids, ["r1"]);
  assert.equal((await sign({ ...body, server_time: 1_760_000_000_002 })).body.status, "duplicate");
});

test("a webhook-id is the key where it was signed, with the place of each event in the body", async () => {
  const { post, clock } = bench();
  const one = event({ timestamp: 1_760_000_000 });
  const first = await post(one, standardHeaders(one, "msg_1", clock));
  assert.deepEqual(first.body.event_ids, ["msg_1"]);
  assert.equal((await post(one, standardHeaders(one, "msg_1", clock))).body.status, "duplicate");
  assert.equal((await post(one, standardHeaders(one, "msg_2", clock))).body.status, "accepted");
  const two = { events: [event(), event()] };
  const both = await post(two, standardHeaders(two, "msg_3", clock));
  assert.deepEqual(both.body, { status: "accepted", accepted: 2, duplicates: 0, event_ids: ["msg_3:0", "msg_3:1"] });
});

test("a webhook-id that was not signed is no key", async () => {
  const { sign } = bench();
  assert.equal((await sign(event(), { "webhook-id": "msg_1" })).body.status, "accepted");
  assert.equal((await sign(event(), { "webhook-id": "msg_1" })).body.status, "accepted");
});

test("a repeated Zoho callback is a duplicate, by its server_time", async () => {
  const { post } = bench();
  const body = callback({ server_time: 1_760_000_000_000, ids: [ID, OTHER], affected_fields: [{ [ID]: ["Email"] }] });
  const first = await post(body);
  assert.equal(first.body.accepted, 2);
  const again = await post(body);
  assert.deepEqual(again.body, { status: "duplicate", accepted: 0, duplicates: 2, event_ids: first.body.event_ids });
  for (const id of first.body.event_ids ?? []) assert.match(id, /^evt_[0-9a-f]{32}$/);
});

const DIFFERENCES: readonly (readonly [string, Record<string, unknown>])[] = [
  ["another millisecond", { server_time: 1_760_000_000_002 }],
  ["another operation", { operation: "delete" }],
  ["an operation that we do not know", { operation: "merge" }],
  ["another module", { module: "Deals" }],
  ["another field", { affected_fields: [{ [ID]: ["Phone"] }] }],
  ["another value of the same field", { affected_values: [{ record_id: ID, values: { Email: "b" } }] }],
  ["values in a shape that we do not know", { affected_values: [{ id: ID, values: { Email: "b" } }] }],
  ["fields in a shape that we do not know", { affected_fields: ["Email"] }],
  [
    "a number that differs beyond 2^53",
    { affected_values: [{ record_id: ID, values: { Email: "9007199254740993" } }] },
  ],
];
for (const [name, changes] of DIFFERENCES) {
  test(`two changes of one record are not duplicates when they differ in ${name}`, async () => {
    const { post, taken } = bench();
    const base = callback({
      server_time: 1_760_000_000_001,
      affected_fields: [{ [ID]: ["Email"] }],
      affected_values: [{ record_id: ID, values: { Email: "a" } }],
    });
    await post(base);
    assert.equal((await post({ ...base, ...changes })).body.status, "accepted");
    assert.equal((await post({ ...base, ...changes })).body.status, "duplicate");
    assert.equal(taken.length, 2);
  });
}

test("two changes are not duplicates when only fields in a shape that we do not know differ", async () => {
  const { post } = bench();
  const body = (affected_fields: unknown) =>
    callback({ server_time: 1_760_000_000_001, affected_fields, affected_values: [{ record_id: ID, values: {} }] });
  for (const [said, fate] of [
    ["Email", "accepted"],
    ["Phone", "accepted"],
    ["Phone", "duplicate"],
  ] as const) {
    assert.equal((await post(body([said]))).body.status, fate);
  }
});

test("bare numbers that a JavaScript number cannot tell apart are still two changes", async () => {
  const { post } = bench();
  const body = (amount: string) =>
    JSON.stringify(
      callback({ server_time: 1_760_000_000_001, affected_values: [{ record_id: ID, values: { Amount: 0 } }] }),
    ).replace('"Amount":0', `"Amount":${amount}`);
  assert.equal((await post(body("9007199254740993"))).body.status, "accepted");
  assert.equal((await post(body("9007199254740992"))).body.status, "accepted");
  assert.equal((await post(body("1e400"))).body.status, "accepted");
  assert.equal((await post(body("1e401"))).body.status, "accepted");
});

const MOMENTS: readonly (readonly [unknown, "duplicate" | "accepted"])[] = [
  [undefined, "accepted"],
  ["2025-10-09T08:53:20Z", "accepted"],
  ["2025-10-09T08:53:20.000Z", "accepted"],
  ["2025-10-09T08:53:20.123Z", "duplicate"],
  [1_760_000_000, "accepted"],
  [1_760_000_000_000, "accepted"],
  [1_760_000_000_123, "duplicate"],
  [1_760_000_000.123, "duplicate"],
  ["yesterday", "accepted"],
];
for (const [timestamp, fate] of MOMENTS) {
  test(`without an event id, the same event of ${timestamp} again is ${fate}: a whole second may hold two changes`, async () => {
    const { sign } = bench();
    const first = await sign(event({ timestamp }));
    const again = await sign(event({ timestamp }));
    assert.equal(again.body.status, fate);
    assert.equal(again.body.event_ids?.[0] === first.body.event_ids?.[0], fate === "duplicate");
  });
}

test("each record of a callback has its own fields and its own account", async () => {
  const { post, taken } = bench();
  await post(
    callback({
      ids: [ID, OTHER, "3"],
      affected_fields: [{ [ID]: ["Account_Name"] }, { [OTHER]: ["Tag"] }],
      affected_values: [{ record_id: ID, values: { Account_Name: { id: "77", name: "Acme" } } }],
    }),
  );
  const events = taken.map((queued) => decodeEvent(queued.reason.note));
  assert.deepEqual(
    events.map((read) => [read?.recordId, read?.fields, read?.accountId]),
    [
      [ID, ["Account_Name"], "77"],
      [OTHER, ["Tag"], undefined],
      ["3", undefined, undefined],
    ],
  );
  assert.deepEqual(
    taken.map((queued) => queued.isFiltered),
    [undefined, true, undefined],
  );
});

const HINTS: readonly (readonly [string, unknown, string | undefined])[] = [
  ["Deals", { Account_Name: { id: "77" } }, "77"],
  ["Deals", { Account_Name: null }, undefined],
  ["Accounts", { Account_Name: { id: "77" } }, undefined],
  ["Tasks", { What_Id: { id: "77" }, $se_module: "Accounts" }, "77"],
  ["Tasks", { What_Id: { id: "77" }, $se_module: "Deals" }, undefined],
  ["Notes", { Parent_Id: { id: "77", module: { api_name: "Accounts" } } }, "77"],
  ["Notes", { Parent_Id: { id: "77", module: { api_name: "Contacts" } } }, undefined],
  ["Notes", { Parent_Id: { id: "77" }, $se_module: "Accounts" }, "77"],
  ["Deals", { Account_Name: { id: "../77" } }, undefined],
];
for (const [module, values, accountId] of HINTS) {
  test(`takes ${accountId} as the account of ${module} ${JSON.stringify(values)}`, async () => {
    const { post, taken } = bench();
    await post(callback({ module, affected_values: [{ record_id: ID, values }] }));
    assert.equal(decodeEvent(taken[0]?.reason.note ?? "")?.accountId, accountId);
  });
}

const OPERATIONS_OF: readonly (readonly [unknown, string])[] = [
  ["insert", "create"],
  ["create", "create"],
  ["edit", "update"],
  ["update", "update"],
  ["delete", "delete"],
  ["restore", "restore"],
  ["merge", "update"],
  ["toString", "update"],
  [undefined, "update"],
];
for (const [said, operation] of OPERATIONS_OF) {
  test(`reads Zoho's operation ${said} as ${operation}, signed or by token`, async () => {
    const { post, sign, taken } = bench();
    await post(callback({ operation: said }));
    await sign({ module: "Contacts", operation: said ?? null, data: [{ id: ID }, { id: OTHER }] });
    assert.deepEqual(
      taken.map((queued) => queued.label),
      Array(3).fill(`Contacts.${operation}`),
    );
  });
}

test("the configured token is good on any channel, a channel's own token for a day after its end", async () => {
  const { post, clock } = bench({ notificationToken: "everywhere" });
  assert.equal((await post(callback({ token: "everywhere", channel_id: "5" }))).status, 200);
  assert.equal((await post(callback({ token: "everywhere", channel_id: undefined }))).status, 200);
  await clock.advance(60_000 + 86_400_000);
  assert.equal((await post(callback())).status, 200);
  await clock.advance(1);
  assert.equal((await post(callback())).status, 401);
});

test("without a secret every signature is refused, also one under the empty key", async () => {
  for (const secrets of [{}, { current: "" }, { current: "", previous: { secret: "" } }]) {
    const { post, sign } = bench({ secrets });
    assert.equal((await sign(event())).status, 401);
    const text = JSON.stringify(event());
    assert.equal(
      (await post(text, { "x-signature": createHmac("sha256", "").update(text).digest("hex") })).status,
      401,
    );
  }
});

test("the previous secret works until its end, and which one matched is counted", async () => {
  const clock = manualClock();
  const { sign, counts } = bench({
    clock,
    secrets: { current: "new", previous: { secret: SECRET, until: clock.now() + 10 } },
  });
  assert.equal((await sign(event())).status, 200);
  await clock.advance(10);
  assert.equal((await sign(event())).status, 200);
  await clock.advance(1);
  assert.equal((await sign(event())).status, 401);
  assert.equal(counts["auth_secret:previous"], 2);
  assert.equal(counts["auth_secret:current"], undefined);
});

test("a whsec_ secret keys Standard Webhooks by its decoded bytes, and plain signatures in either reading", async () => {
  const bytes = Buffer.from("0123456789abcdef01234567");
  const secret = `whsec_${bytes.toString("base64")}`;
  const { post, clock } = bench({ secrets: { current: secret } });
  const text = JSON.stringify(event());
  const mac = (key: string | Buffer) => createHmac("sha256", key).update(text).digest("hex");
  assert.equal((await post(event(), standardHeaders(event(), "m", clock, bytes))).status, 200);
  assert.equal((await post(event(), standardHeaders(event(), "m", clock, secret))).status, 401);
  assert.equal((await post(text, { "x-signature": mac(bytes) })).status, 200);
  assert.equal((await post(text, { "x-signature": mac(secret) })).status, 200);
});

test("a full queue is a 503 that asks to come again, and its events count as rejected", async () => {
  const { sign, counts } = bench({ queue: { deliver: async () => ({ outcome: "full" }) }, retryAfterSeconds: 7 });
  const reply = await sign({ events: [event(), event()] });
  assert.deepEqual(
    [reply.status, reply.body.code, Reflect.get(reply.headers, "retry-after")],
    [503, "queue_full", "7"],
  );
  assert.equal(counts["events_rejected"], 2);
});

test("a store that is gone is a 503, said once when it begins and once when it ends", async () => {
  let fault: Error | undefined = new Fault("STORE_UNAVAILABLE", "delivering", { retryAfterMs: 8_500 });
  const deliver = async (events: readonly NewEvent[]): Promise<DeliveryResult> => {
    if (fault !== undefined) throw fault;
    return { outcome: "taken", events: events.map(() => "queued" as const) };
  };
  const { sign, lines } = bench({ queue: { deliver } });
  const reply = await sign(event());
  assert.deepEqual(
    [reply.status, reply.body.code, Reflect.get(reply.headers, "retry-after")],
    [503, "unavailable", "9"],
  );
  await sign(event());
  fault = undefined;
  await sign(event());
  await sign(event());
  assert.deepEqual(
    lines.map(([level]) => level).filter((level) => level !== "debug"),
    ["warn", "info"],
  );
});

test("a bug of ours is a 503 too, counted and told as an error", async () => {
  const { sign, lines, counts } = bench({ queue: { deliver: () => Promise.reject(new TypeError("oops")) } });
  assert.equal((await sign(event())).status, 503);
  assert.equal(counts["faults:UNEXPECTED"], 1);
  assert.ok(lines.some(([level]) => level === "error"));
});

test("failed authentications of an address are limited, authenticated deliveries from it are not", async () => {
  const { post, sign, clock } = bench({ limits: { failuresBurst: 3, failuresPerSecond: 0.5 } });
  for (let at = 0; at < 3; at += 1) assert.equal((await post(event())).status, 401);
  const limited = await post(event());
  assert.deepEqual(
    [limited.status, limited.body.code, Reflect.get(limited.headers, "retry-after")],
    [429, "rate_limited", "2"],
  );
  assert.equal((await sign(event())).status, 200);
  await clock.advance(2_000);
  assert.equal((await post(event())).status, 401);
  assert.equal((await post(event())).status, 429);
});

test("counts deliveries by kind of proof, and each once", async () => {
  const { post, sign, counts, clock } = bench();
  await post(callback());
  await sign(event());
  await post(event(), standardHeaders(event(), "m", clock));
  await post(event());
  await sign(event({ module: "Leads" }));
  assert.deepEqual(counts, {
    deliveries: 5,
    "auth:token": 1,
    "auth:signature": 2,
    "auth:standard": 1,
    "auth_secret:current": 3,
    "deliveries_refused:invalid_signature": 1,
    "deliveries_refused:unsupported_module": 1,
    events_rejected: 2,
  });
});

test("one debug line per delivery, without payload, token or signature", async () => {
  const { post, lines } = bench();
  await post(callback({ affected_values: [{ record_id: ID, values: { Email: "a@b.c" } }] }));
  await post(callback({ token: "wrong-token" }));
  assert.equal(lines.length, 2);
  assert.ok(!/a@b\.c|a-token|wrong-token/.test(JSON.stringify(lines)));
});

test("events that touch a critical field are counted once, deletes and duplicates are not among them", async () => {
  const { sign, counts } = bench();
  const critical = event({ event_id: "c1", modified_fields: ["Phone", "Industry"] });
  const others = [
    event({ event_id: "c2", module: "Deals", modified_fields: ["Stage"] }),
    event({ event_id: "c3", modified_fields: ["Phone"] }),
    event({ event_id: "c4", event_type: "delete" }),
    event({ event_id: "c5", modified_fields: ["Last_Activity_Time"] }),
  ];
  await sign({ events: [critical, ...others] });
  assert.equal(counts["events_critical"], 2);
  await sign(critical);
  assert.equal(counts["events_critical"], 2);
});

test("a delivery that was not taken counts no critical event", async () => {
  const { sign, counts } = bench({ queue: { deliver: async () => ({ outcome: "full" }) } });
  await sign(event({ modified_fields: ["Industry"] }));
  assert.equal(counts["events_critical"], undefined);
});

test("one event_id on two records, or on two operations of one record, is two events", async () => {
  const { sign, taken } = bench();
  const batch = await sign({
    events: [event({ event_id: "q2" }), event({ event_id: "q2", record_id: OTHER })],
  });
  assert.deepEqual(batch.body, { status: "accepted", accepted: 2, duplicates: 0, event_ids: ["q2", "q2"] });
  assert.equal((await sign(event({ event_id: "q2", event_type: "delete" }))).body.accepted, 1);
  assert.equal((await sign(event({ event_id: "q2", module: "Deals" }))).body.accepted, 1);
  assert.equal((await sign(event({ event_id: "q2" }))).body.duplicates, 1);
  assert.equal(taken.length, 4);
});

test("a record id written as a number is taken exactly or refused, never altered", async () => {
  const { sign, taken } = bench();
  for (const number of ["-0", "12.0", "1e3", "1E3", "-1", "0.5", "12.50", "-0.0", "10e-1"]) {
    const one = await sign(`{"event_type":"update","module":"Accounts","record_id":${number}}`);
    assert.deepEqual([one.status, one.body.code], [400, "malformed"], number);
    const many = await sign(`{"event_type":"update","module":"Accounts","record_ids":[7,${number}]}`);
    assert.equal(many.status, 400, number);
  }
  assert.equal((await sign('{"event_type":"update","module":"Accounts","record_id":1200}')).status, 200);
  assert.deepEqual(
    taken.map(({ key }) => key),
    ["zoho/1200"],
  );
});

test("a delivery of more events than the queue can ever hold is refused before its events are read", async () => {
  const { sign, taken, counts } = bench({ capacity: 3 });
  const many = { event_type: "update", module: "Accounts", record_ids: [1, 2, 3, 4] };
  const two = { event_type: "update", module: "Accounts", record_ids: [1, 2] };
  for (const body of [many, { events: [two, two] }, { module: "Accounts", operation: "edit", ids: [1, 2, 3, 4] }]) {
    const refused = await sign(body);
    assert.deepEqual([refused.status, refused.body.code], [503, "queue_full"]);
  }
  assert.equal(counts["events_rejected"], 12);
  assert.equal(taken.length, 0);
  assert.equal((await sign({ ...many, record_ids: [1, 2, 3] })).body.accepted, 3);
});

test("until the channels' tokens were read a callback is asked to come again; a bad signature is a stranger's all the same", async () => {
  const { post } = bench({ channelTokens: () => [], areTokensKnown: () => false });
  const callback = {
    module: "Accounts",
    ids: [ID],
    operation: "update",
    channel_id: CHANNEL.channelId,
    token: CHANNEL.token,
  };
  const reply = await post(callback);
  assert.equal(reply.status, 503);
  assert.equal(reply.body.code, "unavailable");
  assert.equal((await post({ event_type: "update" }, { "x-zoho-signature": "00".repeat(32) })).status, 401);
});
