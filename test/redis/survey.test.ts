import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { openConnection } from "../../src/engines/redis/connection.ts";
import { judgeStore } from "../../src/engines/redis/judge-store.ts";
import { surveyStore } from "../../src/engines/redis/survey.ts";
import { silentLog } from "../../src/log.ts";
import type { RedisAddress } from "../../src/redis-address.ts";
import { startRedis } from "./redis-server.ts";
import { redisTier } from "./redis-tier.ts";

/** A replica reports once a second, and has to be online first. */
const CLOSE_MS_MAX = 10_000;

redisTier("a survey of a server", () => {
  test("tells its settings as they are", async (context) => {
    const redis = await startRedis({
      appendfsync: "always",
      args: ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", "--save", "3600 1"],
    });
    context.after(() => redis.stop());
    const survey = await surveyed(context, redis.address);
    assert.deepEqual(
      { ...survey, version: "", redisVersion: "", usedMemoryBytes: 0, clockSkewMs: 0, kind: "" },
      {
        kind: "",
        version: "",
        redisVersion: "",
        role: "master",
        appendonly: true,
        appendfsync: "always",
        isAppendWritten: true,
        save: "3600 1",
        replicas: 0,
        replicasClose: undefined,
        replicasToWrite: 0,
        maxmemoryBytes: 64 * 1_048_576,
        maxmemoryPolicy: "allkeys-lru",
        usedMemoryBytes: 0,
        clockSkewMs: 0,
        clusterState: undefined,
      },
    );
    assert.match(survey.redisVersion ?? "", /^\d+\.\d+\.\d+/);
    assert.ok((survey.usedMemoryBytes ?? 0) > 100_000);
    assert.ok(Math.abs(survey.clockSkewMs ?? Number.NaN) < 1_000);
    const refused = judgeStore(survey).filter(({ severity }) => severity === "refuse");
    assert.deepEqual(
      refused.map(({ check }) => check),
      ["eviction"],
    );
  });

  test("tells of a replica, which a fail-over may leave behind", async (context) => {
    const [master, replica] = [await startRedis(), await startRedis()];
    context.after(() => Promise.all([master.stop(), replica.stop()]));
    await replica.ask("REPLICAOF", "127.0.0.1", String(master.port));
    await context.waitFor(async () => assert.equal((await surveyed(context, master.address)).replicas, 1));
    const severities = async () =>
      judgeStore(await surveyed(context, master.address)).flatMap(({ check, severity }) =>
        check === "replication" ? [severity] : [],
      );
    assert.deepEqual(await severities(), ["warn"]);
    await master.ask("CONFIG", "SET", "min-replicas-to-write", "1");
    // Close behind is who has said so: a replica does once a second.
    await context.waitFor(async () => assert.deepEqual(await severities(), ["ok"]), { timeout: CLOSE_MS_MAX });
    await master.ask("CONFIG", "SET", "min-replicas-max-lag", "0"); // Switches the rule off.
    assert.deepEqual(await severities(), ["warn"]);
  });

  test("tells of a server that refuses writes for want of replicas", async (context) => {
    const redis = await startRedis({ args: ["--min-replicas-to-write", "1"] });
    context.after(() => redis.stop());
    assert.match(String(await redis.ask("SET", "a", "b").catch(String)), /NOREPLICAS/);
    const survey = await surveyed(context, redis.address);
    assert.deepEqual([survey.replicas, survey.replicasClose, survey.replicasToWrite], [0, 0, 1]);
    const finding = judgeStore(survey).find(({ check }) => check === "replication");
    assert.deepEqual([finding?.severity, finding?.detail.includes("Redis refuses writes")], ["warn", true]);
  });

  test("asks what it may where CONFIG is forbidden, as at managed services", async (context) => {
    const redis = await startRedis({ appendfsync: "everysec" });
    context.after(() => redis.stop());
    await redis.ask("ACL", "SETUSER", "guest", "on", ">guest-password", "~*", "&*", "+@all", "-config", "-role");
    const survey = await surveyed(context, { ...redis.address, username: "guest", password: "guest-password" });
    const { appendonly, appendfsync, maxmemoryPolicy, save } = survey;
    assert.deepEqual([appendonly, appendfsync, maxmemoryPolicy, save], [true, undefined, "noeviction", undefined]);
  });
});

async function surveyed(context: TestContext, address: RedisAddress) {
  const connection = openConnection({ address, key: "test:{test}", clock: systemClock, log: silentLog, scripts: [] });
  context.after(() => connection.close());
  return surveyStore(connection, systemClock);
}
