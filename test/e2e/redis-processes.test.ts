import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { type RedisServer, startRedis } from "../redis/redis-server.ts";
import { redisTier } from "../redis/redis-tier.ts";
import { dataDir, drained, getJson, postSigned, run, SECRET, type Served, serve, until } from "./harness.ts";

const ADMIN = { authorization: "Bearer test-admin-token" };

redisTier("receivers and workers as processes of their own, on one Redis", () => {
  const workerFolder = dataDir();
  const receiverFolder = dataDir();
  let redis: RedisServer;
  let simulator: Simulator;
  let env: Record<string, string>;
  let receiver: Served;
  let workers: readonly Served[];

  before(async () => {
    redis = await startRedis({ appendfsync: "always" });
    simulator = await startSimulator({ clock: systemClock, accounts: 8 });
    env = {
      ...simulator.credentials,
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: String(redis.port),
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_RETRY_DELAY_BASE: "0.05",
      DATA_DIR: workerFolder.path,
    };
    receiver = await serve({ ...env, DATA_DIR: receiverFolder.path }, "receiver");
    workers = await Promise.all([serve(env, "worker"), serve(env, "worker")]);
  });

  after(async () => {
    await Promise.all([receiver, ...(workers ?? [])].map((process) => process?.end("SIGTERM")));
    await simulator?.close();
    await redis?.stop();
    workerFolder.dispose();
    receiverFolder.dispose();
  });

  const account = (index: number) => simulator.crm.ids("Accounts")[index] ?? assert.fail("no such account");
  const change = async (index: number, word: string) => {
    simulator.crm.update("Accounts", account(index), { Description: `They asked about the ${word}.` });
    return postSigned(receiver.url, { event_type: "update", module: "Accounts", record_id: account(index) });
  };
  const workerUrl = () => workers[0]?.url ?? assert.fail("no worker");
  const isFound = async (word: string) => {
    const { hits } = await getJson(`${workerUrl()}/api/v1/memory/search?q=${word}`, ADMIN);
    return Array.isArray(hits) && hits.length > 0;
  };
  const health = (url: string) => getJson(`${url}/webhooks/health`);
  const statusOf = async (url: string) => (await fetch(url)).status;

  test("a delivery to the receiver is synced by a worker, and every process tells the same totals", async () => {
    assert.equal((await change(0, "zeppelin")).status, 200);
    await until("the change in the memory", () => isFound("zeppelin"));
    await drained(receiver.url);
    for (const { url } of [receiver, ...workers]) {
      assert.equal((await health(url))["redis_connected"], true);
      await until("one event in its totals", async () => {
        const { verified_events } = await getJson(`${url}/webhooks/metrics`);
        return verified_events === 1;
      });
    }
    assert.deepEqual((await health(receiver.url))["problems"], []);
  });

  test("a worker takes no deliveries, and answers all that an operator asks", async () => {
    assert.equal((await fetch(`${workerUrl()}/webhooks/zoho`, { method: "POST", body: "{}" })).status, 404);
    for (const path of ["/livez", "/readyz", "/metrics", "/webhooks/health", "/webhooks/metrics"])
      assert.equal(await statusOf(workerUrl() + path), 200, path);
  });

  test("commands work beside them, by the same configuration", async () => {
    const { code, stdout, stderr } = await run(["sync", account(1), "--json"], env);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"outcome": "synced"/);
    const examined = await run(["doctor", "--json"], env);
    assert.equal(examined.code, 0, examined.stdout + examined.stderr);
    const found: { check: string; result: string }[] = JSON.parse(examined.stdout);
    const results = new Map(found.map(({ check, result }) => [check, result]));
    assert.deepEqual(
      [results.get("redis persistence"), results.get("redis eviction"), results.get("service")],
      ["ok", "ok", "ok"],
    );
  });

  test("Redis is killed: deliveries are answered 200 and kept; it is back: all are synced, and nothing was restarted", async () => {
    await redis.kill("SIGKILL");
    const words = ["xylophone", "sarsaparilla", "marmalade", "quetzal"];
    for (const [index, word] of words.entries()) assert.equal((await change(index + 2, word)).status, 200, word);
    for (const { url } of [receiver, ...workers]) {
      assert.equal(await statusOf(`${url}/livez`), 200);
      assert.equal(await statusOf(`${url}/readyz`), 200);
      const report = await health(url);
      assert.deepEqual([report["status"], report["redis_connected"], report["queue_size"]], ["degraded", false, null]);
      assert.match(JSON.stringify(report["problems"]), /redis_away/);
    }
    assert.equal(((await health(receiver.url))["spill"] as { waiting: number }).waiting, words.length);
    const metrics = await (await fetch(`${receiver.url}/metrics`)).text();
    assert.match(metrics, /^memhook_redis_connected 0$/m);
    assert.match(metrics, new RegExp(`^memhook_spill_waiting ${words.length}$`, "m"));

    const startedAt = systemClock.now();
    const command = await run(["dead-letters", "list"], { ...env, REDIS_PASSWORD: "hunter2-hunter2" });
    assert.equal(command.code, 1);
    assert.match(command.stderr, /STORE_UNAVAILABLE.*REDIS_HOST/);
    assert.doesNotMatch(command.stderr, /hunter2/);
    assert.ok(systemClock.now() - startedAt < 8_000);

    await redis.restart();
    for (const word of words) await until(`${word} in the memory`, () => isFound(word));
    await until("a healthy receiver", async () => (await health(receiver.url))["status"] === "healthy");
    await drained(receiver.url);
  });

  test("Redis hangs: a delivery is answered 200 in time, and synced when Redis goes on", async () => {
    redis.pause();
    const startedAt = systemClock.now();
    assert.equal((await change(0, "harmonium")).status, 200);
    assert.ok(systemClock.now() - startedAt < 5_000, "a sender's patience");
    assert.equal(await statusOf(`${receiver.url}/readyz`), 200);
    redis.resume();
    await until("the change in the memory", () => isFound("harmonium"));
    await drained(receiver.url);
  });

  test("a worker and a receiver that are started while Redis is away begin by themselves", async () => {
    await redis.kill("SIGKILL");
    const folder = dataDir();
    const late = await Promise.all([serve({ ...env, DATA_DIR: folder.path }, "receiver"), serve(env, "worker")]);
    try {
      const [lateReceiver, lateWorker] = late;
      for (const { url } of late) assert.equal(await statusOf(`${url}/readyz`), 200);
      const event = { event_type: "update", module: "Accounts", record_id: account(0) };
      assert.equal((await postSigned(lateReceiver.url, event)).status, 200);
      await Promise.all(workers.map((worker) => worker.end("SIGTERM")));
      workers = [lateWorker];
      await redis.restart();
      await until("a worker that works", async () => {
        const { processor } = await health(lateWorker.url);
        return Number((processor as { workers_running: number }).workers_running) > 0;
      });
      await drained(lateReceiver.url);
      assert.equal((await health(lateReceiver.url))["dead_letters"], 0);
    } finally {
      await late[0].end("SIGTERM");
      folder.dispose();
    }
  });

  test("a worker opens the channel, and the receiver believes the callbacks that come by it; a second such worker opens no second one", async (t) => {
    const keeping = { ...env, WEBHOOK_BASE_URL: receiver.url };
    const first = await serve(keeping, "worker");
    t.after(() => first.end("SIGTERM"));
    /** The channels that Zoho has granted. */
    const channelIds = async (url: string) => {
      const channels = (await health(url))["channels"] as { channel_id: string; expires_in_seconds: number }[];
      return channels.filter((channel) => channel.expires_in_seconds > 0).map((channel) => channel.channel_id);
    };
    const [channel] = await until("the channel at the receiver", async () => {
      const ids = await channelIds(receiver.url);
      return ids.length > 0 && ids;
    });
    simulator.crm.update("Accounts", account(3), { Description: "They asked about the theremin." });
    await until("the change in the memory, by the callback alone", () => isFound("theremin"));

    const second = await serve(keeping, "worker");
    t.after(() => second.end("SIGTERM"));
    assert.equal(await first.end("SIGTERM"), 0);
    await until("the second to have the channel", async () => (await channelIds(second.url)).includes(String(channel)));
    assert.deepEqual(await channelIds(receiver.url), [channel]);
    assert.equal(await second.end("SIGTERM"), 0);
  });

  test("SIGTERM drains each with 0", async () => {
    for (const process of [receiver, ...workers]) assert.equal(await process.end("SIGTERM"), 0);
  });
});

redisTier("a Redis that may drop keys of the queue", () => {
  const folder = dataDir();
  let redis: RedisServer;
  let env: Record<string, string>;

  before(async () => {
    redis = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
    env = { REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port), WEBHOOK_SECRET: SECRET, DATA_DIR: folder.path };
  });

  after(async () => {
    await redis?.stop();
    folder.dispose();
  });

  test("ends the start with 1 and says why, unless it is allowed", async () => {
    const refused = await run(["receiver"], { ...env, PORT: "0" });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /STORE_UNSAFE.*maxmemory-policy noeviction/);
    const allowed = await serve({ ...env, REDIS_ALLOW_EVICTION: "true" }, "receiver");
    assert.match(allowed.log.join("\n"), /REDIS_ALLOW_EVICTION/);
    assert.equal(await allowed.end("SIGTERM"), 0);
  });
});
