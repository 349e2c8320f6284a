import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ManualClock, manualClock } from "../../src/clock.ts";
import { type EmbeddedEngine, openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import { silentLog } from "../../src/log.ts";
import type { QueueOptions } from "../../src/queue/queue.ts";
import type { EngineHarness } from "./engine-harness.ts";

/**
 * The embedded engine under test. A kill is played by copying the store's files as they lie on the disk at that moment,
 * which is all that a killed process leaves; the copy is what the next process opens.
 */
export async function startEmbedded(options: QueueOptions): Promise<EngineHarness> {
  const folder = mkdtempSync(join(tmpdir(), "memhook-engine-"));
  const clock: ManualClock = manualClock();
  const opened: EmbeddedEngine[] = [];
  let generation = 0;
  const pathOf = () => join(folder, `store-${generation}.db`);
  const open = () => {
    const engine = openEmbeddedEngine({ path: pathOf(), clock, log: silentLog, queue: options });
    opened.push(engine);
    return engine;
  };
  const openWorker = () => {
    const engine = open();
    if (!engine.acquireWorkerLock()) throw new Error("the worker lock is taken");
    return engine;
  };
  let worker = openWorker();
  return {
    clock,
    get ports() {
      return worker;
    },
    crash: async () => {
      const before = pathOf();
      generation += 1;
      for (const suffix of ["", "-wal"]) {
        if (existsSync(before + suffix)) copyFileSync(before + suffix, pathOf() + suffix);
      }
      worker = openWorker();
    },
    restart: async () => {
      await worker.close();
      worker = openWorker();
    },
    beside: async () => open(),
    close: async () => {
      for (const engine of opened) await engine.close();
      rmSync(folder, { recursive: true });
    },
  };
}
