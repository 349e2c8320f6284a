import type { Duties } from "../duties.ts";
import { asFault, Fault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import { type FollowedParts, followSink, isSinkFollowed, knowsSink } from "./follow-sink.ts";
import type { AppDeps } from "./parts.ts";

/** How often a worker looks whether the store still knows the sink: one small read. */
const LOOK_EVERY_MS = 15_000;
/** How soon it looks again when the answer was bad: its workers, or those of all processes, wait for a good one. */
const LOOK_AGAIN_MS = 1_000;
/** The duty that says that somebody works. Nothing is done under it; commands, and workers with another sink, ask whether it is taken. */
export const WORK_DUTY = "work";
/** The duty under which one process at a time follows the sink. */
const DUTY = "sink";
/** How long the duty of a process that died in the middle stays taken. */
const DUTY_MS = 30_000;
/** Renewed thrice within its length, so that one slow answer does not lose it. */
const DUTY_RENEW_MS = DUTY_MS / 3;

/** What the watch works with: of the engine also its duties, as several processes watch one store. */
export interface WatchedParts extends FollowedParts {
  readonly engine: FollowedParts["engine"] & { readonly duties: Duties };
}

/**
 * Keeps the ledger speaking of the sink while workers run: a store that lost everything (a FLUSHALL, a lost disk) has its
 * ledger rebuilt within some 15 s of its return, by one process. A store or sink that is away is waited for, and so are workers that
 * have another sink: the ledger is theirs until they have ended.
 */
export class StoreWatch implements Closeable {
  readonly #parts: WatchedParts;
  readonly #deps: Pick<AppDeps, "clock" | "log">;
  readonly #ending = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #held = new Set<string>();
  #hasFollowed = false;
  #lastFault: string | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: WatchedParts, deps: Pick<AppDeps, "clock" | "log">) {
    this.#parts = parts;
    this.#deps = deps;
  }

  /** Resolves when the ledger speaks of the sink for the first time; no worker should write before. Pending for ever when closed earlier. */
  get followed(): Promise<void> {
    return this.#first.promise;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the pass that may be under way; the next start begins it again. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const signal = this.#ending.signal;
    let waitMs: number;
    do {
      waitMs = (await this.#look(signal)) ? LOOK_EVERY_MS : LOOK_AGAIN_MS;
    } while (await isSleptOut(this.#deps.clock.sleep(waitMs, signal), signal));
  }

  async #look(signal: AbortSignal): Promise<boolean> {
    try {
      const isFollowed = await this.#follow(signal);
      this.#lastFault = undefined;
      if (isFollowed && !this.#hasFollowed) {
        this.#hasFollowed = true;
        this.#first.resolve();
      }
      return isFollowed;
    } catch (error) {
      if (signal.aborted) return false;
      const fault = asFault(error, "following the memory");
      const level = fault.code === "UNEXPECTED" ? "error" : "warn";
      // Once for an outage, not once a second.
      if (fault.code !== this.#lastFault) {
        this.#deps.log[level]({ fault: fault.code, error: fault }, "the memory cannot be followed now; trying again");
      }
      this.#lastFault = fault.code;
      return false;
    }
  }

  /** The first look asks the sink as well, which may have been made anew; later ones only the store. */
  async #follow(signal: AbortSignal): Promise<boolean> {
    const { sealed, duties } = this.#parts.engine;
    const isKnown = this.#hasFollowed ? await knowsSink(sealed) : await isSinkFollowed(this.#parts, this.#deps, signal);
    if (isKnown) return true;
    if (!(await this.#hold(DUTY))) return false; // Another process is at it.
    try {
      const ended = new AbortController();
      const deps = { ...this.#deps, mayReplace: () => this.#hold(WORK_DUTY) };
      const following = followSink(this.#parts, deps, signal).finally(() => ended.abort());
      const [isFollowed] = await Promise.all([following, this.#renew(ended.signal)]);
      return isFollowed;
    } finally {
      this.#held.clear();
      await duties.release(DUTY);
    }
  }

  async #hold(duty: string): Promise<boolean> {
    const isHeld = await this.#parts.engine.duties.hold(duty, DUTY_MS);
    if (isHeld) this.#held.add(duty);
    return isHeld;
  }

  /** Keeps the duties during a long pass. One that is lost all the same does no harm: two passes do the same, twice. */
  async #renew(signal: AbortSignal): Promise<void> {
    while (await isSleptOut(this.#deps.clock.sleep(DUTY_RENEW_MS, signal), signal)) {
      try {
        for (const duty of this.#held) await this.#hold(duty);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return; // The store is away, which ends the pass as well.
      }
    }
  }
}

/** True = the time has passed; false = the signal ended the sleep. */
async function isSleptOut(sleep: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep;
    return true;
  } catch (error) {
    if (!signal.aborted) throw error;
    return false;
  }
}
