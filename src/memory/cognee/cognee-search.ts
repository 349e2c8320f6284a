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

/** Accounts whose passages are nearest in meaning to a question, best first, each once. */
export async function searchDocuments(
  passages: CogneePassages,
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
  const found = await passages.nearest({ query: text, topK: count * PASSAGES_PER_HIT }, signal);
  const hits = new Map<AccountKey, SearchHit>();
  for (const passage of found) {
    const account = accountOfName(passage.document_name);
    if (account === undefined || hits.has(account)) continue; // Nearest first: a later passage of it is no better.
    hits.set(account, {
      account,
      title: titleOf(passage) ?? passage.document_name,
      snippet: snippetOf(passage.text, text),
      score: scoreOf(passage),
    });
  }
  return [...hits.values()].slice(0, count);
}

/** Cognee gives a distance: small is near. */
function scoreOf({ score }: Passage): number {
  return score === undefined || score === null ? 0 : 1 / (1 + Math.max(0, score));
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

/** The passage with the question's words marked; it may hold none of them. */
function snippetOf(passage: string, query: string): string {
  const words = query.match(/[\p{L}\p{N}]+/gu)?.filter((word) => word.length >= MARKED_LENGTH_MIN) ?? [];
  if (words.length === 0) return formatSnippet(passage);
  const pattern = new RegExp(words.join("|"), "giu");
  return formatSnippet(passage.replace(pattern, (word) => `${MATCH_START}${word}${MATCH_END}`));
}
