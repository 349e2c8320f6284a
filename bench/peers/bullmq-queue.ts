import { type JobsOptions, Queue } from "bullmq";

/** Name of the queue that the BullMQ peers share. */
export const BULLMQ_QUEUE = "events";

/** How BullMQ is asked to keep an event: retried as memhook does it, forgotten once it is done. */
export function bullmqJobOptions(eventId: string): JobsOptions {
  return {
    jobId: eventId,
    attempts: 3,
    backoff: { type: "exponential", delay: 2_000 },
    removeOnComplete: true,
  };
}

/** Opens the queue for adding. */
export function openBullmqQueue(redisPort: number): Queue {
  return new Queue(BULLMQ_QUEUE, { connection: { host: "127.0.0.1", port: redisPort } });
}
