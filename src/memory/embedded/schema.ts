import type { DatabaseSync } from "node:sqlite";
import { Fault } from "../../faults.ts";

/**
 * One row an account; the index holds no text of its own (`content=`), so that a document is stored once.
 * `unicode61` splits an e-mail or a web address into its words, and a question's quoted word asks for them in that order:
 * so an address is found whole, while "acme." at the end of a sentence is still "acme". A 19-digit id is one word.
 */
const CREATE = `
  CREATE TABLE document (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    written_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), probed_at INTEGER NOT NULL) STRICT;
  CREATE TABLE identity (name TEXT NOT NULL) STRICT;
  INSERT INTO identity (name) VALUES (lower(hex(randomblob(16))));
  CREATE VIRTUAL TABLE document_words USING fts5(
    title, text, content = 'document', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
  );
  INSERT INTO document_words(document_words, rank) VALUES ('rank', 'bm25(8.0, 1.0)');
`;

/** What each document was put with; not known of those that an earlier release wrote, until they are put again. */
const ADD_FINGERPRINT = "ALTER TABLE document ADD COLUMN fingerprint TEXT";

/** Steps from one version of the file to the next. A released step is never edited; a change adds one. */
const STEPS: readonly string[] = [CREATE, ADD_FINGERPRINT];

/** Version of the file, kept in its `user_version`: how many steps it has had. */
export const SCHEMA_VERSION = STEPS.length;

/** Brings a new file, or one of an earlier release, up to date; refuses one of a later release. Throws Fault STORE_INVALID. */
export function migrate(database: DatabaseSync): void {
  if (versionOf(database) === SCHEMA_VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    // Looked at again under the lock: two processes may open a new file at once.
    const version = versionOf(database);
    if (version < 0 || version > SCHEMA_VERSION) {
      throw new Fault("STORE_INVALID", `opening a memory of version ${version}`);
    }
    for (const step of STEPS.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec("COMMIT");
  } finally {
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}
