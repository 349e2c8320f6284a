/** Addresses remembered; the one unheard of for longest is forgotten first. Some 2 MB when full. */
const ADDRESSES_MAX = 10_000;

/** What an address may spend. */
export interface AllowanceOptions {
  /** Failures allowed at once. */
  readonly burst: number;
  /** Failures allowed per second in the long run. */
  readonly perSecond: number;
}

/** Counts failures per address: a bounded table of token buckets. */
export interface AddressLimiter {
  /** Spends one; returns 0 when that was allowed, else the milliseconds until the next one is. */
  spend(address: string, nowMs: number): number;
}

/** Makes an empty table. */
export function createAddressLimiter(options: AllowanceOptions): AddressLimiter {
  const buckets = new Map<string, { level: number; at: number }>();
  return {
    spend: (address, nowMs) => {
      const bucket = buckets.get(address) ?? { level: options.burst, at: nowMs };
      const elapsedMs = Math.max(0, nowMs - bucket.at);
      bucket.level = Math.min(options.burst, bucket.level + (elapsedMs * options.perSecond) / 1_000);
      bucket.at = nowMs;
      buckets.delete(address);
      buckets.set(address, bucket);
      if (buckets.size > ADDRESSES_MAX) {
        const oldest = buckets.keys().next();
        if (!oldest.done) buckets.delete(oldest.value);
      }
      if (bucket.level >= 1) {
        bucket.level -= 1;
        return 0;
      }
      return ((1 - bucket.level) / options.perSecond) * 1_000;
    },
  };
}
