import type { JobAddress } from "../../queue/queue.ts";

/** Keys remembered at once; a forgotten one is worked on sooner, and nothing worse. */
const KEYS_MAX = 20_000;

/**
 * Until when keys rest after a completed run. In this process's memory only: it saves work and promises nothing, and the process
 * that completes runs is the one that takes events.
 */
export class RestTimes {
  readonly #restMs: number;
  readonly #until = new Map<string, number>();

  constructor(restMs: number) {
    this.#restMs = restMs;
  }

  /** A run of the key has just been completed. */
  begin({ lane, key }: JobAddress, now: number): void {
    if (this.#restMs <= 0) return;
    const name = `${lane} ${key}`;
    this.#until.delete(name); // So that the map stays in the order of ends.
    this.#until.set(name, now + this.#restMs);
    for (const [oldest, until] of this.#until) {
      if (until > now && this.#until.size <= KEYS_MAX) break;
      this.#until.delete(oldest);
    }
  }

  /** Epoch milliseconds before which the key should not run again; 0 = it does not rest. */
  until({ lane, key }: JobAddress, now: number): number {
    const until = this.#until.get(`${lane} ${key}`) ?? 0;
    // Longer than a rest can be: the clock was set back.
    return until <= now || until > now + this.#restMs ? 0 : until;
  }
}
