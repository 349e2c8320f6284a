import { join } from "node:path";
import { boundHeap } from "../src/app/bounded-heap.ts";
import { systemClock } from "../src/clock.ts";
import { openThreadedEngine } from "../src/engines/embedded/threaded-engine.ts";
import type { Engine } from "../src/engines/engine.ts";
import { openRedisEngine } from "../src/engines/redis/redis-engine.ts";
import { silentLog } from "../src/log.ts";
import type { QueueOptions } from "../src/queue/queue.ts";

/** What the benchmarks use of an engine; both have it. */
export type BenchEngine = Pick<Engine, "queue" | "view" | "ledger" | "counters" | "close">;

/** Name of the embedded engine's file in its folder, as in DATA_DIR. */
export const ENGINE_FILE = "engine.db";

/** Default of REDIS_KEY_PREFIX: what a receiver of the product has put there is found. */
const KEY_PREFIX = "memhook";

/** With room for a million events and more; the rest as the product sets it. */
const QUEUE: QueueOptions = { capacity: 10_000_000, dedupWindowMs: 3_600_000, maxWaitMs: 60_000, restMs: 1_000 };

/** Opens an engine as a process that serves does, at `embedded:<folder>` or `redis:<port>`. */
export async function openBenchEngine(address: string): Promise<BenchEngine> {
  boundHeap();
  const place = address.slice(address.indexOf(":") + 1);
  const engine = address.startsWith("redis:")
    ? await openRedisEngine({
        address: { kind: "single", host: "127.0.0.1", port: Number(place), db: 0, tls: false },
        keyPrefix: KEY_PREFIX,
        clock: systemClock,
        log: silentLog,
        queue: QUEUE,
      })
    : await openThreadedEngine({ path: join(place, ENGINE_FILE), log: silentLog, queue: QUEUE });
  if (!(await engine.acquireWorkerLock())) throw new Error("a fresh store is locked");
  return engine;
}
