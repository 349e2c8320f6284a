import { hash } from "node:crypto";

/** Bytes kept of a dedup key's SHA-256: two keys of a million meet by chance once in 10^26 stores. */
const DEDUP_HASH_BYTES = 16;
/** `<id>:<record id>`: one event of a delivery that had an id of its own. */
const RECORD_SUFFIX = /:\d{1,20}$/;
/** Values of `eventHash`. */
export const EVENT_HASH_SPAN = 2 ** 28;

/** The stored form of a dedup key. */
export function dedupHash(dedupKey: string): Buffer {
  return hash("sha256", dedupKey, "buffer").subarray(0, DEDUP_HASH_BYTES);
}

/** The id that receivers make from a dedup key when the sender gave none: an engine need not store it beside the hash. */
export function derivedEventId(dedup: Uint8Array): string {
  return `evt_${Buffer.from(dedup.buffer, dedup.byteOffset, dedup.byteLength).toString("hex")}`;
}

/** Where to find an event by its id, or by that of its delivery. */
export function eventHash(eventId: string): number {
  return fnv1a(eventId.replace(RECORD_SUFFIX, ""));
}

/** The hashes under which `eventId`, or the events of the delivery that it names, may lie. */
export function searchHashes(eventId: string): readonly number[] {
  return [...new Set([fnv1a(eventId), eventHash(eventId)])];
}

/** Whether `found` is `wanted` or an event of the delivery `wanted`. */
export function isEventOf(found: string, wanted: string): boolean {
  return found === wanted || found.replace(RECORD_SUFFIX, "") === wanted;
}

/** FNV-1a, folded to 28 bits: a place to look, checked against the id itself, so collisions cost a row and nothing else. */
function fnv1a(value: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < value.length; index++) {
    state = Math.imul(state ^ value.charCodeAt(index), 0x01000193);
  }
  return ((state >>> 28) ^ state) & (EVENT_HASH_SPAN - 1);
}
