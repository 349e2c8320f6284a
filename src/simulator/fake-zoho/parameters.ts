import { parseTime } from "./org-time.ts";
import { badRequest, invalidData, Refusal, type ZohoRequest } from "./reply.ts";
import type { ModuleMeta, Schema } from "./schema.ts";

/** Names in `fields`. */
const FIELDS_MAX = 50;

/** Characters of `ids`: about 50 of them. Some sources say 100 ids; this is the stricter. */
const IDS_TEXT_MAX = 1024;

/** `fields` became mandatory with v3. */
const FIELDS_VERSION_MIN = 3;

/** The module that a path names, or INVALID_MODULE. v2 takes names in any case. */
export function moduleOf(schema: Schema, request: ZohoRequest, name: string | undefined): ModuleMeta {
  const exact = schema.module(name ?? "");
  if (exact !== undefined) return exact;
  const inAnyCase = schema.modules().find((meta) => meta.apiName.toLowerCase() === name?.toLowerCase());
  if (inAnyCase !== undefined && request.version < FIELDS_VERSION_MIN) return inAnyCase;
  throw badRequest("INVALID_MODULE", "the module name given seems to be invalid", { resource_path_index: 0 });
}

/** The names in `fields`; undefined on v2 without them. */
export function fieldsOf(request: ZohoRequest): readonly string[] | undefined {
  const text = request.query.get("fields");
  if (text === null || text.trim() === "") {
    if (request.version < FIELDS_VERSION_MIN) return undefined;
    throw badRequest("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", { param_name: "fields" });
  }
  const names = text.split(",").map((name) => name.trim());
  if (names.length > FIELDS_MAX)
    throw badRequest("LIMIT_EXCEEDED", "the limit of fields is exceeded", { limit: FIELDS_MAX, param_name: "fields" });
  return names;
}

/** The ids in a parameter, or undefined without it. */
export function idsOf(request: ZohoRequest, options: { name: string; max?: number }): readonly string[] | undefined {
  const text = request.query.get(options.name);
  if (text === null) return undefined;
  if (options.max === undefined && text.length > IDS_TEXT_MAX)
    throw invalidData({ param_name: options.name, maximum_length: IDS_TEXT_MAX });
  const ids = text.split(",").map((id) => id.trim());
  if (options.max !== undefined && ids.length > options.max)
    throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", { limit: options.max, param_name: options.name });
  for (const id of ids) assertId(id, options.name);
  return ids;
}

/** Refuses what is no id at all. */
export function assertId(id: string | undefined, name: string): asserts id is string {
  if (id === undefined || !/^\d{1,20}$/.test(id))
    throw invalidData({ param_name: name, expected_data_type: "bigint" }, "the id given seems to be invalid");
}

/** Epoch milliseconds of `If-Modified-Since`, or undefined without it. */
export function modifiedSince(request: ZohoRequest): number | undefined {
  const text = request.header("if-modified-since");
  if (text === undefined) return undefined;
  // The v2.1 SDK writes the header of related lists as JavaScript prints a date.
  const atMs = parseTime(text) ?? (request.version < FIELDS_VERSION_MIN ? Date.parse(text) : Number.NaN);
  if (Number.isNaN(atMs))
    throw invalidData({ header_name: "If-Modified-Since", expected_data_type: "datetime" }, "invalid header value");
  return atMs;
}

/** `If-Unmodified-Since` on writes: 412 when the record is newer. */
export function assertUnmodified(request: ZohoRequest, modifiedAt: number): void {
  const text = request.header("if-unmodified-since");
  const atMs = text === undefined ? undefined : parseTime(text);
  if (atMs !== undefined && modifiedAt > atMs)
    throw new Refusal(412, "ALREADY_MODIFIED", { message: "the record has been modified since" });
}
