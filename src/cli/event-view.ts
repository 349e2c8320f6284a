import { accountIdOf, RECORD_ID_PATTERN } from "../account.ts";
import { type CrmEvent, decodeEvent } from "../crm/event.ts";
import type { JobAddress, Reason } from "../queue/queue.ts";
import type { EventRecord } from "../queue/queue-view.ts";

/** A time as people and programs read it. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** The account of a job's address; null where the key is no account's (a record on its way, a dataset). */
export function accountIdAt(address: Partial<JobAddress>): string | null {
  if (address.lane !== "sync" || address.key === undefined) return null;
  return accountIdOf(address.key);
}

/** What a note names; all null for work that memhook made itself, or for a note that cannot be read. */
function namedBy(note: string) {
  const event = readable(note);
  return {
    module: event?.module ?? null,
    record_id: event?.recordId ?? null,
    operation: event?.operation ?? null,
    fields: event?.fields ?? null,
  };
}

/** A reason as `dead-letters --json` shows it. */
export function reasonView(reason: Reason) {
  return { event_id: reason.eventId ?? null, ...namedBy(reason.note), received_at: isoTime(reason.receivedAt) };
}

/** An event as `events show --json` shows it. */
export function eventView(record: EventRecord) {
  return {
    event_id: record.eventId,
    ...namedBy(record.note),
    received_at: isoTime(record.receivedAt),
    state: record.fate,
    settled_at: record.settledAt === undefined ? null : isoTime(record.settledAt),
    account_id: accountIdAt(record) ?? namedAccount(record.note),
    lane: record.lane ?? null,
    key: record.key ?? null,
  };
}

function namedAccount(note: string): string | null {
  const event = readable(note);
  if (event === undefined) return null;
  if (event.module === "Accounts") return event.recordId;
  return event.accountId !== undefined && RECORD_ID_PATTERN.test(event.accountId) ? event.accountId : null;
}

/** The event of a note. What cannot be read is shown as unknown: a listing must not fail over one bad row. */
function readable(note: string): CrmEvent | undefined {
  try {
    return decodeEvent(note);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}
