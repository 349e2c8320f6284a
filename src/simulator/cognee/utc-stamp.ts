import type { Clock } from "../../clock.ts";

/**
 * Times as the server writes them: UTC, with microseconds and without a zone, as in `2026-11-24T02:29:31.593095`. No two
 * are equal, so that "newest first" is an order.
 */
export class UtcStamps {
  readonly #clock: Pick<Clock, "now">;
  #lastMicros = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  next(): string {
    this.#lastMicros = Math.max(this.#clock.now() * 1000, this.#lastMicros + 1);
    const whole = new Date(Math.floor(this.#lastMicros / 1000)).toISOString().slice(0, -1);
    return `${whole}${String(this.#lastMicros % 1000).padStart(3, "0")}`;
  }
}
