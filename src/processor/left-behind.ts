import { type AccountKey, type RecordRef, recordKey } from "../account.ts";
import type { Lease, NewJob } from "../queue/queue.ts";
import { routeKey } from "./job-key.ts";
import type { StageDeps } from "./processor-deps.ts";
import { readNote } from "./read-note.ts";

/** Former children looked up when an account is gone: twenty batched lookups. What is beyond waits for a full comparison. */
const CHILDREN_MAX = 2_000;

/** The records that the ledger still has under an account that is gone. Throws a Fault (STORE_UNAVAILABLE). */
export async function formerChildren(deps: StageDeps, account: AccountKey): Promise<readonly RecordRef[]> {
  const children = await deps.ledger.children(account, CHILDREN_MAX);
  if (children.length >= CHILDREN_MAX) {
    deps.log.warn(
      { account, lookedUp: CHILDREN_MAX },
      "a deleted account had more children than are looked up at once",
    );
  }
  return children;
}

/**
 * Lookups of the records that an account leaves behind when it is gone: its former children, and those whose events came
 * here before the account was ever read with them. They may belong to another account now (a merge hands them to the master,
 * an activity falls to its contact's account), and the CRM announces nothing of it.
 */
export function leftBehind(lease: Lease, account: AccountKey, formerly: readonly RecordRef[] = []): readonly NewJob[] {
  const announced = lease.reasons.flatMap(({ note }) => {
    const event = readNote(note);
    return event === undefined || event.module === "Accounts" || event.operation === "delete" ? [] : [event];
  });
  const records = new Map([...announced, ...formerly].map((record) => [recordKey(record), record]));
  return [...records.values()].map((record) => ({
    lane: "route",
    key: routeKey(account, record),
    rank: lease.rank,
    delayMs: 0,
    // No event's note: it always leads to a lookup, and a record that again finds its account gone is not sent round.
    reason: { note: "account gone", receivedAt: lease.oldestReceivedAt },
  }));
}
