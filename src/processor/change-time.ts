import type { Lease } from "../queue/queue.ts";
import { readNote } from "./read-note.ts";

/**
 * When the change happened that events announced: the newest time that the CRM gave. A delete leaves no record to carry
 * a time, so its arrival stands for it. Undefined when no event is among the reasons: a reconcile says nothing about
 * freshness.
 */
export function changedAtOf(lease: Lease, modifiedAt: number | undefined): number | undefined {
  let changedAt: number | undefined;
  for (const { eventId, note, receivedAt } of lease.reasons) {
    if (eventId === undefined) continue;
    const event = readNote(note);
    const at = event?.operation === "delete" ? receivedAt : (event?.observedAt ?? modifiedAt ?? receivedAt);
    changedAt = Math.max(changedAt ?? modifiedAt ?? 0, at);
  }
  return changedAt;
}
