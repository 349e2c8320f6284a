import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type CliWorld, CREDENTIALS, cliWorld } from "../../test/fakes/cli-host.ts";
import { Fault } from "../faults.ts";
import { createReceipts } from "../memory/receipts.ts";
import type { Finding } from "./doctor-checks.ts";
import type { Parts } from "./parts.ts";

const CRM = { probe: async () => undefined, listChannels: async () => [] };
const SECRET = "0123456789abcdef0123456789abcdef";

let world: CliWorld;
let exceptions: Partial<Parts>;
beforeEach(async () => {
  exceptions = {};
  world = await cliWorld();
});
afterEach(() => world.dispose());

async function doctor(
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; found: ReadonlyMap<string, Finding> }> {
  const { engine, folder } = world;
  const parts: Parts = {
    queue: engine.queue,
    view: engine.view,
    ledger: engine.ledger,
    channels: engine.channels,
    receipts: createReceipts(engine.sealed),
    memory: { kind: "embedded", search: async () => [], probe: async () => undefined },
    crm: CRM,
    startWorker: async () => undefined,
    isServiceRunning: async () => true,
    examineStore: async () => [],
    close: async () => undefined,
    ...exceptions,
  };
  const source = { env: { ...CREDENTIALS, DATA_DIR: folder, WEBHOOK_SECRET: SECRET, ...env }, cwd: folder };
  // The clock of the world stands before this release was made, which is one of the things that doctor finds.
  const clock = { ...world.clock, now: () => Date.UTC(2026, 5, 1) };
  const told = await world.cli(["doctor", "--json"], { source, clock, openParts: async () => parts });
  const findings: readonly Finding[] = JSON.parse(told.stdout);
  return { code: told.code, found: new Map(findings.map((finding) => [finding.check, finding])) };
}

test("finds nothing wrong with a sound installation", async () => {
  const { code, found } = await doctor();
  assert.equal(code, 0);
  for (const check of [
    "node",
    "clock",
    "authentication",
    "data folder",
    "store engine.db",
    "engine",
    "queue",
    "crm",
    "memory",
    "service",
  ]) {
    assert.equal(found.get(check)?.result, "ok", check);
  }
});

test("says what a refused sign-in means and what to do, and goes on", async () => {
  exceptions = { crm: { ...CRM, probe: () => Promise.reject(new Fault("CRM_TOKEN_REVOKED", "signing in")) } };
  const { code, found } = await doctor();
  assert.equal(code, 1);
  assert.match(found.get("crm")?.detail ?? "", /CRM_TOKEN_REVOKED/);
  assert.match(found.get("crm")?.todo ?? "", /ZOHO_REFRESH_TOKEN/);
  assert.equal(found.get("memory")?.result, "ok");
});

test("asks the model behind the memory as well: a plain probe leaves it out", async () => {
  const fault = new Fault("SINK_MODEL_AWAY", "asking Cognee whether its model answers");
  const probe: Parts["memory"]["probe"] = async (_, wish) => {
    if (wish?.isThorough === true) throw fault;
  };
  exceptions = { memory: { kind: "cognee", search: async () => [], probe } };
  const { code, found } = await doctor();
  assert.equal(code, 1);
  assert.match(found.get("memory")?.detail ?? "", /SINK_MODEL_AWAY/);
});

test("fails when nothing can authenticate a delivery", async () => {
  const { code, found } = await doctor({ WEBHOOK_SECRET: "" });
  assert.equal(code, 1);
  assert.equal(found.get("authentication")?.result, "fail");
});

test("warns of a short secret", async () => {
  const { code, found } = await doctor({ WEBHOOK_SECRET: "12345678" });
  assert.equal(code, 0);
  assert.equal(found.get("secret")?.result, "warn");
});

test("fails on a file that is no database", async () => {
  writeFileSync(join(world.folder, "memory.db"), "not a database, whatever its name says".repeat(100));
  const { code, found } = await doctor();
  assert.equal(code, 1);
  assert.equal(found.get("store memory.db")?.result, "fail");
  assert.match(found.get("store memory.db")?.todo ?? "", /restore a back-up/);
});

test("fails on a data folder that cannot be made", async () => {
  writeFileSync(join(world.folder, "file"), "");
  const { code, found } = await doctor({ DATA_DIR: join(world.folder, "file", "data") });
  assert.equal(code, 1);
  assert.equal(found.get("data folder")?.result, "fail");
});

test("warns of a channel that has expired", async () => {
  const channel = {
    channelId: "100",
    token: "t",
    notifyUrl: "https://hooks.example.com/webhooks/zoho",
    events: [],
    openedAt: 1,
    expiresAt: 2,
  };
  await world.engine.channels.save(channel);
  const { found } = await doctor();
  assert.equal(found.get("channel 100")?.result, "warn");
});

test("warns when no process works on the queue, and says what to start", async () => {
  exceptions = { isServiceRunning: async () => false };
  const { code, found } = await doctor();
  assert.equal(code, 0);
  const { result, todo } = found.get("service") ?? assert.fail("no finding about the service");
  assert.deepEqual([result, todo], ["warn", "start it: memhook serve"]);
});

test("where a channel is to be kept, a token without the scope for it fails, and the scope is named", async () => {
  exceptions = {
    crm: { ...CRM, listChannels: () => Promise.reject(new Fault("CRM_SCOPE_MISSING", "listing channels")) },
  };
  assert.equal((await doctor()).found.has("channels"), false, "none is expected without WEBHOOK_BASE_URL");
  const { code, found } = await doctor({ WEBHOOK_BASE_URL: "https://hooks.example.com" });
  assert.equal(code, 1);
  assert.equal(found.get("crm")?.result, "ok");
  assert.equal(found.get("channels")?.result, "fail");
  assert.match(found.get("channels")?.todo ?? "", /ZohoCRM\.notifications\.ALL/);
});

test("examines the rest when the parts cannot be opened", async () => {
  const source = { env: { ...CREDENTIALS, DATA_DIR: world.folder }, cwd: world.folder };
  const openParts = () => Promise.reject(new Fault("STORE_INVALID", "opening the store"));
  const told = await world.cli(["doctor", "--json"], { source, openParts });
  assert.equal(told.code, 1);
  assert.match(told.stdout, /"check": "engine",\s+"result": "fail"/);
});

test("says of each setting of Redis what it means, and fails on what a service would not start on", async () => {
  exceptions = {
    examineStore: async () => [
      { check: "persistence", severity: "warn", detail: "about a second may be lost", todo: "appendfsync always" },
      { check: "eviction", severity: "refuse", detail: "queue keys may be dropped", todo: "noeviction" },
    ],
  };
  const { code, found } = await doctor();
  assert.equal(code, 1);
  assert.equal(found.get("redis persistence")?.result, "warn");
  assert.deepEqual(found.get("redis eviction"), {
    check: "redis eviction",
    result: "fail",
    detail: "queue keys may be dropped",
    todo: "noeviction",
  });
});
