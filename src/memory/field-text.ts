import { createHmac } from "node:crypto";
import type { FieldValue, Lookup } from "../account.ts";
import type { Treatment } from "./field-policy.ts";
import { plainText } from "./rich-text.ts";
import { LINE_LENGTH_MAX, safeLine, safeText } from "./text-safety.ts";
import { utcTime } from "./utc-time.ts";

/** Characters of a masked value that stay. */
const MASK_KEEPS = 2;
/** Hexadecimal characters of a hashed value: 64 bits, enough that no two values of a CRM meet. */
const HASH_LENGTH = 16;

/** A value as one safe line; empty when there is nothing to say. Lists are sorted: their order carries no meaning in a CRM. */
export function valueLine(value: FieldValue | undefined): string {
  if (typeof value === "string") return utcTime(safeLine(value));
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (isLookup(value)) return safeLine(value.name === "" ? value.id : value.name);
  const lines = value.map(valueLine).filter((line) => line !== "");
  return safeLine(lines.sort().join(", "));
}

/** A value that may hold rich text or many lines, safe; single lines go by `valueLine`. */
export function valueText(value: FieldValue | undefined): string {
  return typeof value === "string" ? safeText(plainText(value)) : valueLine(value);
}

/** A value of a field of which nothing is known: as text when it has lines or is long, else as one line. */
export function valueOfAnyKind(value: FieldValue): string {
  if (typeof value !== "string") return valueLine(value);
  return value.length > LINE_LENGTH_MAX || value.includes("\n") || value.includes("</")
    ? valueText(value)
    : valueLine(value);
}

/** Applies a field's treatment to a value that is already safe. Nothing stays nothing. */
export function treated(text: string, treatment: Treatment, salt: string): string {
  if (treatment === "show" || text === "") return text;
  if (treatment === "hash") {
    return `#${createHmac("sha256", salt).update(text).digest("hex").slice(0, HASH_LENGTH)}`;
  }
  const characters = [...text];
  // Of a short value the last two would be half of it.
  return characters.length < MASK_KEEPS * 2 + 1 ? "***" : `***${characters.slice(-MASK_KEEPS).join("")}`;
}

/** True of a reference to another record. */
export function isLookup(value: FieldValue | undefined): value is Lookup {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
