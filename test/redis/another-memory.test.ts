import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { followSink } from "../../src/app/follow-sink.ts";
import { type Memhook, openMemhook, readWebhookConfig } from "../../src/app/library.ts";
import { systemClock } from "../../src/clock.ts";
import { openRedisEngine, type RedisEngine } from "../../src/engines/redis/redis-engine.ts";
import { type Log, silentLog } from "../../src/log.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { cleanEnv, dataDir, MAIN, SECRET, until } from "../e2e/harness.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { redisTier } from "./redis-tier.ts";

const ACCOUNTS = 8;
const DUTIES = "memhook:{memhook}:duties";
const QUEUE = { capacity: 10_000, dedupWindowMs: 3_600_000, maxWaitMs: 1_000 };

redisTier("workers with different memories on one Redis", () => {
  const [ours, others] = [dataDir(), dataDir()];
  let redis: RedisServer;
  let simulator: Simulator;
  let engine: RedisEngine;
  const opened: Memhook[] = [];

  before(async () => {
    redis = await startRedis();
    simulator = await startSimulator({ clock: systemClock, accounts: ACCOUNTS });
    const base = { address: redis.address, keyPrefix: "memhook", queue: QUEUE };
    engine = await openRedisEngine({ ...base, clock: systemClock, log: silentLog });
  });

  after(async () => {
    await Promise.all(opened.map((memhook) => memhook.close()));
    await engine?.close();
    await simulator?.close();
    await redis?.stop();
    ours.dispose();
    others.dispose();
  });

  const envOf = (folder: string) => ({
    ...simulator.credentials,
    ...{ REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port), WEBHOOK_SECRET: SECRET, DATA_DIR: folder },
  });
  /** One process that works, as far as the store can tell. */
  const begin = async (folder: string, log = silentLog) => {
    const memhook = await openMemhook(readWebhookConfig(envOf(folder), folder), { log });
    opened.push(memhook);
    await memhook.processor.start();
    return memhook;
  };
  const isMismatched = async ({ handler }: Memhook) => {
    const { problems } = await handler.health();
    return problems.some(({ code }) => code === "sink_mismatch");
  };
  const isWorking = async ({ handler }: Memhook) => {
    const { problems, processor } = await handler.health();
    return (processor.workers_running ?? 0) > 0 && problems.length === 0;
  };
  /** Changes every account, and waits until no work is left. */
  const changeAll = async (word: string) => {
    for (const id of simulator.crm.ids("Accounts")) simulator.crm.update("Accounts", id, { Description: word });
    const reason = { note: "testing", receivedAt: systemClock.now() };
    await engine.queue.enqueue(
      simulator.crm.ids("Accounts").map((id) => ({
        ...{ lane: "sync", key: accountKey(id), rank: "live", delayMs: 0, reason },
      })),
    );
    await until(`all about ${word} done`, async () => (await engine.view.stats()).size === 0);
  };
  const found = async (memhook: Memhook, word: string) => (await memhook.search(word, { limit: 50 })).length;
  const hasDuty = async (name: string) => (await redis.ask("HEXISTS", DUTIES, name)).startsWith(":1");

  test("one with another memory waits, and says so, until all that work have ended; then has every account written", async () => {
    const one = await begin(ours.path);
    await until("the first at work", () => hasDuty("work"));
    const two = await begin(ours.path);
    await until("the second at work", () => hasDuty("work:2"));
    await changeAll("zeppelin");
    const stranger = await begin(others.path);
    await until("the mismatch told", () => isMismatched(stranger));
    await one.close();
    await until("the other one having its place", async () => !(await hasDuty("work:2")));
    await changeAll("airship");
    assert.deepEqual([await found(two, "airship"), await found(stranger, "airship")], [ACCOUNTS, 0]);
    assert.deepEqual([await isMismatched(two), await isMismatched(stranger)], [false, true]);
    await two.close();
    await until("the stranger at work", () => isWorking(stranger));
    await until("all written", async () => (await engine.view.stats()).size === 0);
    assert.equal(await found(stranger, "airship"), ACCOUNTS);
    await stranger.close();
  });

  test("one from which the ledger passed to another memory writes nothing more and says so, and goes on when it has it back", async () => {
    const probed: unknown[] = [];
    const warn: Log["warn"] = ({ cause }, message) => {
      if (message === "probe failed") probed.push(cause);
    };
    const one = await begin(ours.path, { ...silentLog, warn });
    await until("it at work", () => isWorking(one));
    await changeAll("balloon");
    assert.equal(await found(one, "balloon"), ACCOUNTS);
    // As by a worker that found no duty taken: ours was stopped for longer than its lease.
    const memory = openEmbeddedMemory({ path: join(others.path, "memory.db"), clock: systemClock, log: silentLog });
    const never = new AbortController().signal;
    const deps = { clock: systemClock, log: silentLog, mayReplace: async () => true };
    assert.equal(await followSink({ engine, memory }, deps, never), true);
    await memory.close();
    const stranger = await begin(others.path);
    await until("the mismatch told", () => isMismatched(one));
    await changeAll("glider");
    assert.deepEqual([await found(one, "glider"), await found(stranger, "glider")], [0, ACCOUNTS]);
    assert.deepEqual([await isMismatched(one), await isMismatched(stranger)], [true, false]);
    await until("a probe that leaves its circuit open", async () => probed.length > 0);
    assert.deepEqual(new Set(probed), new Set(["SINK_MISMATCH"]));
    await stranger.close();
    await until("it at work again", () => isWorking(one));
    await until("all written", async () => (await engine.view.stats()).size === 0);
    assert.equal(await found(one, "glider"), ACCOUNTS);
    await one.close();
  });

  test("memhook sync counts as one that works for as long as it does", async (t) => {
    const reached = Promise.withResolvers<void>();
    const silent = createServer(() => reached.resolve());
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    t.after(() => silent.close());
    const address = silent.address();
    assert.ok(typeof address === "object" && address !== null);
    const url = `http://127.0.0.1:${address.port}`;
    const child = spawn(process.execPath, [MAIN, "sync", simulator.crm.ids("Accounts")[0] ?? ""], {
      env: cleanEnv({ ...envOf(ours.path), ZOHO_API_URL: url, ZOHO_ACCOUNTS_URL: url }),
      cwd: ours.path,
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    await Promise.race([reached.promise, ended]);
    assert.equal(child.exitCode, null, "it works, and waits for the CRM");
    assert.equal(await engine.duties.hold("work", 1_000), false);
    child.kill("SIGTERM");
    await ended;
    assert.equal(await engine.duties.hold("work", 1_000), true);
    await engine.duties.release("work");
  });
});
