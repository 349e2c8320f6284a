import { backoffMs } from "../queue/backoff.ts";
import type { Random } from "../random.ts";

/** First wait after the store refused: short enough to notice soon that it is back. */
const STORE_WAIT_BASE_MS = 100;
/** Longest wait: how late a healed store is noticed at worst. */
const STORE_WAIT_CAP_MS = 5_000;

/** How long to wait after `failures` refusals of the store in a row. Half of it is fixed: jitter alone could be no wait at all. */
export function storeWaitMs(failures: number, random: Random): number {
  const ceilingMs = Math.min(STORE_WAIT_CAP_MS, STORE_WAIT_BASE_MS * 2 ** (Math.max(1, failures) - 1));
  return ceilingMs / 2 + backoffMs(1, random, { baseMs: ceilingMs / 2 });
}
