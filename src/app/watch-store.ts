import type { Duties } from "../duties.ts";
import { asFault, Fault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import { type FollowedParts, followSink, readStanding, sinkIdentity } from "./follow-sink.ts";
import type { AppDeps } from "./parts.ts";

/** How often a worker looks whether the store still knows the sink: one small read. */
const LOOK_EVERY_MS = 15_000;
/** How soon it looks again when the answer was bad: its workers, or those of all processes, wait for a good one. */
const LOOK_AGAIN_MS = 1_000;
/** The duty that says that somebody works. Nothing is done under it; commands ask whether it is taken. */
export const WORK_DUTY = "work";
/** Processes of which a worker with another sink can tell that they work; a number without an outside reason. One more would merely not be waited for. */
const WORKERS_MAX = 64;
/** Each process that works has one of these, so that a worker with another sink sees all of them, whichever ends. */
export const WORK_DUTIES: readonly string[] = [
  WORK_DUTY,
  ...Array.from({ length: WORKERS_MAX - 1 }, (_, index) => `${WORK_DUTY}:${index + 2}`),
];
/** The duty under which one process at a time follows the sink. */
const DUTY = "sink";
/** How long the duty of a process that died in the middle stays taken. */
const DUTY_MS = 30_000;
/** Renewed thrice within its length, so that one slow answer does not lose it. */
const DUTY_RENEW_MS = DUTY_MS / 3;
/** Looks after which duties tell the truth again that a loss or an outage of the store has freed: those who live ask thrice in that time. */
const PATIENT_LOOKS = DUTY_MS / LOOK_AGAIN_MS;

/** What the watch works with: of the engine also its duties, as several processes watch one store. */
export interface WatchedParts extends FollowedParts {
  readonly engine: FollowedParts["engine"] & { readonly duties: Duties };
}

/**
 * Keeps the ledger speaking of the sink while workers run: a store that lost everything (a FLUSHALL, a lost disk) has its
 * ledger rebuilt within some 15 s of its return, by one process. A store or sink that is away is waited for, and so are workers that
 * have another sink: the ledger is theirs until all have ended. Should it pass to another sink under our own workers, that is told.
 */
export class StoreWatch implements Closeable {
  readonly #parts: WatchedParts;
  readonly #deps: Pick<AppDeps, "clock" | "log">;
  readonly #ending = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #held = new Set<string>();
  /** The sink that the ledger was last seen to speak of, where that is ours. */
  #identity: string | undefined;
  #isOurs = false;
  /** Whose the ledger was when it was last not to be had. */
  #refusal: { readonly owner: string | undefined } | undefined;
  #looksToWait = 0;
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

  /** False before the ledger is of our sink, and from when it is found to be another's. */
  get isOurs(): boolean {
    return this.#isOurs;
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
      if (isFollowed) {
        this.#lastFault = undefined;
        this.#isOurs = true;
        this.#refusal = undefined;
        this.#first.resolve();
      }
      return isFollowed;
    } catch (error) {
      if (signal.aborted) return false;
      const fault = asFault(error, "following the memory");
      if (fault.code === "STORE_UNAVAILABLE") this.#looksToWait = PATIENT_LOOKS;
      const level = fault.code === "UNEXPECTED" || fault.code === "SINK_MISMATCH" ? "error" : "warn";
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
    const identity = this.#identity ?? (await sinkIdentity(this.#parts, this.#deps, signal));
    const standing = await readStanding(sealed, identity);
    this.#identity = standing === "another's" ? undefined : identity;
    if (standing === "ours") return true;
    if (standing === "another's") this.#isOurs = false;
    if (!(await this.#hold(DUTY))) return false; // Another process is at it.
    try {
      const ended = new AbortController();
      const deps = { ...this.#deps, mayReplace: (owner: string | undefined) => this.#mayReplace(owner) };
      const following = followSink(this.#parts, deps, signal).finally(() => ended.abort());
      const [isFollowed] = await Promise.all([following, this.#renew(ended.signal)]);
      if (isFollowed) this.#held.delete(WORK_DUTY); // Our own workers begin under it.
      return isFollowed;
    } finally {
      const held = [...this.#held];
      this.#held.clear();
      await Promise.all(held.map((duty) => duties.release(duty)));
    }
  }

  /** A ledger that is nobody's is free, unless others had it just now: they have lost their duties with it, and are given time to come back. */
  async #mayReplace(owner: string | undefined): Promise<boolean> {
    if (owner === undefined && this.#refusal === undefined) return true;
    if (this.#refusal !== undefined && this.#refusal.owner !== owner) this.#looksToWait = PATIENT_LOOKS;
    this.#refusal = { owner };
    if (this.#looksToWait > 0) {
      this.#looksToWait -= 1;
      return false;
    }
    return this.#isAlone();
  }

  /** True when no process works, and none will while the duties are held. */
  async #isAlone(): Promise<boolean> {
    if (!(await this.#hold(WORK_DUTY))) return false;
    const areFree = await Promise.all(WORK_DUTIES.map((duty) => this.#hold(duty)));
    return areFree.every((isFree) => isFree);
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
        await Promise.all([...this.#held].map((duty) => this.#hold(duty)));
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
