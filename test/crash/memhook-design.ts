import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { openRedisEngine } from "../../src/engines/redis/redis-engine.ts";
import { silentLog } from "../../src/log.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { assertInvariants } from "../redis/invariants.ts";
import type { Design, Ground } from "./design.ts";
import { startProgram } from "./program-process.ts";
import { startServe } from "./serve-process.ts";
import { JUDGE_QUEUE, judge, MEMORY_FILE } from "./verdict.ts";
import type { WorkerWish } from "./worker-program.ts";
import { SECRET } from "./world.ts";

const PROGRAM = join(import.meta.dirname, "worker-program.ts");
const KEY_PREFIX = "memhook";

/** memhook on Redis: `memhook receiver` as it is, and its worker with a short lease and a record. */
export const memhookDesign: Design = {
  startReceiver: (ground, { port, dir }) => {
    const serve = startServe({ command: "receiver", port, dataDir: dir, env: envOf(ground) });
    return { process: serve, ready: () => serve.ready(), url: () => serve.url, endCode: 0, records: [] };
  },
  startWorker: (ground, { name, dir, record }) => {
    const { memoryDir, leaseMs } = ground;
    const { process, ready } = startWorkerProgram({ dir, env: envOf(ground) }, { record, memoryDir, leaseMs });
    return { process, ready: () => ready, url: () => undefined, endCode: 0, records: [{ name, path: record }] };
  },
  adapt: (sender) => sender,
  drainMsMax: 120_000,
  left: async (_ground, { receivers }) => {
    let left = 0;
    for (const { url } of receivers) {
      const reply = await fetch(`${url}/webhooks/health`, { signal: AbortSignal.timeout(5_000) });
      const health = (await reply.json()) as { queue_size: number | null; spill: { waiting: number } }; // DESIGN §4
      if (health.queue_size === null) return undefined;
      left = Math.max(left, health.queue_size) + health.spill.waiting;
    }
    return left;
  },
  judge: async ({ redis, memoryDir }, { truth }) => {
    const path = join(memoryDir, MEMORY_FILE);
    const engine = await openRedisEngine({
      address: redis.address,
      keyPrefix: KEY_PREFIX,
      clock: systemClock,
      log: silentLog,
      queue: JUDGE_QUEUE,
    });
    const memory = openEmbeddedMemory({ path, clock: systemClock, log: silentLog });
    try {
      const verdict = await judge({ ...truth, engine, memory, files: [path] });
      const broken = await assertInvariants(redis.address, KEY_PREFIX, systemClock.now()).then(
        () => [],
        (error: unknown) => [`the store's invariants do not hold: ${String(error)}`],
      );
      return { ...verdict, wrongs: [...verdict.wrongs, ...broken] };
    } finally {
      await memory.close();
      await engine.close();
    }
  },
};

function envOf({ env, redis }: Ground): Readonly<Record<string, string>> {
  return { ...env, WEBHOOK_SECRET: SECRET, REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port), LOG_LEVEL: "warn" };
}

/** Starts a worker that records. `hear` is told where it was halted. */
export function startWorkerProgram(
  options: {
    readonly dir: string;
    readonly env: Readonly<Record<string, string>>;
    readonly hear?: (message: unknown) => void;
  },
  wish: WorkerWish,
) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const process = startProgram({
    program: PROGRAM,
    args: [JSON.stringify(wish)],
    cwd: options.dir,
    env: { ...options.env, DATA_DIR: options.dir },
    hear: (message) => (message === "ready" ? resolve() : options.hear?.(message)),
  });
  process.gone.then((code) => reject(new Error(`the worker ended with ${code} at its start:\n${process.tail()}`)));
  promise.catch(() => undefined); // Whoever waits for it is told.
  return { process, ready: promise };
}
