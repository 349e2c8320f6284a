/** The list of the brief's design: pushed on the left, popped on the right. */
export const BRIEF_QUEUE = "webhook:queue";
/** How long an event id is remembered, seconds: the brief's WEBHOOK_EVENT_TTL. */
export const BRIEF_EVENT_TTL_S = 3_600;
/** Bound of the list: out of the way of what is measured, but looked at as the brief says. */
export const BRIEF_QUEUE_SIZE_MAX = 10_000_000;

/** The key that remembers an event id. */
export function briefDedupKey(eventId: string): string {
  return `webhook:event:${eventId}`;
}
