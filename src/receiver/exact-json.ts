import { isUtf8 } from "node:buffer";
import { parse as parseLossless } from "lossless-json";
import { malformed, type Refusal } from "./refusal.ts";

/** Deepest nesting taken. Zoho's callbacks reach 6; the bound keeps recursion over a parsed body safe. */
export const JSON_DEPTH_MAX = 32;
/** Shortest bare number that a JavaScript number may not hold exactly (2^53 has 16 digits). */
const LONG_NUMBER_LENGTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const MINUS = 0x2d;
const DOT = 0x2e;
const LOWER_E = 0x65;
const UPPER_E = 0x45;

/** A body as `JSON.parse` reads it, with what its text says beyond that. Not yet proven exact: see `exactValue`. */
export interface ParsedJson {
  readonly value: unknown;
  readonly text: string;
  /** Keys written in the text; more than the value has = some key is repeated. */
  readonly keyCount: number;
  /** True when a bare number may not be written as JavaScript would (2^53 + 1, `1e3`, `12.0`, `-0`): `value` may hold it altered. */
  readonly hasInexactNumber: boolean;
}

/** A value that says what its text says. */
export interface ExactJson {
  readonly value: unknown;
}

/** True for a JSON object; arrays are none. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses bytes that nobody vouches for yet: bounded in depth, undefined when they are no JSON text in UTF-8 (no BOM). */
export function parseJson(body: Buffer): ParsedJson | undefined {
  if (!isUtf8(body)) return undefined;
  const scan = scanJson(body);
  if (scan === undefined) return undefined;
  const text = body.toString("utf8");
  try {
    return { value: JSON.parse(text), text, ...scan };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * The value as the text says it, or a refusal: repeated keys are refused, because readers differ on which one counts;
 * numbers that a JavaScript number would alter come as their text. One grammar (JSON.parse's) decides what is JSON.
 */
export function exactValue(parsed: ParsedJson): ExactJson | Refusal {
  if (countKeys(parsed.value) !== parsed.keyCount) return malformed("the body repeats a key");
  if (!parsed.hasInexactNumber) return { value: parsed.value };
  return { value: parseLossless(parsed.text, null, exactNumber) };
}

/** A number where that is exact, else its text. */
function exactNumber(text: string): number | string {
  const value = Number(text);
  return String(value) === text ? value : text;
}

/** One pass over the bytes: structure is ASCII in UTF-8. Undefined when the nesting passes the bound. */
function scanJson(bytes: Buffer): Pick<ParsedJson, "keyCount" | "hasInexactNumber"> | undefined {
  const { length } = bytes;
  let depth = 0;
  let keyCount = 0;
  let hasInexactNumber = false;
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COLON) keyCount += 1;
    else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
      depth += 1;
      if (depth > JSON_DEPTH_MAX) return undefined;
    } else if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) depth -= 1;
    else if (byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9) {
      const start = at;
      while (isNumberByte(bytes[at + 1])) at += 1;
      hasInexactNumber ||= at - start + 1 >= LONG_NUMBER_LENGTH || isOddlyWritten(bytes, start, at);
    }
  }
  return { keyCount, hasInexactNumber };
}

/** Index of the quote that closes the string opened at `start`, or past the end when none does. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) return at;
  }
  return at;
}

function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= DIGIT_0 && byte <= DIGIT_9) || byte === DOT || byte === LOWER_E || byte === UPPER_E;
}

/** An exponent, a fraction that ends in 0, or a minus before a 0: spellings that a JavaScript number does not keep. */
function isOddlyWritten(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] === DIGIT_0 && bytes[start - 1] === MINUS) return true;
  for (let at = start; at <= end; at += 1) {
    const byte = bytes[at];
    if (byte === LOWER_E || byte === UPPER_E || (byte === DOT && bytes[end] === DIGIT_0)) return true;
  }
  return false;
}

/** Keys of all objects inside a parsed value. Its depth was bounded before it was parsed. */
function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") count += countKeys(item);
    return count;
  }
  const items: readonly unknown[] = Object.values(value);
  for (const item of items) if (typeof item === "object") count += countKeys(item);
  return count + items.length;
}
