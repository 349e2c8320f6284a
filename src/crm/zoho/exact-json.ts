import { isSafeNumber, parse as parseLossless } from "lossless-json";

/** A bare number of 16 digits or more may not fit a JavaScript number (2^53 has 16). Also matches inside text, which only costs time. */
const LONG_NUMBER = /[\s:,[]-?\d{16}|[\s:,[]-?\d+\.\d{14}/;

/**
 * Reads JSON without altering a digit: a number that a JavaScript number cannot hold becomes its text, because record
 * ids have up to 19 digits and some replies write them bare. Throws SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return parseLossless(text, undefined, (digits) => (isSafeNumber(digits) ? Number(digits) : digits));
}
