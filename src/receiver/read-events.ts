import { isObject } from "./exact-json.ts";
import { malformed, Refusal } from "./refusal.ts";
import { readSignedEvent } from "./signed-event.ts";
import type { AnnouncedEvent } from "./vocabulary.ts";
import { readZohoCallback } from "./zoho-callback.ts";

/** Most events taken in one body: the queue's default capacity. More could never be taken whole. */
export const EVENTS_MAX = 10_000;

/** Reads the events of an authenticated body, all of them or none. Every shape is taken under every kind of proof. */
export function readEvents(body: unknown, modules: ReadonlySet<string>): readonly AnnouncedEvent[] | Refusal {
  if (!isObject(body)) return malformed("the body must be a JSON object");
  const announced = body["events"] === undefined ? readOne(body, undefined) : readMany(body);
  if (announced instanceof Refusal) return announced;
  if (announced.length > EVENTS_MAX) return malformed(`a body may hold at most ${EVENTS_MAX} events`);
  for (const { event } of announced) {
    if (!modules.has(event.module)) return new Refusal("unsupported_module", "the module is not on the allow-list");
  }
  return announced;
}

function readMany(body: Readonly<Record<string, unknown>>): readonly AnnouncedEvent[] | Refusal {
  const { events: entries } = body;
  if (!Array.isArray(entries) || entries.length === 0) return malformed("events must be a list that is not empty");
  if (body["event_type"] !== undefined || body["ids"] !== undefined || body["record_id"] !== undefined) {
    return malformed("a body holds either one event or a list of events");
  }
  const announced: AnnouncedEvent[] = [];
  for (const [index, entry] of entries.entries()) {
    if (!isObject(entry)) return malformed("each of events must be a JSON object");
    const events = readOne(entry, entries.length > 1 ? index : undefined);
    if (events instanceof Refusal) return events;
    for (const event of events) announced.push(event);
  }
  return announced;
}

/** The shape is told by its keys: `event_type` is memhook's own, `ids` or `data` with `operation` are Zoho's. */
function readOne(
  body: Readonly<Record<string, unknown>>,
  position: number | undefined,
): readonly AnnouncedEvent[] | Refusal {
  if (body["event_type"] !== undefined) return readSignedEvent(body, position);
  if (body["ids"] !== undefined || body["operation"] !== undefined) return readZohoCallback(body, position);
  return malformed("the body names neither event_type nor operation");
}
