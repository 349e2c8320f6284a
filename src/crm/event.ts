import { RECORD_ID_PATTERN, type RecordRef } from "../account.ts";
import { Fault } from "../faults.ts";

/** What happened to a record. `restore` is never sent by the CRM's own channels, but a signed sender may say it. */
export const OPERATIONS = ["create", "update", "delete", "restore"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Field names kept with an event. More than a person reads; the rest is dropped, and the event then counts as "any field". */
export const EVENT_FIELDS_MAX = 20;
/** Longest field name kept (Zoho API names are at most 50 characters, judged from its own metadata). */
export const FIELD_NAME_LENGTH_MAX = 60;

/** One change to one record, announced in a delivery. A hint: it names, it does not carry. */
export interface CrmEvent extends RecordRef {
  readonly operation: Operation;
  /** API names of the changed fields; undefined when the sender did not say (or said more than are kept). */
  readonly fields?: readonly string[];
  /** The account that the sender named, if it did: one more account to make due, never taken as truth. */
  readonly accountId?: string;
  /** When the sender says that it happened, epoch milliseconds. */
  readonly observedAt?: number;
}

/** The event as a job's note: a JSON array of ids and names, well below the queue's NOTE_LENGTH_MAX for usual names. */
export function encodeEvent(event: CrmEvent): string {
  const fields = keptFields(event.fields);
  return JSON.stringify([
    event.module,
    event.recordId,
    event.operation,
    fields ?? 0,
    event.accountId ?? 0,
    event.observedAt ?? 0,
  ]);
}

/** Reads a note written by `encodeEvent`; undefined for notes of memhook's own work. Throws Fault REASON_INVALID. */
export function decodeEvent(note: string): CrmEvent | undefined {
  if (!note.startsWith("[")) return undefined;
  const parts: unknown = JSON.parse(note);
  if (!Array.isArray(parts)) throw new Fault("REASON_INVALID", "reading an event's note");
  const [module, recordId, operation, fields, accountId, observedAt] = parts as unknown[]; // elements are checked below
  const known = OPERATIONS.find((candidate) => candidate === operation);
  if (typeof module !== "string" || typeof recordId !== "string" || !RECORD_ID_PATTERN.test(recordId) || !known) {
    throw new Fault("REASON_INVALID", "reading an event's note");
  }
  return {
    module,
    recordId,
    operation: known,
    ...(Array.isArray(fields) ? { fields: fields.map(String) } : {}),
    ...(typeof accountId === "string" ? { accountId } : {}),
    ...(typeof observedAt === "number" && observedAt > 0 ? { observedAt } : {}),
  };
}

/** Too many or too long names: as if the sender had not said, which is the safe reading. */
function keptFields(fields: readonly string[] | undefined): readonly string[] | undefined {
  if (fields === undefined || fields.length > EVENT_FIELDS_MAX) return undefined;
  return fields.every((field) => field.length <= FIELD_NAME_LENGTH_MAX) ? fields : undefined;
}
