import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ManualClock, manualClock } from "../../src/clock.ts";
import { openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import { clockHand } from "../../src/engines/embedded/shared-clock.ts";
import { openThreadedEngine } from "../../src/engines/embedded/threaded-engine.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { silentLog } from "../../src/log.ts";
import type { QueueOptions } from "../../src/queue/queue.ts";
import type { EngineHarness } from "./engine-harness.ts";

/** How one process opens a store. */
type Open = (path: string) => Engine | Promise<Engine>;

/** The embedded engine on this thread. */
export function startEmbedded(options: QueueOptions): Promise<EngineHarness> {
  const clock = manualClock();
  return startOn(clock, (path) => openEmbeddedEngine({ path, clock, log: silentLog, queue: options }));
}

/** The embedded engine in a thread of its own, as `serve` runs it; the clock is moved in both threads. */
export function startThreaded(options: QueueOptions): Promise<EngineHarness> {
  const still = manualClock();
  const hand = clockHand(still.now());
  const opened: Engine[] = [];
  // An answer means that the thread has begun all that was asked before.
  const heard = async () => {
    // Thrice: a sleeper that woke asks for a step, and the step for a commit, each in a turn of its own.
    for (let round = 0; round < 3; round += 1) await Promise.allSettled(opened.map((engine) => engine.channels.list()));
  };
  const clock: ManualClock = {
    ...still,
    get sleepers() {
      return still.sleepers;
    },
    advance: async (ms) => {
      await heard();
      hand.set(still.now() + ms);
      await still.advance(ms);
      await heard();
    },
  };
  return startOn(clock, async (path) => {
    const engine = await openThreadedEngine({ path, log: silentLog, queue: options, clockMemory: hand.memory });
    opened.push(engine);
    return engine;
  });
}

/**
 * A kill is played by copying the store's files as they lie on the disk at that moment,
 * which is all that a killed process leaves; the copy is what the next process opens.
 */
async function startOn(clock: ManualClock, openAt: Open): Promise<EngineHarness> {
  const folder = mkdtempSync(join(tmpdir(), "memhook-engine-"));
  const opened: Engine[] = [];
  let generation = 0;
  const pathOf = () => join(folder, `store-${generation}.db`);
  const open = async () => {
    const engine = await openAt(pathOf());
    opened.push(engine);
    return engine;
  };
  const openWorker = async () => {
    const engine = await open();
    if (!(await engine.acquireWorkerLock())) throw new Error("the worker lock is taken");
    return engine;
  };
  let worker = await openWorker();
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
      worker = await openWorker();
    },
    restart: async () => {
      await worker.close();
      worker = await openWorker();
    },
    beside: open,
    close: async () => {
      for (const engine of opened) await engine.close();
      rmSync(folder, { recursive: true });
    },
  };
}
