import type { AccountKey, RecordRef } from "../account.ts";

/**
 * How far a write has come: `intended` (about to be sent; the sink may or may not have it), `stored` (the sink has it),
 * `indexed` (searchable), `removing` and `removed` (a tombstone: the account is gone).
 */
export type LedgerState = "intended" | "stored" | "indexed" | "removing" | "removed";

/** What was last written for one account. */
export interface LedgerEntry {
  readonly account: AccountKey;
  readonly state: LedgerState;
  /** Of the document last stored or, while `intended`, about to be. Empty for a tombstone. */
  readonly fingerprint: string;
  /** The sink's own id of the document, where it has one. */
  readonly sinkRef?: string;
  /** When the read began that led to it, epoch milliseconds. */
  readonly readAt: number;
  readonly writtenAt: number;
  /** Newest `Modified_Time` in the document, epoch milliseconds. */
  readonly modifiedAt?: number;
  readonly title: string;
  readonly childCount: number;
}

/** The right to write for an account: its job's lease, by id and fencing token. */
export interface WriteRight {
  readonly jobId: string;
  readonly token: number;
}

/** Announces a write before the sink is called. */
export interface LedgerIntent {
  readonly right: WriteRight;
  readonly account: AccountKey;
  readonly verb: "put" | "remove";
  readonly fingerprint: string;
  readonly title: string;
  readonly readAt: number;
}

/** Reports a write that the sink has confirmed, with the account's children as read. */
export interface LedgerOutcome {
  readonly right: WriteRight;
  readonly account: AccountKey;
  readonly verb: "put" | "remove";
  readonly fingerprint: string;
  readonly title: string;
  readonly readAt: number;
  readonly sinkRef?: string;
  readonly modifiedAt?: number;
  readonly children: readonly RecordRef[];
  /** True = searchable at once: the state becomes `indexed`, not `stored`. */
  readonly isIndexed: boolean;
}

/** A document that the sink was found to have, though the ledger knows nothing of its account. */
export interface AdoptedEntry {
  readonly account: AccountKey;
  /** Empty where the sink does not keep it: the account's next sync then writes, and replaces the document at `sinkRef`. */
  readonly fingerprint: string;
  readonly sinkRef: string;
  readonly title: string;
  /** True = the state becomes `indexed`, not `stored`. */
  readonly isIndexed: boolean;
}

/** `displaced`: accounts that had one of these children until now, and so must be read again. */
export type LedgerWritten =
  | { readonly outcome: "written"; readonly displaced: readonly AccountKey[] }
  | { readonly outcome: "stale" };

/**
 * What memhook last wrote, by account, and which account each child record belongs to.
 * Writes are fenced: whoever lost the lease writes nothing. Throws Fault STORE_UNAVAILABLE.
 * Twelve methods, two above our bound: `adopt`, `forgetWritten` and `distrust` are the answers to a loss, and belong to whoever
 * holds the table that the others write. Each user takes its slice.
 */
export interface Ledger {
  read(accounts: readonly AccountKey[]): Promise<ReadonlyMap<AccountKey, LedgerEntry>>;
  /** Written ahead of the sink; one answer per intent. */
  intend(intents: readonly LedgerIntent[]): Promise<readonly ("written" | "stale")[]>;
  /** Written after the sink confirmed; also when the document was unchanged but its children are not. One answer per outcome. */
  record(outcomes: readonly LedgerOutcome[]): Promise<readonly LedgerWritten[]>;
  /** Marks accounts in state `stored` as `indexed`. */
  markIndexed(accounts: readonly AccountKey[]): Promise<void>;
  /**
   * Makes entries for accounts that have none, from what the sink was found to have; never changes one, tombstones included,
   * so it needs no lease and may run beside the workers. `readAt` is 0, the fencing token older than any lease and children
   * are not known: whatever is recorded next is accepted. All that were new, or none; returns how many.
   */
  adopt(entries: readonly AdoptedEntry[]): Promise<number>;
  /**
   * Forgets what was written last, of all accounts, with the sink's ids: the sink has been made anew. Each next sync writes.
   * Returns how many.
   */
  forgetWritten(): Promise<number>;
  /**
   * Takes back what is known of accounts that somebody may have written after losing the right to: they become `intended`, of
   * no fingerprint, also those that had no entry, so that the next sync looks at the sink and writes whatever it reads.
   * Not fenced. A lease that was given before may have written too early to set it right: all that it records, or
   * intends, stays so as well; only one that is given from now on ends it.
   */
  distrust(accounts: readonly AccountKey[]): Promise<void>;
  /** Accounts in one state, oldest first: what an index run has to make searchable. */
  inState(state: LedgerState, limit: number): Promise<readonly LedgerEntry[]>;
  /** The account each record was last seen under; records never seen are absent. Keyed by `recordKey`. */
  parents(records: readonly RecordRef[]): Promise<ReadonlyMap<string, AccountKey>>;
  /** The records last seen under an account, at most `limit`: what may have to be looked for when it is gone. */
  children(account: AccountKey, limit: number): Promise<readonly RecordRef[]>;
  /** Entries in key order after `after`, for whole passes. */
  list(options: { readonly after?: AccountKey; readonly limit: number }): Promise<readonly LedgerEntry[]>;
  /** Totals by state. */
  totals(): Promise<Readonly<Record<LedgerState, number>>>;
}
