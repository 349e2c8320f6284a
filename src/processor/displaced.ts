import { type AccountKey, type RecordRef, recordKey } from "../account.ts";
import type { Lease, NewJob } from "../queue/queue.ts";
import { syncJob } from "./attempt.ts";

const NOTE_PREFIX = "lost a child, hop ";
/**
 * How far one displacement may lead to the next. A child that moves while both accounts are being read takes two hops;
 * a CRM that shows one child under two accounts would go on for ever.
 */
const HOPS_MAX = 5;

/**
 * Syncs of the accounts that still have one of these children in the ledger, so that none keeps what has moved away.
 * Empty when a chain of displacements has come to its bound.
 */
export function displacedBy(
  subject: { readonly lease: Lease; readonly account: AccountKey; readonly children: readonly RecordRef[] },
  owners: ReadonlyMap<string, AccountKey>,
): readonly NewJob[] {
  const { lease, account, children } = subject;
  if (children.length === 0) return [];
  const others = new Set<AccountKey>();
  for (const child of children) {
    const owner = owners.get(recordKey(child));
    if (owner !== undefined && owner !== account) others.add(owner);
  }
  return displacedJobs(lease, [...others]);
}

/** A sync for each account that lost a child to the lease's account. */
export function displacedJobs(lease: Lease, accounts: readonly AccountKey[]): readonly NewJob[] {
  const hop = hopOf(lease) + 1;
  if (hop > HOPS_MAX) return [];
  return accounts.map((account) => syncJob(lease, account, `${NOTE_PREFIX}${hop}`));
}

/** 0 when anything else than a displacement is among the reasons. */
function hopOf(lease: Lease): number {
  if (lease.reasons.length === 0 || lease.reasons.length < lease.reasonCount) return 0;
  let hop = 0;
  for (const { note } of lease.reasons) {
    if (!note.startsWith(NOTE_PREFIX)) return 0;
    hop = Math.max(hop, Number(note.slice(NOTE_PREFIX.length)) || 0);
  }
  return hop;
}
