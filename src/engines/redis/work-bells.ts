import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { LANES, type Lane } from "../../queue/queue.ts";
import { laneLetter } from "./codes.ts";
import type { ScriptTurn } from "./script-turn.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** How often waiters look without being called: a call is a message that may be lost, and nothing may wait for ever. */
const LOOK_MS = 500;

/** Lets claimers sleep until work may be due: called by the scripts that bring some, in whatever process. */
export class WorkBells {
  readonly #turn: ScriptTurn;
  readonly #clock: Clock;
  readonly #closing: AbortSignal;
  readonly #waiters = new Map<Lane, Set<() => void>>(LANES.map((lane) => [lane, new Set()]));

  constructor(turn: ScriptTurn, clock: Clock, closing: AbortSignal) {
    this.#turn = turn;
    this.#clock = clock;
    this.#closing = closing;
  }

  /** Wakes who waits for one of the lanes, by their letters. */
  ring(lanes: string): void {
    for (const [lane, waiters] of this.#waiters) {
      if (lanes.includes(laneLetter(lane))) for (const wake of [...waiters]) wake();
    }
  }

  /** Resolves when a job of the lane may be due, after `maxMs`, or when aborted. While the store is away nothing is known to be due. */
  async wait(request: { readonly lane: Lane; readonly maxMs: number; readonly signal: AbortSignal }): Promise<void> {
    const { lane, maxMs } = request;
    const signal = AbortSignal.any([request.signal, this.#closing]);
    let leftMs = maxMs;
    while (!signal.aborted && leftMs > 0) {
      const startedAt = this.#clock.now();
      // Listening before looking: what comes between the two is heard.
      const nap = this.#listen(lane, signal);
      try {
        const dueInMs = await this.#dueIn(lane);
        // A clock that was set back must not prolong the wait by more than what was slept.
        const passedMs = Math.max(0, this.#clock.now() - startedAt);
        if (dueInMs - passedMs <= 0) return;
        await nap.sleep(Math.min(leftMs - passedMs, dueInMs - passedMs, LOOK_MS));
      } finally {
        nap.end();
      }
      leftMs -= Math.max(0, this.#clock.now() - startedAt);
    }
  }

  async #dueIn(lane: Lane): Promise<number> {
    try {
      const dueIn = Number(await this.#turn.run(SCRIPTS["next-due"], [laneLetter(lane)]));
      return dueIn < 0 ? Number.POSITIVE_INFINITY : dueIn;
    } catch (error) {
      if (error instanceof Fault) return Number.POSITIVE_INFINITY; // The next claim says what is wrong.
      throw error;
    }
  }

  /** Begins to listen for a call; `sleep` ends at once when one has come already. */
  #listen(lane: Lane, signal: AbortSignal) {
    const alarm = new AbortController();
    const called = Promise.withResolvers<void>();
    const wake = () => called.resolve();
    const waiters = this.#waiters.get(lane);
    waiters?.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    return {
      sleep: async (ms: number) => {
        if (ms <= 0) return;
        const slept = this.#clock.sleep(ms, alarm.signal).catch(() => undefined); // Called, or told to stop.
        await Promise.race([slept, called.promise]);
      },
      end: () => {
        waiters?.delete(wake);
        signal.removeEventListener("abort", wake);
        alarm.abort();
      },
    };
  }
}
