import { z } from "zod";
import { Fault } from "../../faults.ts";
import { LANES, type NewEvent, NOTE_LENGTH_MAX, RANKS } from "../../queue/queue.ts";

/** An event as a row holds it. By position: names would be half of the file. A change of shape is a migration. */
const packedEvent = z.tuple([
  z.enum(LANES),
  z.string().min(1), // key
  z.enum(RANKS),
  z.int().nonnegative(), // delayMs
  z.string(), // eventId
  z.string().max(NOTE_LENGTH_MAX), // note
  z.int(), // receivedAt
  z.string().nullable(), // dedupKey
  z.string(), // label
  z.union([z.literal(0), z.literal(1)]), // isFiltered
]);

const packedDelivery = z.array(packedEvent);

/** One event as compact JSON; a row is a JSON array of them. */
export function packEvent(event: NewEvent): string {
  const { lane, key, rank, delayMs, reason, dedupKey, label, isFiltered } = event;
  const { eventId, note, receivedAt } = reason;
  return JSON.stringify([
    lane,
    key,
    rank,
    delayMs,
    eventId,
    note,
    receivedAt,
    dedupKey ?? null,
    label,
    isFiltered === true ? 1 : 0,
  ] satisfies z.infer<typeof packedEvent>);
}

/** The `count` events of a row, parsed: a file comes from outside. Throws Fault STORE_INVALID. */
export function unpackDelivery(text: string, count: number): readonly NewEvent[] {
  const parsed = packedDelivery.length(count).safeParse(parseJson(text));
  if (!parsed.success) throw damaged(parsed.error);
  return parsed.data.map(
    ([lane, key, rank, delayMs, eventId, note, receivedAt, dedupKey, label, isFiltered]): NewEvent => ({
      lane,
      key,
      rank,
      delayMs,
      reason: { eventId, note, receivedAt },
      ...(dedupKey === null ? {} : { dedupKey }),
      label,
      ...(isFiltered === 1 ? { isFiltered: true } : {}),
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(error);
    throw error;
  }
}

function damaged(cause: Error): Fault {
  // Only the kind of damage: what stands in the row belongs in no log.
  return new Fault("STORE_INVALID", "reading a row of the spill file", { detail: cause.name });
}
