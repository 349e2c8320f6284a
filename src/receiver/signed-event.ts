import { OPERATIONS } from "../crm/event.ts";
import { readEventId } from "./event-id.ts";
import { malformed, Refusal } from "./refusal.ts";
import {
  type AnnouncedEvent,
  accountHint,
  digestOf,
  isSaid,
  readFields,
  readInstant,
  readRecordId,
  readRecordIds,
} from "./vocabulary.ts";

/** Reads `{event_type, module, record_id | record_ids, …}`: memhook's own shape, in which every mistake is refused. */
export function readSignedEvent(
  body: Readonly<Record<string, unknown>>,
  position: number | undefined,
): readonly AnnouncedEvent[] | Refusal {
  const { event_type: eventType, module, account_id: account, modified_fields: modifiedFields, timestamp } = body;
  if (typeof eventType !== "string") return malformed("event_type must be text");
  const operation = OPERATIONS.find((known) => known === eventType);
  if (operation === undefined) return new Refusal("unsupported_event", `event_type must be ${OPERATIONS.join(", ")}`);
  if (typeof module !== "string") return malformed("module must be text");
  const recordIds = readNamedRecords(body);
  if (recordIds === undefined) {
    return malformed("record_id must be 1 to 20 digits, or record_ids a list of such ids that is not empty");
  }
  const eventId = readEventId(body["event_id"]);
  if (eventId instanceof Refusal) return eventId;
  const fields = readFields(modifiedFields);
  if (
    fields === undefined &&
    isSaid(modifiedFields) &&
    !(Array.isArray(modifiedFields) && modifiedFields.length === 0)
  ) {
    return malformed("modified_fields must be a list of field names");
  }
  const named = isSaid(account) ? readRecordId(account) : undefined;
  if (named === undefined && isSaid(account)) return malformed("account_id must be 1 to 20 digits");
  if (isSaid(timestamp) && typeof timestamp !== "string" && typeof timestamp !== "number") {
    return malformed("timestamp must be ISO 8601 text or an epoch time");
  }
  const instant = readInstant(timestamp);
  const accountId = named ?? (recordIds.length === 1 ? accountHint(module, body["data"]) : undefined);
  const common = {
    module,
    operation,
    ...(fields === undefined ? {} : { fields }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(instant === undefined ? {} : { observedAt: instant.at }),
  };
  const isOneOfMany = recordIds.length > 1;
  const moment = instant?.isPrecise ? String(timestamp) : undefined;
  const evidence = moment === undefined || eventId !== undefined ? "" : digestOf(body["data"]);
  return recordIds.map((recordId) => ({
    event: { ...common, recordId },
    eventId,
    isOneOfMany,
    position,
    moment,
    evidence,
  }));
}

/** One of `record_id` and `record_ids`; both at once say two things. */
function readNamedRecords(body: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const { record_id: one, record_ids: many } = body;
  if (isSaid(one) && isSaid(many)) return undefined;
  if (isSaid(many)) return readRecordIds(many);
  const recordId = readRecordId(one);
  return recordId === undefined ? undefined : [recordId];
}
