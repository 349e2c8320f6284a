import type { Clock } from "../../clock.ts";

/** Bytes of the shared memory: the time, and a bell that is rung when it has moved. */
const TIME_BYTES = 8;
const BELL_BYTES = 4;

/** A clock's hand that another thread moves; for tests, which hold time still in both. */
export interface ClockHand {
  readonly memory: SharedArrayBuffer;
  /** Sets the time, epoch milliseconds, and wakes the sleepers of the other thread. */
  set(now: number): void;
}

/** Makes the hand of a shared clock. */
export function clockHand(now: number): ClockHand {
  const memory = new SharedArrayBuffer(TIME_BYTES + BELL_BYTES);
  const { time, bell } = viewsOf(memory);
  const set = (to: number) => {
    Atomics.store(time, 0, BigInt(to));
    Atomics.add(bell, 0, 1);
    Atomics.notify(bell, 0);
  };
  set(now);
  return { memory, set };
}

/** The clock that reads a hand in another thread. */
export function sharedClock(memory: SharedArrayBuffer): Clock {
  const { time, bell } = viewsOf(memory);
  const now = () => Number(Atomics.load(time, 0));
  return {
    now,
    sleep: async (ms, signal) => {
      const dueAt = now() + Math.max(0, ms);
      const ended = new Promise<"ended">((resolve) =>
        signal?.addEventListener("abort", () => resolve("ended"), { once: true }),
      );
      for (;;) {
        const rung = Atomics.load(bell, 0);
        signal?.throwIfAborted();
        if (now() >= dueAt) return;
        const { value } = Atomics.waitAsync(bell, 0, rung);
        await Promise.race([value, ended]);
      }
    },
  };
}

function viewsOf(memory: SharedArrayBuffer) {
  return { time: new BigInt64Array(memory, 0, 1), bell: new Int32Array(memory, TIME_BYTES, 1) };
}
