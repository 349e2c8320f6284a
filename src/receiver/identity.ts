import { randomUUID } from "node:crypto";
import { dedupHash, derivedEventId } from "../queue/event-id.ts";
import type { AnnouncedEvent } from "./vocabulary.ts";

/** What an event is called and by what it is known again. */
export interface Identity {
  /** As acknowledged to the sender. */
  readonly eventId: string;
  readonly dedupKey: string;
}

/**
 * Names an event. In this order: the sender's `event_id`; the signed `webhook-id`; a moment finer than a second together
 * with all that tells two changes of that moment apart. With none of them an event is a duplicate only of itself, when a store is
 * asked again because its answer was lost. An id
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
  if (announced.moment === undefined) return derived(`once:${randomUUID()}`);
  const fields = event.fields === undefined ? [] : [...event.fields].sort();
  return derived(
    `moment:${JSON.stringify([module, operation, recordId, fields, announced.moment, announced.evidence])}`,
  );
}

function derived(dedupKey: string): Identity {
  return { eventId: derivedEventId(dedupHash(dedupKey)), dedupKey };
}
