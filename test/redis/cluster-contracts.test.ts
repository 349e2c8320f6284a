import { after, before } from "node:test";
import { engineContracts } from "../contracts/engine-contracts.ts";
import { redisStarter } from "../contracts/redis-harness.ts";
import { type RedisCluster, startRedisCluster } from "./redis-cluster.ts";
import { redisTier } from "./redis-tier.ts";

const NODES = 3;

redisTier("a cluster of three", () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster(NODES);
  });
  after(() => cluster.stop());
  engineContracts(
    "redis cluster",
    redisStarter(() => cluster.address),
  );
});
