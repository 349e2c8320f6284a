import type { Random } from "../random.ts";

/** Longest wait that grows by itself; a `Retry-After` may be longer. Half a minute keeps a healed vendor from being noticed late. */
export const BACKOFF_CAP_MS = 30_000;

/** How waits grow. */
export interface BackoffOptions {
  readonly baseMs: number;
  /** Default BACKOFF_CAP_MS. */
  readonly capMs?: number;
  /** What the other side asked for (`Retry-After`): never wait less. */
  readonly floorMs?: number | undefined;
}

/**
 * Delay before the next attempt, with full jitter: uniform in [0, min(cap, base × 2^(attempt − 1))).
 * Full rather than ±10 %, because one CRM bulk edit makes thousands of jobs fail in one second.
 */
export function backoffMs(attempt: number, random: Random, options: BackoffOptions): number {
  const ceiling = Math.min(options.capMs ?? BACKOFF_CAP_MS, options.baseMs * 2 ** (Math.max(1, attempt) - 1));
  return Math.max(options.floorMs ?? 0, Math.floor(random.next() * ceiling));
}
