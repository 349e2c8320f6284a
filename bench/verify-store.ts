import { Redis } from "ioredis";
import { openBenchEngine } from "./open-engine.ts";
import { BRIEF_QUEUE } from "./peers/brief-queue.ts";
import { openBullmqQueue } from "./peers/bullmq-queue.ts";

/** What a killed server's store holds. */
export interface Stored {
  readonly acknowledged: number;
  /** Acknowledged events that the store does not know. */
  readonly lost: number;
  /** Events in the queue beyond those acknowledged: nothing was under way at the end, so none are expected. */
  readonly surplus: number;
}

/** Events looked up at the same time. */
const LOOKUPS = 100;

/** Reads every acknowledged event back through the engine's own door. */
export async function verifyEngine(address: string, acknowledged: readonly string[]): Promise<Stored> {
  const engine = await openBenchEngine(address);
  try {
    const isKnown = async (eventId: string) => (await engine.view.events(eventId)).length > 0;
    const lost = await countMissing(acknowledged, isKnown);
    const { events } = await engine.view.stats();
    return { acknowledged: acknowledged.length, lost, surplus: events - (acknowledged.length - lost) };
  } finally {
    await engine.close();
  }
}

/** Looks every acknowledged event up in BullMQ's queue, by the job's id. */
export async function verifyBullmq(redisPort: number, acknowledged: readonly string[]): Promise<Stored> {
  const queue = openBullmqQueue(redisPort);
  try {
    const lost = await countMissing(acknowledged, async (eventId) => (await queue.getJob(eventId)) !== undefined);
    const waiting = await queue.getJobCountByTypes("waiting", "active", "delayed");
    return { acknowledged: acknowledged.length, lost, surplus: waiting - (acknowledged.length - lost) };
  } finally {
    await queue.close();
  }
}

/** Looks every acknowledged event up in the list of the brief's design. */
export async function verifyBrief(redisPort: number, acknowledged: readonly string[]): Promise<Stored> {
  const redis = new Redis({ host: "127.0.0.1", port: redisPort });
  try {
    const bodies = await redis.lrange(BRIEF_QUEUE, 0, -1);
    const found = new Set(bodies.map((body) => String(JSON.parse(body).event_id)));
    const lost = acknowledged.filter((eventId) => !found.has(eventId)).length;
    return { acknowledged: acknowledged.length, lost, surplus: bodies.length - (acknowledged.length - lost) };
  } finally {
    redis.disconnect();
  }
}

async function countMissing(eventIds: readonly string[], isKnown: (eventId: string) => Promise<boolean>) {
  let missing = 0;
  for (let start = 0; start < eventIds.length; start += LOOKUPS) {
    const answers = await Promise.all(eventIds.slice(start, start + LOOKUPS).map(isKnown));
    missing += answers.filter((known) => !known).length;
  }
  return missing;
}
