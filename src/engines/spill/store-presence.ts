import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";

/**
 * How long after its return a store may be full of what was spilled, by this process or another, without a live delivery being refused
 * for it. Twice what the work of a five-minute outage may take (`SYNCED_SECONDS_MAX` in bench/outage.ts); longer puts backpressure off.
 */
const RECOVERY_MS = 60_000;

/**
 * Whether the store is away, judged by its answers alone, and whether it is only just back. One for all spill files of a process. Many
 * calls are under way when it goes or comes back, and end in any order: only one that was asked later than the last that counted says
 * something new.
 */
export class StorePresence {
  readonly #clock: Pick<Clock, "now">;
  #lastAsked = 0;
  #lastAnswered = 0;
  #lastFailed = 0;
  #isAway = false;
  #backAt: number | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** True for RECOVERY_MS after it came back; a clock that is set ends it. */
  get isRecovering(): boolean {
    return this.#backAt !== undefined && Math.abs(this.#clock.now() - this.#backAt) < RECOVERY_MS;
  }

  /** Called by itself when the store is back, and where an outage that this process did not see may only just be over. */
  recover(): void {
    this.#backAt = this.#clock.now();
  }

  /** Does a call of the store, and learns from how it ends; another fault than absence says nothing of it. Throws what the call throws. */
  async call<T>(ask: () => Promise<T>): Promise<T> {
    this.#lastAsked += 1;
    const call = this.#lastAsked;
    try {
      const answer = await ask();
      this.#answered(call);
      return answer;
    } catch (error) {
      if (isAbsence(error)) this.#failed(call);
      throw error;
    }
  }

  #answered(call: number): void {
    this.#lastAnswered = Math.max(this.#lastAnswered, call);
    if (!this.#isAway || call < this.#lastFailed) return;
    this.#isAway = false;
    this.recover();
  }

  #failed(call: number): void {
    this.#lastFailed = Math.max(this.#lastFailed, call);
    if (call > this.#lastAnswered) this.#isAway = true;
  }
}

/** The store, or the file, cannot be used now. */
export function isAbsence(error: unknown): error is Fault {
  return error instanceof Fault && error.code === "STORE_UNAVAILABLE";
}
