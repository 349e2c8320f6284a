import { isSafeNumber, parse } from "lossless-json";
import { badRequest } from "./reply.ts";

/** A JSON object whose values are not yet known. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses a body whatever its Content-Type says: the official SDKs send none. Numbers that a double cannot hold become text, because the
 * Python SDK sends 19-digit ids as JSON numbers.
 */
export function parseJson(body: Buffer | string): unknown {
  const text = body.toString();
  if (text.trim() === "") return undefined;
  try {
    return parse(text, undefined, (digits) => (isSafeNumber(digits) ? Number(digits) : digits));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw badRequest("INVALID_DATA", "body", { expected_data_type: "jsonobject" });
  }
}

/** The body as an object, or a refusal. */
export function parseObject(body: Buffer): JsonObject {
  const parsed = parseJson(body);
  if (!isObject(parsed)) throw badRequest("INVALID_DATA", "body", { expected_data_type: "jsonobject" });
  return parsed;
}

/** True for a JSON object that is neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An id from text, a number or `{id}`; undefined when there is none. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  return isObject(value) ? idOf(value["id"]) : undefined;
}

/** The array under a key; a missing or wrong one is refused as Zoho does. */
export function arrayOf(body: JsonObject, name: string): readonly unknown[] {
  const found = body[name];
  if (Array.isArray(found) && found.length > 0) return found;
  if (found === undefined)
    throw badRequest("MANDATORY_NOT_FOUND", "required field not found", { api_name: name, json_path: `$.${name}` });
  throw badRequest("INVALID_DATA", "invalid data", {
    api_name: name,
    json_path: `$.${name}`,
    expected_data_type: "jsonarray",
  });
}
