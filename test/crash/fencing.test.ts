import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { openRedisEngine, type RedisEngine } from "../../src/engines/redis/redis-engine.ts";
import { silentLog } from "../../src/log.ts";
import { openEmbeddedMemoryReader } from "../../src/memory/embedded/embedded-memory.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { type RedisServer, startRedis, until } from "../redis/redis-server.ts";
import { redisTier } from "../redis/redis-tier.ts";
import { startWorkerProgram } from "./memhook-design.ts";
import { readRecord } from "./sync-record.ts";
import { JUDGE_QUEUE, MEMORY_FILE } from "./verdict.ts";
import { SECRET } from "./world.ts";

const LEASE_MS = 1_000;

redisTier("a worker that was stopped past its lease", () => {
  const dir = mkdtempSync(join(tmpdir(), "memhook-fencing-"));
  const memoryDir = join(dir, "memory");
  let redis: RedisServer;
  let simulator: Simulator;
  let engine: RedisEngine;

  before(async () => {
    mkdirSync(memoryDir);
    redis = await startRedis({ appendfsync: "always" });
    simulator = await startSimulator({ clock: systemClock, accounts: 1 });
    engine = await openRedisEngine({
      address: redis.address,
      keyPrefix: "memhook",
      clock: systemClock,
      log: silentLog,
      queue: JUDGE_QUEUE,
    });
  });

  after(async () => {
    await engine?.close();
    await simulator?.close();
    await redis?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const startWorker = (name: string, haltAt?: "read") => {
    const halted = Promise.withResolvers<void>();
    const folder = join(dir, name);
    mkdirSync(folder);
    const record = join(dir, `${name}.jsonl`);
    const env = {
      ...simulator.credentials,
      WEBHOOK_SECRET: SECRET,
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: `${redis.port}`,
    };
    const { process, ready } = startWorkerProgram(
      { dir: folder, env: { ...env, LOG_LEVEL: "warn" }, hear: () => halted.resolve() },
      { record, memoryDir, leaseMs: LEASE_MS, ...(haltAt === undefined ? {} : { haltAt }) },
    );
    return { process, ready, halted: halted.promise, steps: () => readRecord(record) };
  };

  test("settles stale and writes neither the memory nor the ledger: another has taken the account over", async (t) => {
    const account = accountKey(simulator.crm.ids("Accounts")[0] ?? assert.fail("no account"));
    const first = startWorker("first", "read");
    t.after(() => first.process.kill("SIGKILL"));
    const reason = { eventId: "fenced", note: "a change", receivedAt: systemClock.now() };
    await engine.queue.deliver([
      { lane: "sync", key: account, rank: "live", delayMs: 0, reason, label: "Accounts.update" },
    ]);
    await first.halted; // It has claimed the account and read it as it was.
    first.process.kill("SIGSTOP");

    simulator.crm.update("Accounts", simulator.crm.ids("Accounts")[0] ?? "", {
      Description: "They moved to Valparaíso.",
    });
    const second = startWorker("second");
    t.after(() => second.process.kill("SIGKILL"));
    await until("the second worker has synced the account", async () => {
      const [event] = await engine.view.events("fenced");
      return event?.fate === "synced";
    });
    const [entry] = (await engine.ledger.read([account])).values();
    assert.equal(entry?.state, "indexed");

    first.process.tell("go on");
    first.process.kill("SIGCONT");
    const isSettling = (step: ReturnType<typeof first.steps>[number]) =>
      step.what === "step" && step.verb.startsWith("settle");
    await until("the first worker has settled", async () => first.steps().some(isSettling));
    assert.equal(await first.process.kill("SIGTERM"), 0, first.process.tail());
    assert.equal(await second.process.kill("SIGTERM"), 0, second.process.tail());

    const [claim, ...deeds] = first.steps();
    assert.equal(claim?.what, "claim");
    assert.ok(deeds.length > 0);
    for (const deed of deeds) assert.ok(deed.what === "step" && !deed.isTaken, JSON.stringify(deed));
    assert.equal(second.steps().filter(({ what }) => what === "write").length, 1);

    assert.deepEqual((await engine.ledger.read([account])).get(account), entry);
    const memory = openEmbeddedMemoryReader(join(memoryDir, MEMORY_FILE));
    t.after(() => memory.close());
    assert.match((await memory.read(account, t.signal))?.text ?? "", /They moved to Valparaíso/);
    assert.equal((await engine.view.stats()).size, 0);
  });
});
