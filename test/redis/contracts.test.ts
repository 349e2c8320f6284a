import { after, before } from "node:test";
import { engineContracts } from "../contracts/engine-contracts.ts";
import { redisStarter } from "../contracts/redis-harness.ts";
import { queueWalks } from "../property/queue-walks.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { redisTier } from "./redis-tier.ts";

/** Each ends with all of the store counted anew; some three seconds on two cores. */
const WALKS = 200;

redisTier("one Redis", () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());
  const start = redisStarter(() => server.address);
  engineContracts("redis", start);
  queueWalks("the redis engine", start, WALKS);
});
