import { hash } from "node:crypto";

/** Bytes kept of a dedup key's SHA-256: two keys of a million meet by chance once in 10^26 stores. */
const DEDUP_HASH_BYTES = 16;
/** An event id that is nothing but the dedup hash in hexadecimal, as receivers make them when the sender gave none. */
const DERIVED_ID = /^evt_([0-9a-f]{32})$/;
/** `<id>:<record id>`: one event of a delivery that had an id of its own. */
const RECORD_SUFFIX = /:\d{1,20}$/;

/** How an event's id lies in its row. */
export interface StoredEventId {
  /** Empty = derived: `evt_` and the row's dedup hash. Saves 60 bytes a row. */
  readonly eventId: string;
  /** Where to find it: a 32-bit hash of the id without its record suffix; null when derived. */
  readonly eventHash: number | null;
}

/** The stored form of a dedup key. */
export function dedupHash(dedupKey: string): Uint8Array {
  return hash("sha256", dedupKey, "buffer").subarray(0, DEDUP_HASH_BYTES);
}

/** Packs an id; `dedup` is the row's dedup hash, if it has one. */
export function packEventId(eventId: string, dedup: Uint8Array | undefined): StoredEventId {
  if (dedup !== undefined && eventId === derivedId(dedup)) return { eventId: "", eventHash: null };
  return { eventId, eventHash: eventHash(eventId) };
}

/** The dedup hash inside a derived id, if it has that form. */
export function derivedHash(eventId: string): Uint8Array | undefined {
  const hexadecimal = DERIVED_ID.exec(eventId)?.[1];
  return hexadecimal === undefined ? undefined : Buffer.from(hexadecimal, "hex");
}

/** The hashes under which `eventId`, or the events of the delivery that it names, may lie. */
export function searchHashes(eventId: string): readonly number[] {
  return [fnv1a(eventId), eventHash(eventId)];
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

/** FNV-1a, 32 bits: a place to look, checked against the id itself, so collisions cost a row and nothing else. */
function fnv1a(value: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < value.length; index++) {
    state = Math.imul(state ^ value.charCodeAt(index), 0x01000193);
  }
  return state >>> 0;
}
