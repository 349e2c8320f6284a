import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { consumeOnGo } from "../consumer.ts";
import { BRIEF_QUEUE } from "./brief-queue.ts";

/** How long BRPOP waits for more, seconds. */
const IDLE_S = 0.2;

/** The brief's workers, in Node: loops of BRPOP, each on a connection of its own, with a handler that does nothing, or only waits. */
const [redisPort, loops, waitMs] = [Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4])];
const connections = Array.from({ length: loops }, () => new Redis({ host: "127.0.0.1", port: redisPort }));
await Promise.all(connections.map((redis) => redis.ping()));

await consumeOnGo({
  run: async (onDone) => {
    await Promise.all(connections.map((redis) => work(redis, onDone)));
  },
});

/** Pops and handles until nothing came for IDLE_S. What is popped and not yet handled is lost with the process. */
async function work(redis: Redis, onDone: (count: number) => void): Promise<void> {
  for (;;) {
    const popped = await redis.brpop(BRIEF_QUEUE, IDLE_S);
    if (popped === null) return;
    JSON.parse(popped[1]);
    if (waitMs > 0) await sleep(waitMs);
    onDone(1);
  }
}
