import { bullmqJobOptions, openBullmqQueue } from "./bullmq-queue.ts";
import { startFastifyIngest } from "./fastify-ingest.ts";

const [secret = "", redisPort] = [process.argv[2], Number(process.argv[3])];
const queue = openBullmqQueue(redisPort);
await queue.waitUntilReady();

/** Fastify in front of BullMQ: the event id is the job's id, and the sender is answered when `add` has resolved. */
await startFastifyIngest(secret, async (event) => {
  await queue.add("event", event, bullmqJobOptions(event.event_id));
  return "accepted";
});
