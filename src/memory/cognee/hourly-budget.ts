import { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { SealedStore } from "../../sealed-store.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const stored = z.array(z.tuple([z.number(), z.number().int().min(0)])).max(HOUR_MS / MINUTE_MS + 1);

/** What may be sent now, and how long until more may be. */
export interface Granted {
  readonly count: number;
  readonly retryAfterMs: number;
}

/**
 * Documents that may be written within any hour, by all processes together; kept by the minute in the engine. Two processes that ask in
 * the same moment may both be granted the same ones, and one of them forget the other's. Throws Fault STORE_UNAVAILABLE.
 */
export class HourlyBudget {
  readonly #store: SealedStore;
  readonly #name: string;
  readonly #perHour: number;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    store: SealedStore,
    options: { readonly dataset: string; readonly perHour: number; readonly clock: Clock },
  ) {
    this.#store = store;
    this.#name = `cognee:spent:${options.dataset}`;
    this.#perHour = options.perHour;
    this.#clock = options.clock;
  }

  /** Takes up to `wanted`; one after the other in this process, as each must see what the one before it took. */
  take(wanted: number): Promise<Granted> {
    const taking = this.#last.then(() => this.#take(wanted));
    this.#last = taking.catch(() => undefined);
    return taking;
  }

  async #take(wanted: number): Promise<Granted> {
    const now = this.#clock.now();
    const text = await this.#store.read(this.#name);
    const kept = (text === undefined ? [] : stored.parse(JSON.parse(text))).filter(
      ([minute]) => minute > now - HOUR_MS && minute <= now,
    );
    const spent = kept.reduce((sum, [, count]) => sum + count, 0);
    const count = Math.min(wanted, Math.max(0, this.#perHour - spent));
    const oldest = kept[0]?.[0] ?? now;
    if (count === 0) return { count, retryAfterMs: oldest + HOUR_MS - now };
    const minute = now - (now % MINUTE_MS);
    const last = kept.at(-1);
    const isSameMinute = last !== undefined && last[0] === minute;
    const entries = isSameMinute ? [...kept.slice(0, -1), [minute, last[1] + count]] : [...kept, [minute, count]];
    await this.#store.write(this.#name, JSON.stringify(entries));
    return { count, retryAfterMs: oldest + HOUR_MS - now };
  }
}
