import { assert } from "../../assert.ts";

/** Requests that end well before the gate opens by one more, after it was narrowed. */
const SUCCESSES_TO_WIDEN = 50;

/**
 * Lets at most `max` runs in at a time, first come first served. Narrows when the CRM says "too many" and widens again
 * slowly, because the edition's concurrency limit cannot be asked for.
 */
export class Gate {
  readonly #max: number;
  #width: number;
  #running = 0;
  #successes = 0;
  readonly #waiting: { readonly enter: () => void }[] = [];

  constructor(max: number) {
    assert(max >= 1, "a gate lets at least one in");
    this.#max = max;
    this.#width = max;
  }

  /** Number of runs allowed at a time now. */
  get width(): number {
    return this.#width;
  }

  /** Runs when there is room. Rejects with the signal's reason if it is aborted while waiting. */
  async run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    await this.#enter(signal);
    try {
      const result = await work();
      this.#widen();
      return result;
    } finally {
      this.#running -= 1;
      this.#admit();
    }
  }

  /** Halves the width, down to one. */
  narrow(): void {
    this.#width = Math.max(1, Math.floor(this.#width / 2));
    this.#successes = 0;
  }

  #enter(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiter = {
        enter: () => {
          signal.removeEventListener("abort", leave);
          this.#running += 1;
          resolve();
        },
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiter);
      this.#admit();
    });
  }

  #admit(): void {
    while (this.#running < this.#width) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.enter();
    }
  }

  #widen(): void {
    if (this.#width === this.#max) return;
    this.#successes += 1;
    if (this.#successes < SUCCESSES_TO_WIDEN) return;
    this.#successes = 0;
    this.#width += 1;
  }
}
