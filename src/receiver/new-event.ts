import { accountKey, DEFAULT_CONNECTION, recordKey } from "../account.ts";
import { type CrmEvent, encodeEvent } from "../crm/event.ts";
import type { NewEvent } from "../queue/queue.ts";
import type { FieldMatcher } from "./field-matcher.ts";
import { identify } from "./identity.ts";
import type { AnnouncedEvent } from "./vocabulary.ts";

/** How events become work. */
export interface QueueingRules {
  readonly criticalFields: FieldMatcher;
  readonly eventFilter: FieldMatcher;
  readonly debounceMs: number;
}

/** How a delivery came. */
export interface Arrival {
  readonly webhookId: string | undefined;
  readonly receivedAt: number;
}

/** The event as the queue takes it: an account's goes straight to its sync, any other record's is routed first. */
export function newEvent(announced: AnnouncedEvent, arrival: Arrival, rules: QueueingRules): NewEvent {
  const { event } = announced;
  const { eventId, dedupKey } = identify(announced, arrival.webhookId);
  const isCritical = touchesCriticalField(event, rules);
  const isAccount = event.module === "Accounts";
  return {
    lane: isAccount ? "sync" : "route",
    key: isAccount ? accountKey(event.recordId) : `${DEFAULT_CONNECTION}/${recordKey(event)}`,
    rank: isCritical || event.operation === "delete" ? "urgent" : "live",
    delayMs: isCritical ? 0 : rules.debounceMs,
    reason: { eventId, note: encodeEvent(event), receivedAt: arrival.receivedAt },
    label: `${event.module}.${event.operation}`,
    dedupKey,
    ...(!isCritical && isIgnored(event, rules.eventFilter) ? { isFiltered: true } : {}),
  };
}

/** True for an event that names a critical field: it goes first, and neither waits nor is filtered. */
export function touchesCriticalField(
  event: CrmEvent,
  { criticalFields }: Pick<QueueingRules, "criticalFields">,
): boolean {
  return event.fields?.some((field) => criticalFields(event.module, field)) === true;
}

/** Only an update whose fields are known, and all of them uninteresting. */
function isIgnored(event: CrmEvent, eventFilter: FieldMatcher): boolean {
  if (event.operation !== "update" || event.fields === undefined) return false;
  return event.fields.every((field) => eventFilter(event.module, field));
}
