import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { AccountKey, MemoryDocument } from "../../account.ts";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { Memory, PutResult, RemoveResult } from "../memory.ts";
import { documentList } from "./document-list.ts";
import { embeddedSearch } from "./embedded-search.ts";
import { migrate } from "./schema.ts";
import { guarded, guardedWork, isSqliteError, isStoreTrouble } from "./sqlite-faults.ts";

/** Largest text taken, in characters; five times what `renderDocument` makes. */
export const EMBEDDED_TEXT_LENGTH_MAX = 1_000_000;
/** Documents in one transaction: one fsync for all, some 25 ms of the event loop (0.8 ms a document of 6 kB, measured). */
const PUT_CHUNK_MAX = 32;
/** How long a write waits for another process's write; the event loop waits with it. */
const BUSY_TIMEOUT_MS = 250;
/** Index pages merged in one step after a removal (some 40 ms), and steps: all of a memory of a few thousand accounts. */
const MERGE_PAGES = 500;
const MERGE_STEPS_MAX = 4;
/** The write-ahead log is cut back to this after a burst. */
const WAL_BYTES_KEPT = 16_777_216;

/** What the embedded memory needs. `path` is its own file, beside the engine's. */
export interface EmbeddedMemoryOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The memory in a local file, with full-text search: one row an account, so that there is no twin by construction.
 * A put that resolved is on disk (WAL, fsync at each commit) and searchable. Throws Fault SINK_UNAVAILABLE, STORE_INVALID.
 */
export function openEmbeddedMemory(options: EmbeddedMemoryOptions): Memory {
  const { reader, identity, list, writer } = guarded("opening the embedded memory", () => openHalves(options));
  return {
    ...reader,
    put: (requests, signal) =>
      inChunks(requests, { size: PUT_CHUNK_MAX, signal }, (chunk) =>
        writer.put(chunk.map((request) => request.document)),
      ),
    remove: async (accounts, signal) => {
      // One at a time: taking a document's words out of the index for good costs 20 to 30 times an update.
      const one = { size: 1, signal };
      const results = await inChunks(accounts, one, (chunk) => writer.remove(chunk.map(({ account }) => account)));
      await writer.purge(signal);
      return results;
    },
    flush: async (signal) => {
      signal.throwIfAborted();
      return [];
    },
    list: async ({ after, limit }, signal) => {
      signal.throwIfAborted();
      return guarded("listing the embedded memory", () => list(after, limit));
    },
    identity: async (signal) => {
      signal.throwIfAborted();
      return guarded("reading the memory's identity", () => String(identity.get()?.["name"]));
    },
    probe: async (signal) => {
      signal.throwIfAborted();
      writer.probe();
    },
  };
}

/** The reading and the writing half, on one connection. */
function openHalves({ path, clock, log }: EmbeddedMemoryOptions) {
  const database = openFile(path);
  try {
    const writer = new EmbeddedWriter(database, clock);
    log.info({ documents: writer.count() }, "embedded memory open");
    const identity = database.prepare("SELECT name FROM identity");
    return { reader: readerOf(database), writer, identity, list: documentList(database) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What a second process may do: read. */
export type EmbeddedMemoryReader = Pick<Memory, "kind" | "search" | "read" | "close">;

/** Opens an existing memory for reading only, beside the process that writes it. Throws Fault SINK_UNAVAILABLE. */
export function openEmbeddedMemoryReader(path: string): EmbeddedMemoryReader {
  const doing = "opening the embedded memory for reading";
  const database = guarded(doing, () => new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS }));
  return guarded(doing, () => readerOf(database));
}

function readerOf(database: DatabaseSync): EmbeddedMemoryReader {
  const search = embeddedSearch(database);
  return {
    kind: "embedded",
    search: async (query, { limit }, signal) => {
      signal.throwIfAborted();
      return guarded("searching the embedded memory", () => search.search(query, limit));
    },
    read: async (account, signal) => {
      signal.throwIfAborted();
      return guarded("reading the embedded memory", () => search.read(account));
    },
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

function openFile(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    // FULL, because the ledger says "stored" once a put resolved. secure_delete overwrites what is deleted.
    database.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
      PRAGMA journal_size_limit = ${WAL_BYTES_KEPT};
    `);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Works through a list a chunk at a time and lets the event loop turn between chunks. */
async function inChunks<T, R>(
  items: readonly T[],
  options: { readonly size: number; readonly signal: AbortSignal },
  work: (chunk: readonly T[]) => readonly R[],
): Promise<readonly R[]> {
  options.signal.throwIfAborted();
  const results: R[] = [];
  for (let from = 0; from < items.length; from += options.size) {
    if (from > 0) await nextTurn();
    options.signal.throwIfAborted();
    results.push(...work(items.slice(from, from + options.size)));
  }
  return results;
}

/** The writing half: every method is one transaction and blocks until it is on disk. */
class EmbeddedWriter {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #statements: Statements;

  constructor(database: DatabaseSync, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#statements = prepare(database);
  }

  count(): number {
    return Number(this.#statements.count.get()?.["count"]);
  }

  put(documents: readonly MemoryDocument[]): readonly PutResult[] {
    return this.#transaction("writing the embedded memory", () => documents.map((document) => this.#putOne(document)));
  }

  remove(accounts: readonly AccountKey[]): readonly RemoveResult[] {
    return this.#transaction("forgetting in the embedded memory", () => {
      this.#statements.startSecureDelete.run();
      for (const account of accounts) {
        const stored = this.#statements.select.get(account);
        if (stored === undefined) continue;
        const id = stored["id"] ?? null;
        this.#statements.unindex.run(id, stored["title"] ?? null, stored["text"] ?? null);
        this.#statements.delete.run(id);
      }
      this.#statements.endSecureDelete.run();
      return accounts.map((account) => ({ outcome: "removed", forgetting: this.#looked(account) }) as const);
    });
  }

  /** In the transaction that deleted it. The index keeps words by the row's number only, and that row is gone. */
  #looked(account: AccountKey) {
    const found = this.#statements.select.get(account) === undefined ? 0 : 1;
    return { looked: [{ place: "documents and their words", found }], repaired: [], left: [] };
  }

  /**
   * Takes out what earlier versions of forgotten documents left: words in older parts of the index, which only a merge
   * ends, and pages in the write-ahead log. Bounded, so of a large memory a removal purges a share.
   */
  async purge(signal: AbortSignal): Promise<void> {
    for (let step = 0; step < MERGE_STEPS_MAX && !signal.aborted; step += 1) {
      const isMore = this.#transaction("merging the embedded memory's index", () => {
        const before = this.#changes();
        this.#statements.merge.run();
        // FTS5 documents it so: less than two changes = nothing was left to merge.
        return this.#changes() - before >= 2;
      });
      if (!isMore) break;
      await nextTurn();
      if (!this.#database.isOpen) return;
    }
    this.#cutLog();
  }

  /** Empties the write-ahead log. Not waited for: a reader may be in the way, and the next one will do. */
  #cutLog(): void {
    guardedWork("cutting the embedded memory's log", () => {
      this.#database.exec("PRAGMA busy_timeout = 0");
      try {
        this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      } finally {
        this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      }
    });
  }

  #changes(): number {
    return Number(this.#statements.changes.get()?.["changes"]);
  }

  probe(): void {
    this.#transaction("probing the embedded memory", () => this.#statements.probe.run(this.#clock.now()));
  }

  /** One document inside a savepoint, so that what SQLite refuses of it is its own trouble. */
  #putOne(document: MemoryDocument): PutResult {
    if (document.text.length > EMBEDDED_TEXT_LENGTH_MAX) {
      return { outcome: "failed", fault: new Fault("SINK_REFUSED", "writing a document that is too large") };
    }
    this.#database.exec("SAVEPOINT one");
    try {
      this.#write(document);
      this.#database.exec("RELEASE one");
      return { outcome: "stored", sinkRef: document.account, isIndexed: true };
    } catch (error) {
      if (!isSqliteError(error) || isStoreTrouble(error)) throw error;
      this.#database.exec("ROLLBACK TO one; RELEASE one");
      return { outcome: "failed", fault: new Fault("SINK_WRITE_FAILED", "writing a document", { cause: error }) };
    }
  }

  #write({ account, title, text, fingerprint }: MemoryDocument): void {
    const now = this.#clock.now();
    const stored = this.#statements.select.get(account);
    if (stored === undefined) {
      const { lastInsertRowid } = this.#statements.insert.run(account, title, text, fingerprint, now);
      this.#statements.index.run(lastInsertRowid, title, text);
      return;
    }
    const id = stored["id"] ?? null;
    if (stored["title"] === title && stored["text"] === text) {
      if (stored["fingerprint"] !== fingerprint) this.#statements.setFingerprint.run(fingerprint, id);
      return;
    }
    // The index keeps no text: it has to be told what it is to forget.
    this.#statements.unindex.run(id, stored["title"] ?? null, stored["text"] ?? null);
    this.#statements.update.run(title, text, fingerprint, now, id);
    this.#statements.index.run(id, title, text);
  }

  #transaction<T>(doing: string, work: () => T): T {
    assert(this.#database.isOpen, `${doing} after it was closed`);
    return guardedWork(doing, () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } finally {
        // After some errors (a full disk) SQLite has rolled back by itself.
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      }
    });
  }
}

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync) {
  return {
    count: database.prepare("SELECT count(*) AS count FROM document"),
    select: database.prepare("SELECT id, title, text, fingerprint FROM document WHERE account = ?"),
    insert: database.prepare(
      "INSERT INTO document (account, title, text, fingerprint, written_at) VALUES (?, ?, ?, ?, ?)",
    ),
    update: database.prepare("UPDATE document SET title = ?, text = ?, fingerprint = ?, written_at = ? WHERE id = ?"),
    setFingerprint: database.prepare("UPDATE document SET fingerprint = ? WHERE id = ?"),
    delete: database.prepare("DELETE FROM document WHERE id = ?"),
    index: database.prepare("INSERT INTO document_words (rowid, title, text) VALUES (?, ?, ?)"),
    unindex: database.prepare(
      "INSERT INTO document_words (document_words, rowid, title, text) VALUES ('delete', ?, ?, ?)",
    ),
    // Written out, as a bound number would come as REAL, which FTS5 does not take for a switch.
    startSecureDelete: database.prepare(
      "INSERT INTO document_words (document_words, rank) VALUES ('secure-delete', 1)",
    ),
    endSecureDelete: database.prepare("INSERT INTO document_words (document_words, rank) VALUES ('secure-delete', 0)"),
    merge: database.prepare(`INSERT INTO document_words (document_words, rank) VALUES ('merge', -${MERGE_PAGES})`),
    changes: database.prepare("SELECT total_changes() AS changes"),
    probe: database.prepare("INSERT INTO probe (id, probed_at) VALUES (1, ?) ON CONFLICT DO UPDATE SET probed_at = ?1"),
  };
}
