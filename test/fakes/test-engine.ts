import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManualClock } from "../../src/clock.ts";
import { openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import { silentLog } from "../../src/log.ts";
import type { Lane } from "../../src/queue/queue.ts";
import type { WorldEngine } from "./processor-world.ts";

/** The embedded engine on a temporary file, with what the processor's tests ask of it. */
export interface TestEngine extends WorldEngine {
  /** Unsettled work of all lanes. */
  unsettled(): Promise<number>;
  deadLetters(): Promise<readonly { readonly key: string; readonly cause: string }[]>;
  /** The live job of an address. */
  job(lane: Lane, key: string): Promise<{ readonly attempt: number; readonly dueAt: number } | undefined>;
}

const folders: string[] = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const QUEUE = { capacity: 100_000, dedupWindowMs: 3_600_000, maxWaitMs: 10_000 };

/** Opens an empty engine; it ends with the process. */
export function openTestEngine(clock: ManualClock): TestEngine {
  const folder = mkdtempSync(join(tmpdir(), "memhook-processor-"));
  folders.push(folder);
  const engine = openEmbeddedEngine({ path: join(folder, "engine.db"), clock, log: silentLog, queue: QUEUE });
  void engine.acquireWorkerLock(); // At once, on a fresh file that nobody else knows.
  return {
    queue: engine.queue,
    ledger: engine.ledger,
    unsettled: async () => (await engine.view.stats()).size,
    deadLetters: async () => (await engine.view.deadLetters({ limit: 100 })).map(({ key, cause }) => ({ key, cause })),
    job: async (lane, key) => (await engine.view.jobs(key)).find((job) => job.lane === lane && job.state !== "dead"),
  };
}
