import type { Clock } from "../../clock.ts";
import type { Lane } from "../../queue/queue.ts";

/** How often waiters look for what other processes did; a command beside the service feels immediate. */
const POLL_MS = 250;

/** When a lane's next job may be due: undefined = nothing waits there. */
export type NextDue = (lane: Lane) => number | undefined;

/** Lets claimers sleep until work may be due. */
export class WorkSignals {
  readonly #clock: Clock;
  readonly #closing: AbortSignal;
  readonly #waiters = new Map<Lane, Set<() => void>>();

  constructor(clock: Clock, closing: AbortSignal) {
    this.#clock = clock;
    this.#closing = closing;
  }

  /** Wakes everyone who waits for one of the lanes. */
  wake(lanes: Iterable<Lane>): void {
    for (const lane of lanes) for (const wake of [...(this.#waiters.get(lane) ?? [])]) wake();
  }

  /** Resolves when a job of the lane may be due, after `maxMs`, or when aborted. */
  async wait(request: {
    readonly lane: Lane;
    readonly maxMs: number;
    readonly signal: AbortSignal;
    readonly nextDue: NextDue;
  }): Promise<void> {
    const { lane, maxMs, nextDue } = request;
    const signal = AbortSignal.any([request.signal, this.#closing]);
    let leftMs = maxMs;
    while (!signal.aborted && leftMs > 0) {
      const now = this.#clock.now();
      const dueInMs = (nextDue(lane) ?? Number.POSITIVE_INFINITY) - now;
      if (dueInMs <= 0) return;
      await this.#sleep(lane, Math.min(leftMs, dueInMs, POLL_MS), signal);
      // A clock that was set back must not prolong the wait by more than what was slept.
      leftMs -= Math.max(0, this.#clock.now() - now);
    }
  }

  #sleep(lane: Lane, ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const alarm = new AbortController();
    const waiters = this.#waitersOf(lane);
    const wake = () => {
      waiters.delete(wake);
      signal.removeEventListener("abort", wake);
      alarm.abort();
      resolve();
    };
    waiters.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    this.#clock.sleep(ms, alarm.signal).then(wake, wake);
    return promise;
  }

  #waitersOf(lane: Lane): Set<() => void> {
    const waiters = this.#waiters.get(lane) ?? new Set();
    this.#waiters.set(lane, waiters);
    return waiters;
  }
}
