import type { Warning } from "./cross-checks.ts";

/** Names that begin so are meant for us, unless they resemble nothing that we know. */
const OUR_PREFIXES = ["WEBHOOK_", "ZOHO_", "COGNEE_", "REDIS_"];
/** Edits that turn a typing error into the name meant. With more, names of other programs would be taken for ours. */
const EDITS_MAX = 2;

/** Warns of variables that look like a mistyped one of ours. Others with our prefixes are somebody else's. */
export function typoWarnings(names: readonly string[], known: readonly string[]): readonly Warning[] {
  const unknown = names.filter(
    (name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)) && !known.includes(name),
  );
  return unknown.flatMap((name) => {
    const suggestion = nearest(name, known);
    return suggestion === undefined
      ? []
      : [{ name, message: `is not known and was ignored; did you mean ${suggestion}?` }];
  });
}

/** The known name that takes the fewest edits, if EDITS_MAX suffice. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => ({ candidate, edits: editsBetween(name, candidate) }));
  const [best] = scored.sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= EDITS_MAX ? best.candidate : undefined;
}

/** Levenshtein distance; names are short, so the plain table will do. */
function editsBetween(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const swap = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(swap, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[to.length] ?? 0;
}
