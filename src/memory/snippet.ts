import { SNIPPET_LENGTH_MAX } from "./memory.ts";

/** Marks around matches that no document's text holds (it has no control characters). */
export const MATCH_START = "\u0001";
export const MATCH_END = "\u0002";

/** Characters shown before the first match when the passage is too long. */
const LEAD_LENGTH = 80;
/** Room for what may have to be added at the end: a closing mark and an ellipsis. */
const TAIL_LENGTH = 3;

/** A passage with marks as one line of at most SNIPPET_LENGTH_MAX characters, matches between ** and **. */
export function formatSnippet(passage: string): string {
  const line = passage.replaceAll("**", "").replace(/\s+/g, " ").trim();
  const isLong = line.length > SNIPPET_LENGTH_MAX / 2;
  const start = isLong ? Math.max(0, line.indexOf(MATCH_START) - LEAD_LENGTH) : 0;
  let snippet = start > 0 ? "…" : "";
  let isMatch = false;
  for (const character of line.slice(start).replace(/^[\udc00-\udfff]/, "")) {
    const isMark = character === MATCH_START || character === MATCH_END;
    const shown = !isMark ? character : (character === MATCH_START) !== isMatch ? "**" : "";
    if (snippet.length + shown.length + TAIL_LENGTH > SNIPPET_LENGTH_MAX) return `${snippet}${isMatch ? "**" : ""}…`;
    if (shown === "**") isMatch = !isMatch;
    snippet += shown;
  }
  return isMatch ? `${snippet}**` : snippet;
}
