import type { AccountKey } from "../account.ts";
import type { Fault } from "../faults.ts";
import type { LedgerOutcome } from "../memory/ledger.ts";
import type { Lease, NewJob, Settlement } from "../queue/queue.ts";

/** What was done, for counters and the log. */
export type Deed =
  /** The document was written. */
  | "written"
  /** The document had not changed. */
  | "unchanged"
  /** The account is gone and was forgotten. */
  | "removed"
  /** The account is gone and nothing was known of it. */
  | "absent"
  /** The events went on to an account. */
  | "routed"
  /** The record belongs to no account. */
  | "no_account"
  /** What was put is searchable. */
  | "indexed";

/** A job whose work succeeded, and what must now be written in one step. */
export interface Done {
  readonly outcome: "done";
  readonly lease: Lease;
  readonly deed: Deed;
  readonly settlement: Extract<Settlement, { verb: "complete" | "pass" }>;
  readonly record?: LedgerOutcome;
  /** Work that others owe to this one: syncs of accounts that lose a child, lookups of what an account leaves behind. */
  readonly displaced?: readonly NewJob[];
  /** When the change happened in the CRM; only for writes that events caused. */
  readonly changedAt?: number;
}

/** What became of one job in one attempt. */
export type Attempt =
  | Done
  | { readonly outcome: "failed"; readonly lease: Lease; readonly fault: Fault }
  /** Not finished through no fault of the job: drain, or its lease was lost. */
  | { readonly outcome: "interrupted"; readonly lease: Lease };

/** A stage of the work, over the leases of one claim. Throws a Fault when it cannot work at all. */
export type Stage<Context> = (leases: readonly Lease[], context: Context) => Promise<readonly Attempt[]>;

/** A failed attempt at one job. */
export function failed(lease: Lease, fault: Fault): Attempt {
  return { outcome: "failed", lease, fault };
}

/** A job of the sync lane that memhook makes itself. */
export function syncJob(lease: Lease, account: AccountKey, note: string): NewJob {
  return {
    lane: "sync",
    key: account,
    rank: lease.rank,
    delayMs: 0, // the debounce was paid before
    reason: { note, receivedAt: lease.oldestReceivedAt },
  };
}
