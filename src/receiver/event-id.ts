import { malformed, type Refusal } from "./refusal.ts";
import { isSaid } from "./vocabulary.ts";

/** An event id as senders may give it: printable ASCII, short enough to be shown and stored with each event. */
const EVENT_ID_PATTERN = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/;

/** True for an id that a sender may give an event, in the body or as `webhook-id`. */
export function isEventId(text: string): boolean {
  return EVENT_ID_PATTERN.test(text);
}

/** The `event_id` of a body: text, or a whole number taken as its text; undefined when none is given. */
export function readEventId(value: unknown): string | undefined | Refusal {
  if (!isSaid(value)) return undefined;
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === "string" && isEventId(text)) return text;
  return malformed("event_id must be 1 to 200 printable ASCII characters");
}
