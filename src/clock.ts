/** Time, passed in so that a test can hold it still. All values are epoch milliseconds. */
export interface Clock {
  /** Wall-clock time in epoch milliseconds. May jump when the machine's clock is set. */
  now(): number;
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longest single timer that Node keeps exactly; beyond it a timer fires at once. */
const TIMER_MS_MAX = 2_147_483_647;

/** The machine's clock. The only place that reads time or starts a timer. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(Math.max(0, ms), TIMER_MS_MAX),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/**
 * Does work within a bound: its signal is aborted after `ms` with a TimeoutError, or with the caller's reason as soon as
 * `signal` is. Ends when the work ends, which is up to the work; the timer goes with it, and keeps no process alive.
 */
export async function withTimeout<T>(
  clock: Pick<Clock, "sleep">,
  bound: { readonly ms: number; readonly signal?: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { ms, signal } = bound;
  const ending = new AbortController();
  const done = new AbortController();
  const stop = () => ending.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  clock.sleep(ms, done.signal).then(
    () => ending.abort(new DOMException(`not done within ${ms} ms`, "TimeoutError")),
    () => undefined, // The work ended first.
  );
  try {
    return await work(ending.signal);
  } finally {
    done.abort();
    signal?.removeEventListener("abort", stop);
  }
}

/** A clock that stands still until a test moves it. Sleepers wake in the order of their due times. */
export interface ManualClock extends Clock {
  /** Moves time forward (or back, for a clock that was set wrong) and wakes every sleeper that is due. */
  advance(ms: number): Promise<void>;
  /** Number of sleepers now waiting. */
  readonly sleepers: number;
}

/** Makes a clock for tests, at `startAt` epoch milliseconds. */
export function manualClock(startAt = 1_760_000_000_000): ManualClock {
  let nowMs = startAt;
  let waiting: { dueAt: number; wake: () => void }[] = [];
  return {
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { dueAt: nowMs + Math.max(0, ms), wake: resolve };
        waiting.push(sleeper);
        signal?.addEventListener(
          "abort",
          () => {
            waiting = waiting.filter((other) => other !== sleeper);
            reject(signal.reason);
          },
          { once: true },
        );
      }),
    advance: async (ms) => {
      nowMs += ms;
      const due = waiting.filter((sleeper) => sleeper.dueAt <= nowMs).sort((a, b) => a.dueAt - b.dueAt);
      waiting = waiting.filter((sleeper) => sleeper.dueAt > nowMs);
      for (const sleeper of due) sleeper.wake();
      await new Promise((resolve) => setImmediate(resolve));
    },
    get sleepers() {
      return waiting.length;
    },
  };
}
