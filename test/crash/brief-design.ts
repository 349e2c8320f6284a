import { join } from "node:path";
import { Redis } from "ioredis";
import { BRIEF_QUEUE } from "../../bench/peers/brief-queue.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import type { BriefWorkerWish } from "./brief-worker.ts";
import type { Design } from "./design.ts";
import { startProgram } from "./program-process.ts";
import { type Sender, signedEvent } from "./sender.ts";
import { firstOnes, judgeDocuments, judgeLeftovers, MEMORY_FILE } from "./verdict.ts";
import { SECRET } from "./world.ts";

const RECEIVER = join(import.meta.dirname, "..", "..", "bench", "peers", "brief-ingest.ts");
const WORKER = join(import.meta.dirname, "brief-worker.ts");
/** Where events end that were given up. */
const BRIEF_DEAD = "webhook:dead";
/** Tasks of one worker: the brief's WEBHOOK_NUM_WORKERS. */
const TASKS = 3;

/** The brief's design, in Node: HMAC, SET NX, LLEN, LPUSH; workers that BRPOP, each task on its own. */
export const briefDesign: Design = {
  startReceiver: ({ redis }, { dir }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let url: string | undefined;
    const process = startProgram({
      program: RECEIVER,
      args: [SECRET, String(redis.port)],
      cwd: dir,
      env: {},
      hear: (message) => {
        if (typeof message === "object" && message !== null && "port" in message)
          url = `http://127.0.0.1:${message.port}`;
        resolve();
      },
    });
    process.gone.then((code) => reject(new Error(`the brief's receiver ended with ${code}:\n${process.tail()}`)));
    return { process, ready: () => promise, url: () => url, endCode: null, records: [] };
  },
  startWorker: ({ redis, memoryDir, env }, { name, dir, record }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const records = Array.from({ length: TASKS }, (_, task) => ({
      name: `${name}, task ${task}`,
      path: `${record}.${task}`,
    }));
    const wish: BriefWorkerWish = {
      redisPort: redis.port,
      deadList: BRIEF_DEAD,
      memory: join(memoryDir, MEMORY_FILE),
      records: records.map(({ path }) => path),
    };
    const process = startProgram({
      program: WORKER,
      args: [JSON.stringify(wish)],
      cwd: dir,
      env,
      hear: () => resolve(),
    });
    process.gone.then((code) => reject(new Error(`the brief's worker ended with ${code}:\n${process.tail()}`)));
    return { process, ready: () => promise, url: () => undefined, endCode: 0, records };
  },
  adapt: signingSender,
  // It reads and writes an account for each event: some 60 events a second.
  drainMsMax: 1_800_000,
  left: async ({ redis }) => Number(/^:(\d+)/.exec(await redis.ask("LLEN", BRIEF_QUEUE))?.[1] ?? Number.NaN),
  judge: async ({ redis, memoryDir }, { truth, handled }) => {
    const memory = openEmbeddedMemory({ path: join(memoryDir, MEMORY_FILE), clock: systemClock, log: silentLog });
    const client = new Redis({ host: "127.0.0.1", port: redis.port });
    try {
      const bodies = await client.lrange(BRIEF_DEAD, 0, -1);
      const dead = new Set(bodies.map((body) => String((JSON.parse(body) as { event_id: string }).event_id))); // signedEvent wrote it
      const lost = [...truth.acknowledged].filter((eventId) => !handled.has(eventId) && !dead.has(eventId));
      const documents = await judgeDocuments({ ...truth, memory });
      const leftovers = await judgeLeftovers({ ...truth, memory });
      return {
        wrongs: [
          lost.map((eventId) => `event ${eventId} was acknowledged and is lost`),
          [...dead].map((eventId) => `event ${eventId} is on the dead list`),
          documents,
          leftovers,
        ].flatMap(firstOnes),
        lost: lost.length,
        takenTwice: 0,
        accountsWrong: documents.length + leftovers.length,
        accountsCompared: truth.accountIds.length,
        accountsRemoved: 0,
        fates: { handled: handled.size, dead: dead.size },
      };
    } finally {
      client.disconnect();
      await memory.close();
    }
  },
};

/** The brief's receiver takes one signed event at a time: callbacks come to it as such, one for each record. */
function signingSender(sender: Sender): Sender {
  let count = 0;
  return {
    log: sender.log,
    get underWay() {
      return sender.underWay;
    },
    quiet: () => sender.quiet(),
    send: (delivery) => {
      if (delivery.eventIds !== undefined) return sender.send(delivery);
      for (const record of delivery.records) {
        count += 1;
        sender.send(signedEvent(SECRET, { ...record, eventId: `callback-${count}`, operation: "update" }));
      }
    },
  };
}
