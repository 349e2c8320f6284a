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
    assert.deepEqual(await severities(), ["ok"]);
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
