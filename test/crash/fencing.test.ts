import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
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
    simulator = await startSimulator({ clock: systemClock, accounts: 2 });
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

  const startWorker = (name: string, haltAt?: "read" | "write") => {
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

  /** Two workers and one account: the first is stopped where it is told to, the other syncs a newer state, the first goes on. */
  const passOver = async (t: TestContext, { at, which }: { readonly at: "read" | "write"; readonly which: number }) => {
    const id = simulator.crm.ids("Accounts")[which] ?? assert.fail("no account");
    const account = accountKey(id);
    const first = startWorker(`first, stopped at its ${at}`, at);
    t.after(() => first.process.kill("SIGKILL"));
    const reason = { eventId: `fenced ${id}`, note: "a change", receivedAt: systemClock.now() };
    await engine.queue.deliver([
      { lane: "sync", key: account, rank: "live", delayMs: 0, reason, label: "Accounts.update" },
    ]);
    await first.halted; // It has claimed the account and read it as it was.
    first.process.kill("SIGSTOP");

    simulator.crm.update("Accounts", id, { Description: "They moved to Valparaíso." });
    const second = startWorker(`second, after a stop at the ${at}`);
    t.after(() => second.process.kill("SIGKILL"));
    await until("the second worker has synced the account", async () => {
      const [event] = await engine.view.events(reason.eventId);
      return event?.fate === "synced";
    });
    const [entry] = (await engine.ledger.read([account])).values();
    assert.equal(entry?.state, "indexed");
    const memory = openEmbeddedMemoryReader(join(memoryDir, MEMORY_FILE));
    t.after(() => memory.close());
    const text = async () => (await memory.read(account, t.signal))?.text ?? "";
    assert.match(await text(), /They moved to Valparaíso/);

    first.process.tell("go on");
    first.process.kill("SIGCONT");
    await until("the first worker has settled", async () => first.steps().some(isSettling));
    return { account, first, second, entry, text };
  };

  test("settles stale and writes neither the memory nor the ledger: another has taken the account over", async (t) => {
    const { account, first, second, entry, text } = await passOver(t, { at: "read", which: 0 });
    assert.equal(await first.process.kill("SIGTERM"), 0, first.process.tail());
    assert.equal(await second.process.kill("SIGTERM"), 0, second.process.tail());

    const [claim, ...deeds] = first.steps();
    assert.equal(claim?.what, "claim");
    assert.ok(deeds.length > 0);
    for (const deed of deeds) assert.ok(deed.what === "step" && !deed.isTaken, JSON.stringify(deed));
    assert.equal(second.steps().filter(({ what }) => what === "write").length, 1);

    assert.deepEqual((await engine.ledger.read([account])).get(account), entry);
    assert.match(await text(), /They moved to Valparaíso/);
    assert.equal((await engine.view.stats()).size, 0);
  });

  test("has an older document that it wrote all the same replaced: nothing stands between its check and the sink", async (t) => {
    const { account, first, second, entry, text } = await passOver(t, { at: "write", which: 1 });
    assert.ok(first.steps().some(({ what }) => what === "written"));
    await until("the account is right again", async () => {
      const now = (await engine.ledger.read([account])).get(account);
      return now?.state === "indexed" && /They moved to Valparaíso/.test(await text());
    });
    assert.equal(await first.process.kill("SIGTERM"), 0, first.process.tail());
    assert.equal(await second.process.kill("SIGTERM"), 0, second.process.tail());
    assert.match(await text(), /They moved to Valparaíso/);
    assert.equal((await engine.ledger.read([account])).get(account)?.fingerprint, entry.fingerprint);
    assert.equal((await engine.view.stats()).size, 0);
  });
});

function isSettling(step: ReturnType<typeof readRecord>[number]): boolean {
  return step.what === "step" && step.verb.startsWith("settle");
}
