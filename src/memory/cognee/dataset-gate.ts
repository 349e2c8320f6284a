import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { untilAborted } from "../../until-aborted.ts";

/** How often a writer looks whether an index run of another process has ended; the look takes 50 to 100 ms. */
const LOOK_EVERY_MS = 1_000;
/** How soon work that met a long run is tried again. */
const BUSY_MS = 15_000;

/** What the gate asks. */
export interface GateOptions {
  readonly clock: Clock;
  /** How long a run is waited for before the work is given back: well below what a batch may take. */
  readonly patienceMs: number;
  /** True while Cognee says that a run is under way, which it says as well of one that ended with its server. */
  readonly isRunning: (signal: AbortSignal) => Promise<boolean>;
  /** True while some process has documents out of the dataset, to find what breaks a run. */
  readonly isSearching: () => Promise<boolean>;
  /** A number that grows while a run gets on. */
  readonly progress: (signal: AbortSignal) => Promise<number>;
  /** Begins a run, after the end of one that really is under way: then Cognee says the truth again. */
  readonly begin: (signal: AbortSignal) => Promise<void>;
}

/**
 * Keeps writes and index runs of one dataset apart. Cognee would let a write wait for the run's lock inside of an HTTP call, for minutes,
 * and a call that then times out leaves nobody knowing. So a run of this process waits for the writes that are under way,
 * and writes wait for any run, of whichever process: for a while, then they are given back (Fault SINK_BUSY).
 */
export class DatasetGate {
  readonly #options: GateOptions;
  readonly #writes = new Set<Promise<unknown>>();
  #run: Promise<unknown> | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Writes when no run is under way. Rejects with the signal's reason while it waits, or Fault SINK_BUSY. */
  async write<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    await this.#untilFree(signal);
    return this.#track(work());
  }

  /** Runs alone in this process, when no other has a run or a search under way. Rejects as `write` does. */
  async alone<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    await this.#untilFree(signal);
    return this.run(work, signal);
  }

  /** Runs alone in this process. */
  async run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    while (this.#run !== undefined) await untilAborted(settledOf(this.#run), signal);
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

  /** Waits until nobody has a run or a search under way, as far as can be seen. */
  async #untilFree(signal: AbortSignal): Promise<void> {
    const { clock, patienceMs, isSearching, progress } = this.#options;
    const until = clock.now() + patienceMs;
    let reached: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      if (!(await this.#isTaken(signal))) return;
      reached ??= await progress(signal);
      if (clock.now() >= until) {
        const isOwn = this.#run !== undefined;
        if (!isOwn && !(await isSearching()) && (await progress(signal)) === reached) await this.#restart(signal);
        throw new Fault("SINK_BUSY", "waiting for the end of an index run", { retryAfterMs: BUSY_MS });
      }
      const own = this.#run === undefined ? [] : [settledOf(this.#run)];
      await untilAborted(Promise.race([clock.sleep(LOOK_EVERY_MS, signal), ...own]), signal);
    }
  }

  async #isTaken(signal: AbortSignal): Promise<boolean> {
    const { isRunning, isSearching } = this.#options;
    return this.#run !== undefined || (await isRunning(signal)) || (await isSearching()) || this.#run !== undefined;
  }

  /** For a run that got nowhere: it ended with its server, or waits for its model. One that waits holds the lock for longer than the call lasts. */
  async #restart(signal: AbortSignal): Promise<void> {
    try {
      await this.#options.begin(signal);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "SINK_UNREACHABLE") throw error;
    }
  }
}

function settledOf(run: Promise<unknown>): Promise<void> {
  return run.then(
    () => undefined,
    () => undefined,
  );
}
