import type { Attempt } from "./attempt.ts";

/** How long an account counts as damaged after it was last found so: a few tries of it, as another worker may find it mended. */
const KNOWN_MS_MAX = 300_000;
/** Accounts remembered; beyond it health tells of fewer than there are. */
const KNOWN_MAX = 10_000;

/** The accounts whose part of the sink a person must mend, as this process met them. Their work waits, that of all others goes on. */
export class DamagedAccounts {
  readonly #foundAt = new Map<string, number>();

  /** Learns from how an attempt ended. True when the account was not known to be damaged. */
  learn(attempt: Attempt, now: number): boolean {
    const { key } = attempt.lease;
    const wasKnown = this.#foundAt.delete(key);
    if (attempt.outcome !== "failed" || attempt.fault.code !== "SINK_ACCOUNT_DAMAGED") return false;
    if (this.#foundAt.size < KNOWN_MAX) this.#foundAt.set(key, now);
    return !wasKnown;
  }

  count(now: number): number {
    for (const [key, foundAt] of this.#foundAt) if (now - foundAt > KNOWN_MS_MAX) this.#foundAt.delete(key);
    return this.#foundAt.size;
  }
}
