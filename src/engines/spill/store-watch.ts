import type { Clock } from "../../clock.ts";

/**
 * Whether the store is away, judged by its answers alone. Many calls are under way when it goes or comes back, and end in any
 * order: only one that was asked later than the last that counted says something new.
 */
export class StoreWatch {
  readonly #clock: Pick<Clock, "now">;
  #lastAsked = 0;
  #lastAnswered = 0;
  #lastFailed = 0;
  #awaySince: number | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  get isAway(): boolean {
    return this.#awaySince !== undefined;
  }

  /** When it went away, epoch milliseconds. */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  /** Numbers a call that begins. */
  ask(): number {
    this.#lastAsked += 1;
    return this.#lastAsked;
  }

  answered(call: number): void {
    this.#lastAnswered = Math.max(this.#lastAnswered, call);
    if (call > this.#lastFailed) this.#awaySince = undefined;
  }

  failed(call: number): void {
    this.#lastFailed = Math.max(this.#lastFailed, call);
    if (call > this.#lastAnswered) this.#awaySince ??= this.#clock.now();
  }
}
