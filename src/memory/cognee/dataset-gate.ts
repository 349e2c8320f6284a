import type { Clock } from "../../clock.ts";
import { untilAborted } from "../../until-aborted.ts";

/** How often a writer looks whether an index run of another process has ended; the look takes 50 to 100 ms. */
const LOOK_EVERY_MS = 1_000;
/**
 * How long a run that is under way, as Cognee says, is waited for. It says so as well of one that ended with its server; the call
 * itself waits for the lock of a run that really is.
 */
const RUN_MS_MAX = 600_000;

/** What the gate asks. */
export interface GateOptions {
  readonly clock: Clock;
  /** True while Cognee says that a run is under way. */
  readonly isRunning: (signal: AbortSignal) => Promise<boolean>;
}

/**
 * Keeps writes and index runs of one dataset apart. Cognee would let a write wait for the run's lock inside of an HTTP call, for minutes,
 * and a call that then times out leaves nobody knowing. So a run of this process waits for the writes that are under way,
 * and writes wait for any run, of whichever process.
 */
export class DatasetGate {
  readonly #options: GateOptions;
  readonly #writes = new Set<Promise<unknown>>();
  #run: Promise<unknown> | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Writes when no run is under way. Rejects with the signal's reason while it waits. */
  async write<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    do await this.#othersRun(signal);
    while (await this.#ownRun(signal));
    return this.#track(work());
  }

  /** Runs alone in this process. */
  async run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    while (await this.#ownRun(signal));
    const running = (async () => {
      await Promise.allSettled([...this.#writes]);
      signal.throwIfAborted();
      return work();
    })();
    this.#run = running;
    try {
      return await running;
    } finally {
      this.#run = undefined;
    }
  }

  #track<Result>(write: Promise<Result>): Promise<Result> {
    this.#writes.add(write);
    return write.finally(() => this.#writes.delete(write));
  }

  /** Waits for this process's run; true when there was one. */
  async #ownRun(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const run = this.#run;
    if (run === undefined) return false;
    await untilAborted(
      run.catch(() => undefined),
      signal,
    );
    return true;
  }

  async #othersRun(signal: AbortSignal): Promise<void> {
    const { clock, isRunning } = this.#options;
    const until = clock.now() + RUN_MS_MAX;
    while (this.#run === undefined && (await isRunning(signal)) && clock.now() < until) {
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }
}
