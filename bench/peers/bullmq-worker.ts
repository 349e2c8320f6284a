import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "bullmq";
import { consumeOnGo } from "../consumer.ts";
import { BULLMQ_QUEUE, openBullmqQueue } from "./bullmq-queue.ts";

/** How often the queue is asked whether it is empty. The time that counts is that of the last job. */
const POLL_MS = 20;

/** BullMQ's worker with a handler that does nothing, or only waits. */
const [redisPort, concurrency, waitMs] = [Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4])];
const connection = { host: "127.0.0.1", port: redisPort };
const queue = openBullmqQueue(redisPort);
await queue.waitUntilReady();

await consumeOnGo({
  run: async (onDone) => {
    const handle = waitMs > 0 ? () => sleep(waitMs) : async () => undefined;
    const worker = new Worker(BULLMQ_QUEUE, handle, { connection, concurrency });
    worker.on("completed", () => onDone(1));
    while ((await queue.getJobCountByTypes("waiting", "active", "delayed")) > 0) await sleep(POLL_MS);
    await worker.close();
  },
});
