import type { Operation } from "../crm/event.ts";
import { readEventId } from "./event-id.ts";
import { isObject } from "./exact-json.ts";
import { malformed, Refusal } from "./refusal.ts";
import {
  type AnnouncedEvent,
  accountHint,
  digestOf,
  type Instant,
  readFields,
  readInstant,
  readRecordId,
  readRecordIds,
} from "./vocabulary.ts";

/** Zoho's spellings: callbacks say insert, subscriptions create and edit. Whatever else it says: read the record again. */
const OPERATION_OF: ReadonlyMap<unknown, Operation> = new Map([
  ["create", "create"],
  ["insert", "create"],
  ["delete", "delete"],
  ["restore", "restore"],
]);

/**
 * Reads Zoho's own shapes: the notification callback (v2 to v8) and `{module, operation, data: [{id}]}`. Only the ids must
 * be right. The rest is taken where it is understood and left where it is not, because Zoho sends a callback once, and
 * the record is read again anyway.
 */
export function readZohoCallback(
  body: Readonly<Record<string, unknown>>,
  position: number | undefined,
): readonly AnnouncedEvent[] | Refusal {
  const { module, operation: said } = body;
  if (typeof module !== "string") return malformed("module must be text");
  const rows = body["ids"] === undefined ? readRows(body["data"]) : undefined;
  const recordIds = rows === undefined ? readRecordIds(body["ids"]) : rows.map((row) => row.recordId);
  if (recordIds === undefined) return malformed("ids (or data) must name at least one record by 1 to 20 digits");
  const eventId = readEventId(body["event_id"]); // Zoho gives none; a relay that signs its callbacks may.
  if (eventId instanceof Refusal) return eventId;
  const operation = OPERATION_OF.get(said) ?? "update";
  const serverTime = readInstant(body["server_time"]);
  const time = serverTime ?? readInstant(body["timestamp"]);
  const moment = momentOf(body, serverTime, time);
  const fieldsById = readFieldsById(body["affected_fields"]);
  const valuesById = rows === undefined ? readValuesById(body["affected_values"]) : rowValues(rows);
  const channelId = readRecordId(body["channel_id"]) ?? "";
  // What was not understood tells changes apart as well: better to work twice than to lose the second change.
  const rest = moment === undefined ? "" : digestOf([body["affected_values"], body["affected_fields"]]);

  return recordIds.map((recordId) => {
    const fields = fieldsById.get(recordId);
    const values = valuesById.get(recordId);
    const accountId = accountHint(module, values);
    return {
      event: {
        module,
        recordId,
        operation,
        ...(fields === undefined ? {} : { fields }),
        ...(accountId === undefined ? {} : { accountId }),
        ...(time === undefined ? {} : { observedAt: time.at }),
      },
      eventId,
      isOneOfMany: recordIds.length > 1,
      position,
      moment,
      evidence: moment === undefined ? "" : JSON.stringify([channelId, said, values ?? rest, fields ?? rest]),
    };
  });
}

/** Zoho documents `server_time` in milliseconds, so one that ends in 000 is as good; any other time must prove it. */
function momentOf(
  body: Readonly<Record<string, unknown>>,
  serverTime: Instant | undefined,
  time: Instant | undefined,
): string | undefined {
  if (serverTime !== undefined && Number(body["server_time"]) === serverTime.at) return String(body["server_time"]);
  if (time === undefined || !time.isPrecise) return undefined;
  return String(serverTime === undefined ? body["timestamp"] : body["server_time"]);
}

interface Row {
  readonly recordId: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Rows of `data: [{id, …}]`; undefined unless each has a good id. */
function readRows(value: unknown): readonly Row[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const rows: Row[] = [];
  for (const item of value) {
    const recordId = isObject(item) ? readRecordId(item["id"]) : undefined;
    if (recordId === undefined || !isObject(item)) return undefined;
    rows.push({ recordId, values: item });
  }
  return rows;
}

function rowValues(rows: readonly Row[]): ReadonlyMap<string, unknown> {
  return new Map(rows.map((row) => [row.recordId, row.values]));
}

/** `[{"<id>": ["Field", …]}, …]`; a record named twice has the fields of both, or unknown ones if either is not understood. */
function readFieldsById(value: unknown): ReadonlyMap<string, readonly string[] | undefined> {
  const fieldsById = new Map<string, readonly string[] | undefined>();
  if (!Array.isArray(value)) return fieldsById;
  for (const item of value) {
    if (!isObject(item)) continue;
    for (const [recordId, names] of Object.entries(item)) {
      const fields = readFields(names);
      const known = fieldsById.get(recordId);
      if (!fieldsById.has(recordId)) fieldsById.set(recordId, fields);
      else fieldsById.set(recordId, fields && known ? [...known, ...fields] : undefined);
    }
  }
  return fieldsById;
}

/** `[{record_id, values}, …]`; a record named twice has no values of its own here. */
function readValuesById(value: unknown): ReadonlyMap<string, unknown> {
  const valuesById = new Map<string, unknown>();
  if (!Array.isArray(value)) return valuesById;
  for (const item of value) {
    const recordId = isObject(item) ? readRecordId(item["record_id"]) : undefined;
    if (recordId === undefined || !isObject(item)) continue;
    valuesById.set(recordId, valuesById.has(recordId) ? undefined : item["values"]);
  }
  return valuesById;
}
