import { isObject } from "./exact-json.ts";
import { malformed, Refusal } from "./refusal.ts";
import { readSignedEvent } from "./signed-event.ts";
import type { AnnouncedEvent } from "./vocabulary.ts";
import { readZohoCallback } from "./zoho-callback.ts";

/**
 * Reads the events of an authenticated body, all of them or none. Every shape is taken under every kind of proof. The
 * body's size bounds their number (an id and its comma are two bytes at least); how many are taken is the queue's to say.
 */
export function readEvents(body: unknown, modules: ReadonlySet<string>): readonly AnnouncedEvent[] | Refusal {
  if (!isObject(body)) return malformed("the body must be a JSON object");
  const announced = body["events"] === undefined ? readOne(body, undefined) : readMany(body);
  if (announced instanceof Refusal) return announced;
  for (const { event } of announced) {
    if (!modules.has(event.module)) return new Refusal("unsupported_module", "the module is not on the allow-list");
  }
  return announced;
}

/** How many records a body names at the least, counted without reading any of them. */
export function countNamed(body: unknown): number {
  if (!isObject(body)) return 0;
  const { events } = body;
  const parts: readonly unknown[] = Array.isArray(events) ? events : [body];
  return parts.reduce<number>((sum, part) => sum + (isObject(part) ? countIds(part) : 0), 0);
}

/** Lists of one entry's ids; only one of them counts, whichever shape it turns out to be. */
function countIds(entry: Readonly<Record<string, unknown>>): number {
  const list = entry["event_type"] === undefined ? (entry["ids"] ?? entry["data"]) : entry["record_ids"];
  return Array.isArray(list) ? list.length : 1;
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
