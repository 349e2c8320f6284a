import { Redis } from "ioredis";
import { BRIEF_EVENT_TTL_S, BRIEF_QUEUE, BRIEF_QUEUE_SIZE_MAX, briefDedupKey } from "./brief-queue.ts";
import { startFastifyIngest } from "./fastify-ingest.ts";

const [secret = "", redisPort] = [process.argv[2], Number(process.argv[3])];
const redis = new Redis({ host: "127.0.0.1", port: redisPort });
await redis.ping();

/** The brief's design, in Node: three round trips an event, each of which can be the last one before a crash. */
await startFastifyIngest(secret, async (event, body) => {
  const isNew = await redis.set(briefDedupKey(event.event_id), "1", "EX", BRIEF_EVENT_TTL_S, "NX");
  if (isNew === null) return "duplicate";
  if ((await redis.llen(BRIEF_QUEUE)) >= BRIEF_QUEUE_SIZE_MAX) return "full";
  await redis.lpush(BRIEF_QUEUE, body);
  return "accepted";
});
