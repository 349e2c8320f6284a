import { asFault, Fault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import type { Processor } from "../processor/processor.ts";
import { storeWaitMs } from "../processor/store-wait.ts";
import { createDutyLoop } from "./duty-loop.ts";
import { followSink } from "./follow-sink.ts";
import type { AppDeps, Parts } from "./parts.ts";
import { StoreWatch, WORK_DUTY } from "./watch-store.ts";

/** How long a start waits for a command or a draining predecessor to give up the worker lock. */
const LOCK_WAIT_MS = 10_000;
const LOCK_POLL_MS = 100;
/** How often a start begins to follow the sink anew because another process was at it; each time that one has got further. */
const FOLLOWS_MAX = 30;
const FOLLOW_AGAIN_MS = 1_000;

type Worker = Pick<Processor, "start">;

/** The right to work, as one process on this machine or as one of many. Waits for a predecessor that is draining. Throws Fault STORE_IN_USE. */
export async function becomeWorker(parts: Pick<Parts, "engine">, deps: Pick<AppDeps, "clock" | "log">): Promise<void> {
  const deadline = deps.clock.now() + LOCK_WAIT_MS;
  for (let isFirst = true; !(await parts.engine.acquireWorkerLock()); isFirst = false) {
    if (isFirst)
      deps.log.warn({ waitMs: LOCK_WAIT_MS }, "another process works on this DATA_DIR; waiting for it to end");
    if (deps.clock.now() >= deadline) throw new Fault("STORE_IN_USE", "starting");
    await deps.clock.sleep(LOCK_POLL_MS);
  }
}

/**
 * Sets the workers going, once the ledger speaks of the sink that they write to. Who works on a file is alone on it and may replace the
 * sink; on a server a service has to. Throws Fault STORE_UNAVAILABLE or SINK_….
 */
export async function beginWork(parts: Parts, worker: Worker, deps: Pick<AppDeps, "clock" | "log">): Promise<void> {
  const { signal } = new AbortController(); // Each step of it has a bound of its own.
  const following = { ...deps, mayReplace: async () => parts.server === undefined };
  for (let follows = 1; !(await followSink(parts, following, signal)); follows += 1) {
    if (follows >= FOLLOWS_MAX) throw new Fault("STORE_UNAVAILABLE", "following the memory");
    await deps.clock.sleep(FOLLOW_AGAIN_MS);
  }
  worker.start();
}

/**
 * Sets the workers going by themselves on a store that may be away, now or at any later time: as soon as it answers, and
 * again the ledger's rebuilding when it has lost everything. `close` ends the waiting and watching, not the workers.
 */
export class WorkAtLast implements Closeable {
  readonly #parts: Parts;
  readonly #worker: Worker;
  readonly #deps: AppDeps;
  readonly #watch: StoreWatch;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: Parts, worker: Worker, deps: AppDeps) {
    this.#parts = parts;
    this.#worker = worker;
    this.#deps = deps;
    this.#watch = new StoreWatch(parts, deps);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watch.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const signal = this.#closing.signal;
    const closed = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    if (!(await this.#isAdmitted(signal))) return;
    this.#watch.start();
    await Promise.race([this.#watch.followed, closed]);
    if (signal.aborted) return;
    const presence = createDutyLoop(
      { name: WORK_DUTY, doing: "working", failedRestMsMax: 0, perform: async () => undefined },
      { ...this.#deps, duties: this.#parts.engine.duties, counters: this.#parts.engine.counters },
    );
    presence.start();
    this.#worker.start();
    await closed;
    await presence.close();
  }

  /** Announces this process as a worker, however long the store is away. False = closed meanwhile. */
  async #isAdmitted(signal: AbortSignal): Promise<boolean> {
    const { clock, log, random } = this.#deps;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        if (await this.#parts.engine.acquireWorkerLock()) return true;
      } catch (error) {
        const fault = asFault(error, "beginning to work");
        const level = fault.code === "UNEXPECTED" ? "error" : failures === 1 ? "warn" : "debug";
        log[level]({ fault: fault.code, error: fault }, "work begins as soon as the store is there");
      }
      await clock.sleep(storeWaitMs(failures, random), signal).catch(() => undefined); // Closed.
    }
    return false;
  }
}
