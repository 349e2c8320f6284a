import type { CrmRecord, FieldValue } from "../../account.ts";
import type { WireRow } from "./wire.ts";

/** Deepest nesting of a value that is kept; Zoho's are flat, and a reply must not be able to exhaust the stack. */
const DEPTH_MAX = 4;

/** A row as a record of ours, with the named columns only; `$…` keys are Zoho's, not the customer's. */
export function recordOf(row: WireRow, columns: readonly string[]): CrmRecord {
  const fields: Record<string, FieldValue> = {};
  for (const column of columns) {
    if (column === "id" || column.startsWith("$")) continue;
    const value = row[column];
    if (value !== undefined) fields[column] = fieldValueOf(value, 0);
  }
  const modified = row["Modified_Time"];
  const modifiedAt = typeof modified === "string" ? Date.parse(modified) : Number.NaN;
  return { id: row.id, fields, ...(Number.isNaN(modifiedAt) ? {} : { modifiedAt }) };
}

/** The id in a lookup, which is an object, or in some versions the bare id; undefined when there is none. */
export function lookupId(value: unknown): string | undefined {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : value;
  const text = typeof id === "number" ? String(id) : id;
  return typeof text === "string" && /^\d{1,20}$/.test(text) ? text : undefined;
}

function fieldValueOf(value: unknown, depth: number): FieldValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (Array.isArray(value)) return depth < DEPTH_MAX ? value.map((item) => fieldValueOf(item, depth + 1)) : null;
  const id = lookupId(value);
  if (id === undefined || typeof value !== "object") return JSON.stringify(value) ?? null;
  return { id, name: "name" in value && typeof value.name === "string" ? value.name : "" };
}
