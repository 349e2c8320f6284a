import { derivedEventId, EVENT_HASH_SPAN, eventHash } from "../../queue/event-id.ts";

/** How an event's id lies in its row. */
export interface StoredEventId {
  /** Empty = derived: `evt_` and the row's dedup hash, as receivers make them when the sender gave none. Saves 36 bytes a row. */
  readonly eventId: string;
  /** Where to find it, derived or not. */
  readonly eventPlace: number;
}

/** Rows whose ids are indexed near each other, so that a commit writes few pages of a large index. */
export const EVENT_CHUNK_ROWS = 4_096;

/**
 * Packs the id of the event in row `seq`; `dedup` is the row's dedup hash, if it has one. With the hash's span inside of a chunk a
 * place stays below 2^53 for the first 10^11 events.
 */
export function packEventId(seq: number, eventId: string, dedup: Uint8Array | undefined): StoredEventId {
  const isDerived = dedup !== undefined && eventId === derivedEventId(dedup);
  const chunk = Math.floor(seq / EVENT_CHUNK_ROWS);
  return { eventId: isDerived ? "" : eventId, eventPlace: chunk * EVENT_HASH_SPAN + eventHash(eventId) };
}
