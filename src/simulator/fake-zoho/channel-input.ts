import type { ChannelOperation, FieldSelection } from "./channel.ts";
import { idOf, isObject, type JsonObject } from "./json-body.ts";
import { hasMilliseconds, parseTime } from "./org-time.ts";
import { badRequest, invalidData, type Refusal } from "./reply.ts";
import type { Schema } from "./schema.ts";

/** Characters of a token; the callback echoes it. OAS says 256, the documents and practice say 50. */
const TOKEN_MAX = 50;
const EVENTS_MAX = 50;
const URL_MAX = 255;
const CONDITION_FIELDS_MAX = 10;
const GROUP_MAX = 2;
const CONDITION_VERSION_MIN = 6;

/** A channel lives an hour when nothing, or too much, is asked for. */
const LIFE_DEFAULT_MS = 3_600_000;

const DAY_MS = 86_400_000;

/** Weeks came with v4; v2 and v3 have a day. */
const WEEK_VERSION_MIN = 4;

const OPERATIONS: readonly ChannelOperation[] = ["create", "edit", "delete"];

/** Modules that the API serves but that cannot be watched. */
const UNWATCHABLE = ["Notes", "Attachments", "Emails", "Activities"];

/** One item of a watch request, checked. Absent members were not given. */
export interface ChannelInput {
  readonly channelId: string;
  readonly events?: Map<string, Set<ChannelOperation>>;
  readonly notifyUrl?: string;
  readonly token?: string | null;
  readonly expiresAt?: number;
  readonly returnsValues?: boolean;
  readonly isToldOfRelated?: boolean;
  readonly conditions?: Map<string, FieldSelection>;
  readonly conditionText?: unknown;
  readonly isDeletingEvents: boolean;
}

/** Where an item stands, for `json_path`, and what it is checked against. */
export interface ChannelContext {
  readonly schema: Schema;
  readonly index: number;
  readonly version: number;
  readonly now: number;
}

/** Checks one item. Which members must be there is the caller's to say. */
export function readChannel(item: JsonObject, context: ChannelContext): ChannelInput {
  const at = (name: string) => ({ api_name: name, json_path: `$.watch[${context.index}].${name}` });
  const channelId = idOf(item["channel_id"]);
  if (channelId === undefined || channelId === "") throw missing(at("channel_id"));
  if (!/^\d{1,19}$/.test(channelId) || BigInt(channelId) >= 2n ** 63n)
    throw invalidData({ ...at("channel_id"), expected_data_type: "bigint" });

  const events = item["events"];
  const conditions = item["notification_condition"];
  return {
    channelId,
    isDeletingEvents: item["_delete_events"] === true,
    ...(events === undefined ? {} : { events: readEvents(events, context, at("events")) }),
    ...textMember("notifyUrl", item["notify_url"], { max: URL_MAX, path: at("notify_url") }),
    ...(item["token"] === null
      ? { token: null }
      : textMember("token", item["token"], { max: TOKEN_MAX, path: at("token") })),
    ...readExpiry(item["channel_expiry"], context, at("channel_expiry")),
    ...flag("returnsValues", item["return_affected_field_values"], at("return_affected_field_values")),
    ...flag("isToldOfRelated", item["notify_on_related_action"], at("notify_on_related_action")),
    ...(conditions === undefined || conditions === null || context.version < CONDITION_VERSION_MIN
      ? {}
      : { conditions: readConditions(conditions, context, at("notification_condition")), conditionText: conditions }),
  };
}

type Path = { readonly api_name: string; readonly json_path: string };

/** `MANDATORY_NOT_FOUND` for a member. */
export function missing(path: Path): Refusal {
  return badRequest("MANDATORY_NOT_FOUND", "required field not found", path);
}

function readEvents(value: unknown, context: ChannelContext, path: Path): Map<string, Set<ChannelOperation>> {
  if (!Array.isArray(value) || value.length === 0) throw invalidData({ ...path, expected_data_type: "jsonarray" });
  if (value.length > EVENTS_MAX) throw invalidData({ ...path, maximum_length: EVENTS_MAX });
  const events = new Map<string, Set<ChannelOperation>>();
  for (const event of value) {
    const [module = "", operation = "", ...rest] = String(event).split(".");
    const isWatchable = context.schema.module(module) !== undefined && !UNWATCHABLE.includes(module);
    const wanted = operation === "all" ? OPERATIONS : OPERATIONS.filter((known) => known === operation);
    if (!isWatchable || wanted.length === 0 || rest.length > 0)
      throw invalidData({ ...path, supported_values: watchable(context.schema) });
    events.set(module, new Set([...(events.get(module) ?? []), ...wanted]));
  }
  return events;
}

function watchable(schema: Schema): string[] {
  return schema
    .modules()
    .map((module) => module.apiName)
    .filter((name) => !UNWATCHABLE.includes(name))
    .map((name) => `${name}.all`);
}

/** Beyond the longest life a channel gets an hour, not the longest life. */
function readExpiry(value: unknown, context: ChannelContext, path: Path): { expiresAt?: number } {
  if (value === undefined || value === null) return {};
  const atMs = typeof value === "string" && !hasMilliseconds(value) ? parseTime(value) : undefined;
  if (atMs === undefined) throw invalidData({ ...path, expected_data_type: "datetime" });
  if (atMs <= context.now) throw invalidData(path);
  const lifeMaxMs = context.version < WEEK_VERSION_MIN ? DAY_MS : 7 * DAY_MS;
  return { expiresAt: atMs - context.now > lifeMaxMs ? defaultExpiry(context.now) : atMs };
}

/** An hour from now. */
export function defaultExpiry(now: number): number {
  return now + LIFE_DEFAULT_MS;
}

function textMember<Name extends string>(
  name: Name,
  value: unknown,
  rule: { max: number; path: Path },
): { [K in Name]?: string } {
  const member: { [K in Name]?: string } = {};
  if (value === undefined || value === null) return member;
  if (typeof value !== "string") throw invalidData({ ...rule.path, expected_data_type: "text" });
  if (value.length > rule.max) throw invalidData({ ...rule.path, maximum_length: rule.max });
  member[name] = value;
  return member;
}

function flag<Name extends string>(name: Name, value: unknown, path: Path): { [K in Name]?: boolean } {
  const member: { [K in Name]?: boolean } = {};
  if (value === undefined || value === null) return member;
  if (typeof value !== "boolean") throw invalidData({ ...path, expected_data_type: "boolean" });
  member[name] = value;
  return member;
}

function readConditions(value: unknown, context: ChannelContext, path: Path): Map<string, FieldSelection> {
  if (!Array.isArray(value)) throw invalidData({ ...path, expected_data_type: "jsonarray" });
  const conditions = new Map<string, FieldSelection>();
  value.forEach((condition: unknown, index) => {
    const at = `${path.json_path}[${index}]`;
    if (!isObject(condition)) throw invalidData({ ...path, expected_data_type: "jsonobject" });
    if (condition["type"] === undefined) {
      if (condition["field_selection"] === undefined) throw missing({ api_name: "type", json_path: `${at}.type` });
      throw badRequest("DEPENDENT_FIELD_MISSING", "the dependent field is missing", {
        api_name: "field_selection",
        json_path: `${at}.field_selection`,
        dependee: { api_name: "type", json_path: `${at}.type` },
      });
    }
    if (condition["type"] !== "field_selection") throw invalidData({ api_name: "type", json_path: `${at}.type` });
    const module = conditionModule(condition["module"], context.schema, at);
    const left = { fields: CONDITION_FIELDS_MAX };
    conditions.set(module, readSelection(condition["field_selection"], `${at}.field_selection`, left));
  });
  return conditions;
}

/** The module of a condition, named by `api_name`, by `id`, or by both when they agree. */
function conditionModule(value: unknown, schema: Schema, at: string): string {
  if (!isObject(value)) throw missing({ api_name: "module", json_path: `${at}.module` });
  const paths = ["api_name", "id"].map((name) => ({ api_name: name, json_path: `${at}.module.${name}` }));
  const name = typeof value["api_name"] === "string" ? value["api_name"] : undefined;
  const id = idOf(value["id"]);
  if (name === undefined && id === undefined)
    throw badRequest("EXPECTED_FIELD_MISSING", "one of the expected fields is missing", { expected_fields: paths });
  const byName = name === undefined ? undefined : schema.module(name);
  const byId = schema.modules().find((module) => module.id === id);
  if (name !== undefined && id !== undefined && byName !== byId)
    throw badRequest("AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request", {
      ambiguity_due_to: paths,
    });
  const found = byName ?? byId;
  if (found === undefined) throw invalidData({ api_name: "module", json_path: `${at}.module` });
  return found.apiName;
}

function readSelection(value: unknown, at: string, left: { fields: number }): FieldSelection {
  if (!isObject(value)) throw invalidData({ json_path: at, expected_data_type: "jsonobject" });
  const field = value["field"];
  if (isObject(field)) {
    left.fields -= 1;
    if (left.fields < 0)
      throw invalidData({ api_name: "field_selection", json_path: at, maximum_length: CONDITION_FIELDS_MAX });
    return { field: String(field["api_name"] ?? field["id"]) };
  }
  const operator = value["group_operator"];
  const group = value["group"];
  if (operator === undefined) throw missing({ api_name: "group_operator", json_path: `${at}.group_operator` });
  if (operator !== "and" && operator !== "or") throw invalidData({ api_name: "group_operator", json_path: at });
  if (!Array.isArray(group)) throw missing({ api_name: "group", json_path: `${at}.group` });
  if (group.length > GROUP_MAX)
    throw invalidData({ api_name: "group", json_path: `${at}.group`, maximum_length: GROUP_MAX });
  return { operator, group: group.map((part: unknown, index) => readSelection(part, `${at}.group[${index}]`, left)) };
}
