import { hash, randomUUID } from "node:crypto";
import type { AnnouncedEvent } from "./vocabulary.ts";

/** What an event is called and by what it is known again. */
export interface Identity {
  /** As acknowledged to the sender. */
  readonly eventId: string;
  /** Absent = never a duplicate. */
  readonly dedupKey: string | undefined;
}

/**
 * Names an event. In this order: the sender's `event_id`; the signed `webhook-id`; a moment finer than a second together
 * with all that tells two changes of that moment apart. With none of them an event is never taken for a duplicate. An id
 * that a sender gives to two records or operations names both: they are two changes. The header's timestamp is no part of
 * it: a sender that repeats a delivery signs it with a new one.
 */
export function identify(announced: AnnouncedEvent, webhookId: string | undefined): Identity {
  const { event, eventId } = announced;
  const { module, operation, recordId } = event;
  const keyOf = (kind: string, name: string) => `${kind}:${JSON.stringify([name, module, recordId, operation])}`;
  if (eventId !== undefined) {
    const name = announced.isOneOfMany ? `${eventId}:${event.recordId}` : eventId;
    return { eventId: name, dedupKey: keyOf("event", name) };
  }
  if (webhookId !== undefined) {
    const entry = announced.position === undefined ? webhookId : `${webhookId}:${announced.position}`;
    const name = announced.isOneOfMany ? `${entry}:${event.recordId}` : entry;
    return { eventId: name, dedupKey: keyOf("webhook", name) };
  }
  if (announced.moment === undefined)
    return { eventId: `evt_${randomUUID().replaceAll("-", "")}`, dedupKey: undefined };
  const fields = event.fields === undefined ? [] : [...event.fields].sort();
  const dedupKey = `moment:${JSON.stringify([module, operation, recordId, fields, announced.moment, announced.evidence])}`;
  return { eventId: `evt_${hash("sha256", dedupKey, "hex").slice(0, 32)}`, dedupKey };
}
