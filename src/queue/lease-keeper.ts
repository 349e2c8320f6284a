import type { Clock } from "../clock.ts";
import { asFault, Fault } from "../faults.ts";
import type { Lease, Queue } from "./queue.ts";

/** Leases are prolonged at a third of their length: two more tries fit before they expire. */
const EXTEND_SHARE = 1 / 3;
/** After an extension that failed, the next try comes sooner: ten fit into one lease. */
const EXTEND_AGAIN_SHARE = 1 / 10;

/** Why work was stopped: its lease expired or passed to another, so nothing of it may be written any more. */
export const LEASE_LOST = new Error("the lease was lost");
const STOPPED = new Error("the lease keeper was stopped");

/** How leases are kept. */
export interface KeepOptions {
  readonly leaseMs: number;
  /** Work that takes longer hangs: it is stopped with a fault. */
  readonly holdMsMax: number;
  /** The caller's own reason to stop; handed on to the work. */
  readonly signal: AbortSignal;
}

/** Keeps the leases of one batch while its work runs. */
export interface LeaseKeeper {
  /** The work's signal: aborted with LEASE_LOST, with a Fault past `holdMsMax` or by a bug, or with the caller's reason. */
  readonly signal: AbortSignal;
  /** Throws LEASE_LOST or the reason of the abort; called right before a write that no fencing token guards. */
  mustHold(): void;
  /** Stops prolonging. Idempotent. */
  stop(): void;
}

/** Starts to prolong the leases of one batch: one timer for all of them. */
export function keepLeases(
  deps: { readonly queue: Pick<Queue, "extend">; readonly clock: Clock },
  leases: readonly Lease[],
  options: KeepOptions,
): LeaseKeeper {
  const { clock, queue } = deps;
  const { leaseMs, holdMsMax, signal } = options;
  const work = new AbortController();
  const stopped = new AbortController();
  const giveUpAt = clock.now() + holdMsMax;
  let expiresAt = leases.reduce((soonest, lease) => Math.min(soonest, lease.expiresAt), Number.POSITIVE_INFINITY);

  const onAbort = () => work.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  const extendOnce = async (): Promise<number> => {
    const askedAt = clock.now();
    try {
      const answers = await queue.extend(leases, leaseMs);
      if (answers.includes("stale")) work.abort(LEASE_LOST);
      expiresAt = askedAt + leaseMs;
      return leaseMs * EXTEND_SHARE;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // The store is away: the lease still holds until it expires, and the work may end before that.
      if (clock.now() >= expiresAt) work.abort(LEASE_LOST);
      return leaseMs * EXTEND_AGAIN_SHARE;
    }
  };
  const run = async () => {
    let waitMs = leaseMs * EXTEND_SHARE;
    while (!work.signal.aborted) {
      await clock.sleep(waitMs, stopped.signal);
      if (clock.now() >= giveUpAt) work.abort(new Fault("UNEXPECTED", "holding a lease past its bound"));
      else waitMs = await extendOnce();
    }
  };
  run().catch((error: unknown) => {
    if (error !== STOPPED) work.abort(asFault(error, "prolonging leases")); // A bug: the work fails with it, and is counted.
  });

  return {
    signal: work.signal,
    mustHold: () => {
      work.signal.throwIfAborted();
      if (stopped.signal.aborted || clock.now() >= expiresAt) throw LEASE_LOST;
    },
    stop: () => {
      signal.removeEventListener("abort", onAbort);
      stopped.abort(STOPPED);
    },
  };
}
