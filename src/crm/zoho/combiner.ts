import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../clock.ts";

/** From this many waiting items on there is a backlog, and calls are better saved than milliseconds: half a worker's claim. */
const BACKLOG_ITEMS = 5;
/** How long a backlog waits for the callers of late to come back for more: about one call of Zoho's. */
const PATIENCE_MS = 400;
/** How long a backlog waits for a running batch, whose callers will come back, before it starts beside it. */
const PATIENCE_BESIDE_MS = 2_000;
/** What is "of late", and how many batches are remembered for it. */
const CALLERS_MS = 5_000;
const CALLERS_KEPT = 8;

/** How calls are combined. */
export interface CombinerOptions<Item, Result> {
  /** Most items in one batch. */
  readonly sizeMax: number;
  /** How long the first of a batch waits for others; 0 = the rest of this event-loop turn. */
  readonly gatherMs: number;
  /** Batches read at a time; further calls gather meanwhile. */
  readonly batchesMax: number;
  readonly clock: Clock;
  /** Reads a batch. A batch that calls `stepAside` no longer counts against `batchesMax`: it looks for what made it fail. */
  readonly read: (
    items: readonly Item[],
    signal: AbortSignal,
    stepAside: () => void,
  ) => Promise<ReadonlyMap<Item, Result>>;
}

interface Call<Item, Result> {
  readonly items: readonly Item[];
  readonly signal: AbortSignal;
  readonly resolve: (results: ReadonlyMap<Item, Result>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Combines calls of several workers at about the same time into one batch, because a CRM call costs the same for one
 * account as for fifty. A caller who aborts leaves at once; the batch itself ends only when all its callers have left.
 */
export class Combiner<Item, Result> {
  readonly #options: CombinerOptions<Item, Result>;
  readonly #ending = new AbortController();
  #waiting: Call<Item, Result>[] = [];
  #running = 0;
  #runningCalls = 0;
  #isGathering = false;
  #callers: readonly { readonly at: number; readonly count: number }[] = [];

  constructor(options: CombinerOptions<Item, Result>) {
    this.#options = options;
  }

  /** Results of these items, read together with other callers' items. Rejects with the batch's error or the signal's reason. */
  read(items: readonly Item[], signal: AbortSignal): Promise<ReadonlyMap<Item, Result>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== call);
        reject(signal.reason);
      };
      const stay = () => signal.removeEventListener("abort", leave);
      const call: Call<Item, Result> = {
        items,
        signal,
        resolve: (results) => {
          stay();
          resolve(results);
        },
        reject: (error) => {
          stay();
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(call);
      this.#gather();
    });
  }

  /** Ends all that runs and waits. */
  close(reason: Error): void {
    this.#ending.abort(reason);
    for (const call of this.#waiting.splice(0)) call.reject(reason);
  }

  #gather(): void {
    if (this.#isGathering || this.#waiting.length === 0 || this.#running >= this.#options.batchesMax) return;
    this.#isGathering = true;
    this.#gathered().then(
      () => {
        this.#isGathering = false;
        this.#start();
      },
      () => undefined, // Closed: the calls were rejected there.
    );
  }

  /** Resolves when it is time to start. Few items start soon; a backlog is worth waiting for the callers of late. */
  async #gathered(): Promise<void> {
    const { gatherMs, clock, sizeMax } = this.#options;
    if (gatherMs === 0) return void (await nextTurn());
    let besideMs = 0;
    let alone = 0;
    while (this.#waitingItems() < sizeMax) {
      await clock.sleep(gatherMs, this.#ending.signal);
      if (this.#waitingItems() < BACKLOG_ITEMS) return;
      if (this.#running > 0) besideMs += gatherMs;
      else alone += gatherMs;
      if (this.#running === 0 && this.#waiting.length >= this.#callersOfLate()) return;
      if (alone >= PATIENCE_MS || besideMs >= PATIENCE_BESIDE_MS) return;
    }
  }

  #waitingItems(): number {
    return this.#waiting.reduce((sum, call) => sum + call.items.length, 0);
  }

  /** Most callers at a time in the last seconds. */
  #callersOfLate(): number {
    const now = this.#options.clock.now();
    this.#callers = this.#callers.filter(({ at }) => at <= now && now - at < CALLERS_MS);
    return Math.max(1, ...this.#callers.map(({ count }) => count));
  }

  #start(): void {
    const calls: Call<Item, Result>[] = [];
    const items = new Set<Item>();
    while (this.#waiting[0] !== undefined) {
      const next = this.#waiting[0];
      if (calls.length > 0 && items.size + next.items.length > this.#options.sizeMax) break;
      this.#waiting.shift();
      calls.push(next);
      for (const item of next.items) items.add(item);
    }
    if (calls.length === 0) return;
    this.#running += 1;
    this.#runningCalls += calls.length;
    const count = this.#runningCalls + this.#waiting.length;
    this.#callers = [...this.#callers, { at: this.#options.clock.now(), count }].slice(-CALLERS_KEPT);
    let isCounted = true;
    const leave = () => {
      if (!isCounted) return;
      isCounted = false;
      this.#running -= 1;
      this.#runningCalls -= calls.length;
      this.#gather();
    };
    this.#run(calls, [...items], leave).finally(leave);
    this.#gather();
  }

  async #run(calls: readonly Call<Item, Result>[], items: readonly Item[], stepAside: () => void): Promise<void> {
    const batch = new AbortController();
    const stop = () => batch.abort(this.#ending.signal.reason);
    this.#ending.signal.addEventListener("abort", stop, { once: true });
    const check = () => {
      if (calls.every((call) => call.signal.aborted)) batch.abort(calls[0]?.signal.reason);
    };
    for (const call of calls) call.signal.addEventListener("abort", check, { once: true });
    try {
      const results = await this.#options.read(items, batch.signal, stepAside);
      for (const call of calls) call.resolve(results);
    } catch (error) {
      for (const call of calls) call.reject(error);
    } finally {
      this.#ending.signal.removeEventListener("abort", stop);
      for (const call of calls) call.signal.removeEventListener("abort", check);
    }
  }
}
