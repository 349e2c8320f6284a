import type { Lease } from "../queue/queue.ts";
import { readNote } from "./read-note.ts";

/** Newest `Modified_Time` in an account's document now, and in the one written before; undefined before the first. */
export interface ModifiedTimes {
  readonly now: number | undefined;
  readonly before: number | undefined;
}

/**
 * When the change happened that events announced: the newest time that their senders gave. A delete leaves no record to
 * carry a time, so its arrival stands for it. Where no event says a time, the newest `Modified_Time` does, if it moved: on a first
 * load it may be years old and tell of something else. Undefined then, and when no event is among the reasons: a reconcile
 * says nothing about freshness.
 */
export function changedAtOf(lease: Lease, modified: ModifiedTimes): number | undefined {
  let saidAt: number | undefined;
  let hasEvent = false;
  for (const { eventId, note, receivedAt } of lease.reasons) {
    if (eventId === undefined) continue;
    hasEvent = true;
    const event = readNote(note);
    const at = event?.observedAt ?? (event?.operation === "delete" ? receivedAt : undefined);
    if (at !== undefined) saidAt = Math.max(saidAt ?? at, at);
  }
  if (!hasEvent || saidAt !== undefined) return saidAt;
  const hasMoved = modified.now !== undefined && modified.before !== undefined && modified.now > modified.before;
  return hasMoved ? modified.now : undefined;
}
