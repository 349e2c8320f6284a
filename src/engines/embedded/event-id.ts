import { hash } from "node:crypto";

/** Bytes kept of a dedup key's SHA-256: two keys of a million meet by chance once in 10^26 stores. */
const DEDUP_HASH_BYTES = 16;
/** `<id>:<record id>`: one event of a delivery that had an id of its own. */
const RECORD_SUFFIX = /:\d{1,20}$/;

/** How an event's id lies in its row. */
export interface StoredEventId {
  /** Empty = derived: `evt_` and the row's dedup hash, as receivers make them when the sender gave none. Saves 36 bytes a row. */
  readonly eventId: string;
  /** Where to find it, derived or not. */
  readonly eventPlace: number;
}

/** Rows whose ids are indexed near each other, so that a commit writes few pages of a large index. */
export const EVENT_CHUNK_ROWS = 4_096;
/** Room for a hash inside of a chunk; with it a place stays below 2^53 for the first 10^11 events. */
export const EVENT_HASH_SPAN = 2 ** 28;

/** The stored form of a dedup key. */
export function dedupHash(dedupKey: string): Uint8Array {
  return hash("sha256", dedupKey, "buffer").subarray(0, DEDUP_HASH_BYTES);
}

/** Packs the id of the event in row `seq`; `dedup` is the row's dedup hash, if it has one. */
export function packEventId(seq: number, eventId: string, dedup: Uint8Array | undefined): StoredEventId {
  const isDerived = dedup !== undefined && eventId === derivedId(dedup);
  const chunk = Math.floor(seq / EVENT_CHUNK_ROWS);
  return { eventId: isDerived ? "" : eventId, eventPlace: chunk * EVENT_HASH_SPAN + eventHash(eventId) };
}

/** The hashes, to be looked for in every chunk, under which `eventId`, or the events of the delivery that it names, may lie. */
export function searchHashes(eventId: string): readonly number[] {
  return [...new Set([fnv1a(eventId), eventHash(eventId)])];
}

/** Whether `found` is `wanted` or an event of the delivery `wanted`. */
export function isEventOf(found: string, wanted: string): boolean {
  return found === wanted || found.replace(RECORD_SUFFIX, "") === wanted;
}

function derivedId(dedup: Uint8Array): string {
  return `evt_${Buffer.from(dedup.buffer, dedup.byteOffset, dedup.byteLength).toString("hex")}`;
}

function eventHash(eventId: string): number {
  return fnv1a(eventId.replace(RECORD_SUFFIX, ""));
}

/** FNV-1a, folded to 28 bits: a place to look, checked against the id itself, so collisions cost a row and nothing else. */
function fnv1a(value: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < value.length; index++) {
    state = Math.imul(state ^ value.charCodeAt(index), 0x01000193);
  }
  return ((state >>> 28) ^ state) & (EVENT_HASH_SPAN - 1);
}
