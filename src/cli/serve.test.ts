import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type CliWorld, CREDENTIALS, cliWorld } from "../../test/fakes/cli-host.ts";
import { type LogFields, silentLog } from "../log.ts";
import type { Host } from "./program.ts";

let world: CliWorld;
before(async () => {
  world = await cliWorld();
});
after(() => world.dispose());

test("serves until it is told to stop, then closes, and ends with 0", async () => {
  const stop = new AbortController();
  let closes = 0;
  const startApp = async () => {
    setImmediate(() => stop.abort());
    return {
      url: "http://127.0.0.1:8000",
      adminToken: "made-up-token",
      close: async () => {
        closes += 1;
      },
    };
  };
  const told = await world.cli(["serve"], { signal: stop.signal, startApp });
  assert.deepEqual([told.code, closes], [0, 1]);
  assert.match(told.stdout, /http:\/\/127\.0\.0\.1:8000\n.*made-up-token/);
});

test("no secret reaches the log", async () => {
  const lines: string[] = [];
  const log = {
    ...silentLog,
    info: (fields: LogFields) => void lines.push(JSON.stringify(fields)),
    warn: (fields: LogFields) => void lines.push(JSON.stringify(fields)),
  };
  const env = {
    ...CREDENTIALS,
    ZOHO_CLIENT_SECRET: "s3cr3t",
    WEBHOOK_SECRET: "s3cr3t-s3cr3t",
    ADMIN_TOKEN: "s3cr3t-s3cr3t",
    PORT: "9000",
  };
  const startApp = async () => ({
    url: "http://127.0.0.1:9000",
    adminToken: "s3cr3t-s3cr3t",
    close: async () => undefined,
  });
  const told = await world.cli(["serve"], {
    signal: AbortSignal.abort(),
    startApp,
    openLog: () => log,
    source: { env, cwd: world.folder },
  });
  assert.equal(told.code, 0);
  assert.match(lines.join(), /"PORT":"9000"/);
  assert.doesNotMatch(lines.join() + told.stdout + told.stderr, /s3cr3t/);
});

for (const role of ["receiver", "worker"] as const) {
  test(`memhook ${role} on the embedded engine is a misuse, told in one line before anything is opened`, async () => {
    const told = await world.cli([role]);
    assert.equal(told.code, 2);
    assert.equal(told.stderr.trim().split("\n").length, 1);
    assert.match(told.stderr, /REDIS_HOST, REDIS_URL or REDIS_CLUSTER_NODES/);
  });
}

test("a receiver needs no credentials of Zoho, a worker does; each is started in its role", async () => {
  const roles: string[] = [];
  const startApp: Host["startApp"] = async (_config, _log, role) => {
    roles.push(role);
    return { url: "http://127.0.0.1:8000", adminToken: "made-up-token", close: async () => undefined };
  };
  const at = { startApp, signal: AbortSignal.abort() };
  const bare = { source: { env: { REDIS_HOST: "redis" }, cwd: world.folder } };
  assert.equal((await world.cli(["receiver"], { ...at, ...bare })).code, 0);
  assert.equal((await world.cli(["worker"], { ...at, ...bare })).code, 2);
  const full = { source: { env: { ...CREDENTIALS, REDIS_HOST: "redis" }, cwd: world.folder } };
  assert.equal((await world.cli(["worker"], { ...at, ...full })).code, 0);
  assert.equal((await world.cli(["serve"], { ...at, ...full })).code, 0);
  assert.deepEqual(roles, ["receiver", "worker", "serve"]);
});
