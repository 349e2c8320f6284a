import { withTimeout } from "../clock.ts";
import { asFault, Fault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import type { Processor } from "../processor/processor.ts";
import { storeWaitMs } from "../processor/store-wait.ts";
import { DUTY_EVERY_MS, DUTY_LEASE_MS, type DutyLoopDeps } from "./duty-loop.ts";
import { followSink } from "./follow-sink.ts";
import type { AppDeps, Parts } from "./parts.ts";
import type { SoleFollower } from "./sole-follower.ts";
import { StoreWatch, WORK_DUTIES } from "./watch-store.ts";

/** How long a start waits for a command or a draining predecessor to give up the worker lock. */
const LOCK_WAIT_MS = 10_000;
const LOCK_POLL_MS = 100;
/** How often a start begins to follow the sink anew because another process was at it; each time that one has got further. */
const FOLLOWS_MAX = 30;
const FOLLOW_AGAIN_MS = 1_000;
/** How long a start waits for the sink before it takes deliveries without it. */
const SINK_WAIT_MS = 5_000;

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

/** What begins to work: a processor, and who follows the sink for it where it is alone on its store. */
export interface Beginner {
  readonly processor: Worker;
  readonly follower: SoleFollower | undefined;
}

/**
 * Sets the workers going, once the ledger speaks of the sink that they write to. Who works on a file is alone on it and may replace the
 * sink; where that is away the workers begin behind its open circuit. On a server a service has to replace it. Throws Fault STORE_UNAVAILABLE or,
 * on a server, SINK_….
 */
export async function beginWork(
  parts: Parts,
  { processor, follower }: Beginner,
  deps: Pick<AppDeps, "clock" | "log">,
): Promise<void> {
  if (follower !== undefined) return beginAlone(processor, follower, deps);
  const { signal } = new AbortController(); // Each step of it has a bound of its own.
  const following = { ...deps, mayReplace: async (owner: string | undefined) => owner === undefined };
  for (let follows = 1; !(await followSink(parts, following, signal)); follows += 1) {
    if (follows >= FOLLOWS_MAX) throw new Fault("STORE_UNAVAILABLE", "following the memory");
    await deps.clock.sleep(FOLLOW_AGAIN_MS);
  }
  processor.start();
}

async function beginAlone(processor: Worker, follower: SoleFollower, deps: Pick<AppDeps, "clock" | "log">) {
  const sinkFault = await sinkFaultOf(follower, deps);
  if (sinkFault === undefined) return processor.start();
  deps.log.warn({ fault: sinkFault.code, error: sinkFault }, "work on the memory begins as soon as it is there");
  processor.start({ sinkFault });
}

/** What keeps the sink from being followed now, and may pass. Throws everything else. */
async function sinkFaultOf(follower: SoleFollower, { clock }: Pick<AppDeps, "clock">): Promise<Fault | undefined> {
  try {
    await withTimeout(clock, { ms: SINK_WAIT_MS }, (signal) => follower.follow(signal));
    return undefined;
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError")
      return new Fault("SINK_UNREACHABLE", "following the memory", { detail: `not done within ${SINK_WAIT_MS} ms` });
    if (error instanceof Fault && error.code.startsWith("SINK_") && error.retry === "pause") return error;
    throw error;
  }
}

/**
 * Says in the store that this process works, as long as `isWorking` says so: no process with another memory takes the ledger meanwhile.
 * The first duty that is free is had, so that the one that commands ask for is taken as long as anybody works.
 */
export class WorkPresence implements Closeable {
  readonly #deps: DutyLoopDeps;
  readonly #isWorking: () => boolean;
  readonly #closing = new AbortController();
  #duty: string | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: DutyLoopDeps, isWorking: () => boolean) {
    this.#deps = deps;
    this.#isWorking = isWorking;
  }

  /** Resolves when it was said for the first time, or the store could not be told now, which is tried again. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const first = this.#turn();
    this.#running = this.#run(first);
    await first;
  }

  /** Says at once that this process works no more. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(first: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    await first;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(DUTY_EVERY_MS, signal).catch(() => undefined); // Closed.
      if (!signal.aborted) await this.#turn();
    }
    await this.#attempt(() => this.#have(undefined));
  }

  #turn(): Promise<void> {
    return this.#attempt(async () => {
      const { duties } = this.#deps;
      if (!this.#isWorking()) return this.#have(undefined);
      for (const duty of WORK_DUTIES) if (await duties.hold(duty, DUTY_LEASE_MS)) return this.#have(duty);
    });
  }

  async #have(duty: string | undefined): Promise<void> {
    const before = this.#duty;
    this.#duty = duty;
    if (before !== undefined && before !== duty) await this.#deps.duties.release(before);
  }

  /** A store that is away is told by who is connected to it; what was not given back ends with its lease. */
  async #attempt(telling: () => Promise<void>): Promise<void> {
    try {
      await telling();
    } catch (error) {
      const fault = asFault(error, "saying that this process works");
      if (fault.code !== "UNEXPECTED") return;
      this.#deps.counters.add({ "faults:UNEXPECTED": 1 });
      this.#deps.log.error({ error: fault }, "others cannot be told that this process works");
    }
  }
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
    const { duties, counters } = this.#parts.engine;
    const presence = new WorkPresence({ ...this.#deps, duties, counters }, () => this.#watch.isOurs);
    await presence.start();
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
