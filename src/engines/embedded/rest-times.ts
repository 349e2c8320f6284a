import type { JobAddress } from "../../queue/queue.ts";

/** Keys remembered per generation; with more, an older one is forgotten, worked on sooner, and nothing worse. */
const KEYS_MAX = 20_000;

/**
 * Until when keys rest after a completed run. In this process's memory only: it saves work and promises nothing, and the process
 * that completes runs is the one that takes events. Two generations instead of an order of ends: a map that loses its oldest
 * entries one by one gets slow to walk (12 µs a run, measured).
 */
export class RestTimes {
  readonly #restMs: number;
  #newer = new Map<string, number>();
  #older: ReadonlyMap<string, number> = new Map();
  #turnsAt = 0;

  constructor(restMs: number) {
    this.#restMs = restMs;
  }

  /** A run of the key has just been completed. */
  begin({ lane, key }: JobAddress, now: number): void {
    if (this.#restMs <= 0) return;
    const isOutdated = now >= this.#turnsAt || now < this.#turnsAt - this.#restMs; // The latter: the clock was set back.
    if (isOutdated || this.#newer.size >= KEYS_MAX) {
      this.#older = this.#newer;
      this.#newer = new Map();
      this.#turnsAt = now + this.#restMs;
    }
    this.#newer.set(`${lane} ${key}`, now + this.#restMs);
  }

  /** Epoch milliseconds before which the key should not run again; 0 = it does not rest. */
  until({ lane, key }: JobAddress, now: number): number {
    if (this.#restMs <= 0) return 0;
    const name = `${lane} ${key}`;
    const until = this.#newer.get(name) ?? this.#older.get(name) ?? 0;
    // Longer than a rest can be: the clock was set back.
    return until <= now || until > now + this.#restMs ? 0 : until;
  }
}
