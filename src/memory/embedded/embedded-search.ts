import type { DatabaseSync } from "node:sqlite";
import type { AccountKey } from "../../account.ts";
import type { SearchHit, StoredDocument } from "../memory.ts";
import { formatSnippet, MATCH_END, MATCH_START } from "../snippet.ts";
import { searchQuery } from "./search-query.ts";

/** Hits in one answer; a larger wish is cut. */
export const SEARCH_LIMIT_MAX = 100;
/** Words in the passage that SQLite picks (its own bound is 64); some 250 characters. */
const PASSAGE_WORDS = 40;

/** The reading half of the embedded memory: what a second process may do beside the one that writes. */
export interface EmbeddedSearch {
  search(query: string, limit: number): readonly SearchHit[];
  read(account: AccountKey): StoredDocument | undefined;
}

/** Prepares the statements that read. */
export function embeddedSearch(database: DatabaseSync): EmbeddedSearch {
  const find = database.prepare(`
    SELECT document.account, document.title, found.passage, found.rank
    FROM (
      SELECT rowid, snippet(document_words, 1, '${MATCH_START}', '${MATCH_END}', '…', ${PASSAGE_WORDS}) AS passage, rank
      FROM document_words WHERE document_words MATCH ? ORDER BY rank LIMIT ?
    ) AS found JOIN document ON document.id = found.rowid
    ORDER BY found.rank, document.account
  `);
  const read = database.prepare("SELECT account, title, text FROM document WHERE account = ?");
  return {
    search: (text, limit) => {
      const query = searchQuery(text);
      if (query === undefined) return [];
      const count = Math.min(Math.max(1, Math.trunc(limit)), SEARCH_LIMIT_MAX);
      const whole = find.all(query.all, count);
      // A question in a sentence rarely has all its words in one document: then the one with the rarest words is best.
      const rows = whole.length > 0 || query.any === query.all ? whole : find.all(query.any, count);
      return rows.map((row) => ({
        account: accountOf(row["account"]),
        title: String(row["title"]),
        snippet: formatSnippet(String(row["passage"])),
        score: -Number(row["rank"]),
      }));
    },
    read: (account) => {
      const row = read.get(account);
      if (row === undefined) return undefined;
      return { account, sinkRef: account, title: String(row["title"]), text: String(row["text"]) };
    },
  };
}

function accountOf(value: unknown): AccountKey {
  return String(value) as AccountKey; // the column is only ever filled from an AccountKey
}
