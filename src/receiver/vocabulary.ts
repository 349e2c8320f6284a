import { hash } from "node:crypto";
import { RECORD_ID_PATTERN } from "../account.ts";
import type { CrmEvent } from "../crm/event.ts";
import { isObject } from "./exact-json.ts";

/** Epoch times from here on are milliseconds; in seconds it would be the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000;
/** Last instant that a date can name, epoch milliseconds (ECMA-262). */
const INSTANT_MAX = 8_640_000_000_000_000;
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/;
const EPOCH_TEXT = /^\d{9,16}(?:\.\d{1,9})?$/;

/** One event as a body announced it, with what tells it from others. */
export interface AnnouncedEvent {
  readonly event: CrmEvent;
  /** The sender's own id of the announcement. */
  readonly eventId: string | undefined;
  /** True when the announcement names several records: then ids are made of the announcement's and the record's. */
  readonly isOneOfMany: boolean;
  /** Position among several announcements of one body. */
  readonly position: number | undefined;
  /** When it happened, as the sender wrote it; only where that is finer than a second, or two changes might share it. */
  readonly moment: string | undefined;
  /** What else tells two changes of one moment apart: operation as said, the record's values. Empty without a moment. */
  readonly evidence: string;
}

/** Optional members may be left out or be null: templates write null for what they do not know. */
export function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Short text that differs where values differ. */
export function digestOf(value: unknown): string {
  return hash("sha256", JSON.stringify(value) ?? "", "base64url");
}

/** A CRM id given as text or as a whole number; undefined for anything else. */
export function readRecordId(value: unknown): string | undefined {
  if (typeof value === "string") return RECORD_ID_PATTERN.test(value) ? value : undefined;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
}

/** CRM ids of a list that must not be empty. */
export function readRecordIds(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const ids: string[] = [];
  for (const item of value) {
    const id = readRecordId(item);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/** Field names; undefined when there are none, which means "not said", never "no field". */
export function readFields(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const fields: string[] = [];
  for (const item of value) {
    if (typeof item !== "string") return undefined;
    fields.push(item);
  }
  return fields;
}

/** An instant as a sender gives it. */
export interface Instant {
  readonly at: number;
  /** False for whole seconds: two changes may well share one. */
  readonly isPrecise: boolean;
}

/** Reads epoch seconds, epoch milliseconds or ISO 8601 with an offset; undefined when it is none of them. */
export function readInstant(value: unknown): Instant | undefined {
  const at = instantMs(value);
  if (at === undefined || !(at > 0 && at <= INSTANT_MAX)) return undefined;
  return { at: Math.trunc(at), isPrecise: at % 1_000 !== 0 };
}

function instantMs(value: unknown): number | undefined {
  if (typeof value === "number") return value < MILLISECONDS_FROM ? value * 1_000 : value;
  if (typeof value !== "string") return undefined;
  if (EPOCH_TEXT.test(value)) return instantMs(Number(value));
  if (!ISO_INSTANT.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}

/** The account that a record's values name, as Zoho links them (facts: contacts and deals, activities, notes). */
export function accountHint(module: string, values: unknown): string | undefined {
  if (!isObject(values)) return undefined;
  switch (module) {
    case "Accounts":
      return undefined; // The record is the account; its Account_Name is text.
    case "Tasks":
    case "Events":
    case "Calls":
      return values["$se_module"] === "Accounts" ? lookupId(values["What_Id"]) : undefined;
    case "Notes": {
      const parent = values["Parent_Id"];
      const parentModule = isObject(parent) && isObject(parent["module"]) ? parent["module"]["api_name"] : undefined;
      return (parentModule ?? values["$se_module"]) === "Accounts" ? lookupId(parent) : undefined;
    }
    default:
      return lookupId(values["Account_Name"]);
  }
}

function lookupId(value: unknown): string | undefined {
  return isObject(value) ? readRecordId(value["id"]) : undefined;
}
