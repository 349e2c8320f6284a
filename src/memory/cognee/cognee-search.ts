import type { AccountKey } from "../../account.ts";
import { QUERY_LENGTH_MAX, type SearchHit } from "../memory.ts";
import { formatSnippet, MATCH_END, MATCH_START } from "../snippet.ts";
import type { CogneePassages } from "./cognee-passages.ts";
import type { Passage } from "./cognee-wire.ts";
import { accountOfName } from "./document-name.ts";

/** Hits in one answer; a larger wish is cut. */
const SEARCH_LIMIT_MAX = 100;
/** Passages asked for per wanted account: a long document has several that are near. */
const PASSAGES_PER_HIT = 3;
/** Shortest word that is marked: shorter ones are everywhere. */
const MARKED_LENGTH_MIN = 2;

/**
 * Accounts whose passages are nearest to a question in meaning or in words, best first, each once. Both, because vectors alone find the name in
 * a question too seldom: recall@5 was 0.90 by vectors and 0.96 with both merged (docs/decisions/0014).
 */
export async function searchDocuments(
  passages: Pick<CogneePassages, "nearest">,
  { query, limit }: { readonly query: string; readonly limit: number },
  signal: AbortSignal,
): Promise<readonly SearchHit[]> {
  signal.throwIfAborted();
  const text = query
    .slice(0, QUERY_LENGTH_MAX)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, " ")
    .trim();
  if (text === "") return []; // Cognee answers 500.
  const count = Math.min(Math.max(1, Math.trunc(limit)), SEARCH_LIMIT_MAX);
  const wish = { query: text, topK: count * PASSAGES_PER_HIT };
  const [near, worded] = await Promise.all([
    passages.nearest({ ...wish, kind: "CHUNKS" }, signal),
    passages.nearest({ ...wish, kind: "CHUNKS_LEXICAL" }, signal),
  ]);
  const words = wordsOf(text);
  // Cognee fills a search by words up with passages that share none.
  const sharing = worded.filter((passage) => words.some((word) => passage.text.toLowerCase().includes(word)));
  return merged([near, sharing].map(oncePerAccount))
    .slice(0, count)
    .map(({ account, passage, score }) => ({
      account,
      title: titleOf(passage) ?? passage.document_name,
      snippet: snippetOf(passage.text, words),
      score,
    }));
}

/** The best passage of each account, in the order of the ranking. */
function oncePerAccount(ranking: readonly Passage[]): ReadonlyMap<AccountKey, Passage> {
  const first = new Map<AccountKey, Passage>();
  for (const passage of ranking) {
    const account = accountOfName(passage.document_name);
    if (account !== undefined && !first.has(account)) first.set(account, passage);
  }
  return first;
}

interface Ranked {
  readonly account: AccountKey;
  readonly passage: Passage;
  readonly score: number;
}

/**
 * Rankings as one: an account scores 1/(1 + its place) in each, the first place being 1, and shows the passage of the ranking in which it stands
 * best. With the usual constant of 60 the middle of both would beat what one of them is sure of.
 */
function merged(rankings: readonly ReadonlyMap<AccountKey, Passage>[]): readonly Ranked[] {
  const found = new Map<AccountKey, Ranked & { readonly best: number }>();
  for (const ranking of rankings) {
    for (const [index, [account, passage]] of [...ranking].entries()) {
      const score = 1 / (index + 2);
      const other = found.get(account);
      const isBest = other === undefined || score > other.best;
      found.set(account, {
        account,
        passage: isBest ? passage : other.passage,
        score: score + (other?.score ?? 0),
        best: isBest ? score : other.best,
      });
    }
  }
  return [...found.values()].sort((a, b) => b.score - a.score);
}

function titleOf({ external_metadata: metadata }: Passage): string | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  try {
    const parsed: unknown = JSON.parse(metadata);
    const isObject = typeof parsed === "object" && parsed !== null;
    return isObject && "title" in parsed && typeof parsed.title === "string" ? parsed.title : undefined;
  } catch {
    return undefined; // Not ours.
  }
}

/** Words of a question that are long enough to be marked, in small letters. */
export function wordsOf(query: string): readonly string[] {
  const words = query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.filter((word) => word.length >= MARKED_LENGTH_MIN);
}

/** The passage with the question's words marked; it may hold none of them. */
function snippetOf(passage: string, words: readonly string[]): string {
  if (words.length === 0) return formatSnippet(passage);
  const pattern = new RegExp(words.join("|"), "giu");
  return formatSnippet(passage.replace(pattern, (word) => `${MATCH_START}${word}${MATCH_END}`));
}
