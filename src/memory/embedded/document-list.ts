import type { DatabaseSync } from "node:sqlite";
import type { AccountKey } from "../../account.ts";
import { assert } from "../../assert.ts";
import { LIST_LIMIT_MAX, type ListedDocument } from "../memory.ts";

/**
 * The documents in the order of their rows: a row keeps its id for life, and a sweep reads the file from front to back.
 * A cursor is the id of the row before the page.
 */
export function documentList(database: DatabaseSync) {
  const select = database.prepare(
    "SELECT id, account, title, fingerprint FROM document WHERE id > ? ORDER BY id LIMIT ?",
  );
  return (after: string | undefined, limit: number): readonly ListedDocument[] => {
    const count = Math.min(Math.max(1, Math.trunc(limit)), LIST_LIMIT_MAX);
    const id = Number(after ?? 0);
    assert(Number.isSafeInteger(id), "a cursor is one that this memory gave out");
    return select.all(id, count).map((row) => {
      const account = String(row["account"]) as AccountKey; // The column is only ever filled from an AccountKey.
      const fingerprint = row["fingerprint"];
      return {
        ...{ account, sinkRef: account, title: String(row["title"]), isIndexed: true, cursor: String(row["id"]) },
        ...(typeof fingerprint === "string" ? { fingerprint } : {}),
      };
    });
  };
}
