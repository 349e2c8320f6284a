import { QUERY_LENGTH_MAX } from "../memory.ts";

/** Words of a question that count; the rest is ignored. A person's question has fewer. */
export const QUERY_WORDS_MAX = 32;
/** Shortest last word that also stands for longer ones; one letter would match nearly everything. */
const PREFIX_LENGTH_MIN = 2;

/** A question as FTS5 expressions. */
export interface SearchQuery {
  /** Matches documents that hold every word. */
  readonly all: string;
  /** Matches documents that hold one of them. */
  readonly any: string;
}

/**
 * What a person typed, as expressions that are valid whatever it was: each word is quoted, so that operators, brackets and
 * signs are only text; the last one matches as a prefix. Undefined when there is no word in it.
 */
export function searchQuery(text: string): SearchQuery | undefined {
  const typed = text.slice(0, QUERY_LENGTH_MAX).toWellFormed().normalize("NFC");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL would end the expression inside a quotation.
  const pieces = typed.split(/[\s"\u0000-\u001f]+/);
  const words = pieces.filter((piece) => /[\p{L}\p{N}]/u.test(piece)).slice(0, QUERY_WORDS_MAX);
  const phrases = words.map((word) => `"${word}"`);
  const last = words.at(-1);
  if (last === undefined) return undefined;
  if ([...last].length >= PREFIX_LENGTH_MIN) phrases[phrases.length - 1] = `"${last}" *`;
  return { all: phrases.join(" AND "), any: phrases.join(" OR ") };
}
