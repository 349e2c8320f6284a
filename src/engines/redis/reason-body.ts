import { assert } from "../../assert.ts";
import { dedupHash, derivedEventId, eventHash, searchHashes } from "../../queue/event-id.ts";
import type { JobAddress, NewEvent, NewJob, Reason } from "../../queue/queue.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { addressOf, addressText, rankCode } from "./codes.ts";

/** Values of an id's mark: two bytes, 0 = no event. Of a million events some 15 share one, and their ids decide. */
const ID_MARKS = 65_535;
/** What four bytes hold: 49 days. */
const DELAY_MS_MAX = 0xffff_ffff;
/** Bits of a record's flags; see lua/lib/log.lua. */
const HAS_HASH = 1;
const IS_DERIVED = 2;
const IS_EVENT = 4;
const IS_SHORTENED = 8;
/** An id worth looking for in a note. */
const RECORD_ID_AT_END = /\d{5,20}$/;
/** Flag of a wish: remembered and counted, never worked on. */
const IS_FILTERED = 1;
const HASH_BYTES = 16;
/** `evt_` and the hash in hexadecimal. */
const DERIVED_ID_LENGTH = 4 + 2 * HASH_BYTES;
/** Before a record's body: the number of the one before it in its chain. */
const NUMBER_BYTES = 6;

/** A record's body as read back. */
export interface ReasonRecord {
  readonly reason: Reason;
  /** The job that holds it, or that settled it. */
  readonly address: JobAddress;
}

/** The marks that an event, or those of the delivery that is named, may have; see lua/lib/ids.lua. */
export function idMarks(eventId: string): readonly number[] {
  return [...new Set(searchHashes(eventId).map(markOf))];
}

function markOf(hash: number): number {
  return 1 + (hash % ID_MARKS);
}

/** Writes one wish for work as lua/lib/hold.lua reads it. */
export function writeWish(writer: ByteWriter, job: NewJob | NewEvent): void {
  const { dedupKey, label, isFiltered } = wishOf(job);
  const address = addressText(job);
  assert(
    Number.isSafeInteger(job.delayMs) && job.delayMs <= DELAY_MS_MAX,
    "a wait is whole milliseconds, some weeks at most",
  );
  writer
    .longText(address)
    .u8(rankCode(job.rank))
    .u8(isFiltered ? IS_FILTERED : 0)
    .u32(Math.max(0, job.delayMs))
    .u16(label === undefined ? 0 : markOf(eventHash(job.reason.eventId ?? "")))
    .sized(() => writeBody(writer, { reason: job.reason, address, dedupKey, isEvent: label !== undefined }))
    .shortText(label ?? "");
}

/** What only events have: they alone carry a label. */
function wishOf(job: NewJob | NewEvent): Partial<Pick<NewEvent, "dedupKey" | "label" | "isFiltered">> {
  return "label" in job ? job : {};
}

function writeBody(
  writer: ByteWriter,
  what: {
    readonly reason: Reason;
    readonly address: string;
    readonly dedupKey: string | undefined;
    readonly isEvent: boolean;
  },
): void {
  const { reason, address, dedupKey, isEvent } = what;
  const eventId = isEvent ? (reason.eventId ?? "") : "";
  const hash = dedupKey === undefined ? undefined : dedupHash(dedupKey);
  // Most keys end with an id that the note names as well: the record says where, and is some 16 bytes shorter.
  const id = RECORD_ID_AT_END.exec(address)?.[0] ?? "";
  const at = id === "" ? -1 : reason.note.indexOf(id);
  const mayBeDerived = eventId.length === DERIVED_ID_LENGTH && eventId.startsWith("evt_");
  const isDerived = mayBeDerived && hash !== undefined && derivedEventId(hash) === eventId;
  writer
    .u48(reason.receivedAt)
    .u8(
      (hash === undefined ? 0 : HAS_HASH) +
        (isDerived ? IS_DERIVED : 0) +
        (isEvent ? IS_EVENT : 0) +
        (at < 0 ? 0 : IS_SHORTENED),
    );
  if (hash !== undefined) writer.bytes(hash);
  if (at < 0) writer.longText(address);
  else writer.sized(() => writer.u16(at).u8(id.length).text(address.slice(0, -id.length)));
  if (isEvent && !isDerived) writer.longText(eventId);
  writer.text(reason.note);
}

/** Reads a record: a body behind the number of another. */
export function readRecord(record: Buffer): ReasonRecord {
  return readBody(record.subarray(NUMBER_BYTES));
}

/** Reads a record's body. */
export function readBody(body: Buffer): ReasonRecord {
  const reader = new ByteReader(body);
  const receivedAt = reader.u48();
  const flags = reader.u8();
  const hash = (flags & HAS_HASH) === 0 ? undefined : reader.bytes(HASH_BYTES);
  const address = reader.bytes(reader.u16());
  const eventId = eventIdOf(reader, flags, hash);
  const note = reader.rest();
  const isShortened = (flags & IS_SHORTENED) !== 0;
  return {
    reason: eventId === undefined ? { note, receivedAt } : { eventId, note, receivedAt },
    address: addressOf(isShortened ? lengthened(address, note) : address.toString()),
  };
}

/** An address whose id is read from the note. */
function lengthened(shortened: Buffer, note: string): string {
  const reader = new ByteReader(shortened);
  const [at, length] = [reader.u16(), reader.u8()];
  return reader.rest() + note.slice(at, at + length);
}

function eventIdOf(reader: ByteReader, flags: number, hash: Uint8Array | undefined): string | undefined {
  if ((flags & IS_EVENT) === 0) return undefined;
  return (flags & IS_DERIVED) !== 0 && hash !== undefined ? derivedEventId(hash) : reader.longText();
}
