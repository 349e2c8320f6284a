import { type Database, integer, isStoreTrouble, type Statement, storeFault, text } from "../embedded/database.ts";

/** The file's numbered migrations, as the engine's: never edited after a release. */
export const SPILL_MIGRATIONS: readonly string[] = [
  "CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, event_count INTEGER NOT NULL, events TEXT NOT NULL) STRICT",
];

/** An emptied file larger than this gives its space back to the disk (1 MiB); a smaller one keeps it for the next outage. */
const SHRINK_PAGES_MIN = 256;

/**
 * Why a delivery was spilled: the store was `away`, or `full` soon after. Rows say it by their number, so that each kind is read in its
 * own order without looking at the other, and a later process knows it as well.
 */
export type SpillKind = "away" | "full";

/** The numbers of a kind of rows lie above `before`, up to `last`. They are never used up: a million a second would take 142 years. */
const SEQS = {
  away: { before: 0, last: 2 ** 52 - 1 },
  full: { before: 2 ** 52 - 1, last: 2 ** 53 - 1 },
} as const satisfies Record<SpillKind, { readonly before: number; readonly last: number }>;

/** Where reading begins, a number for each kind. */
export function beginnings(): Record<SpillKind, number> {
  return { away: SEQS.away.before, full: SEQS.full.before };
}

/** A delivery as a row holds it. */
export interface SpillRow {
  readonly seq: number;
  readonly eventCount: number;
  readonly events: string;
}

/** The rows of a spill file, one a delivery. Its methods throw what SQLite throws, unless they say otherwise. */
export class SpillTable {
  readonly #database: Database;
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = prepareAll(database);
  }

  /** Some 0.1 s for 256 MB, as lengths stand in the rows' heads. Totals kept in a row of their own would cost each commit a page. */
  totals(): { readonly rows: number; readonly events: number; readonly bytes: number } {
    const row = this.#statements.totals.get() ?? [];
    return { rows: integer(row, 0), events: integer(row, 1), bytes: integer(row, 2) };
  }

  /** The number of the newest row of each kind. */
  newest(): Record<SpillKind, number> {
    const of = (kind: SpillKind) => {
      const { before, last } = SEQS[kind];
      return integer(this.#statements.newest.get(before, last) ?? [before], 0);
    };
    return { away: of("away"), full: of("full") };
  }

  /** The first row of a kind behind the number `after`. Throws Fault STORE_UNAVAILABLE or STORE_INVALID. */
  next(kind: SpillKind, after: number): SpillRow | undefined {
    try {
      const row = this.#statements.next.get(after, SEQS[kind].last);
      return row && { seq: integer(row, 0), eventCount: integer(row, 1), events: text(row, 2) };
    } catch (error) {
      throw storeFault(error, "reading the spill file");
    }
  }

  insert({ seq, eventCount, events }: SpillRow): void {
    this.#statements.insert.run(seq, eventCount, events);
  }

  remove(seq: number): void {
    this.#statements.remove.run(seq);
  }

  /** Writes a page and changes nothing. */
  prove(): void {
    this.#database.exec(`PRAGMA user_version = ${SPILL_MIGRATIONS.length}`);
  }

  /** Does work in one durable transaction: all of it, or, where it throws, nothing. */
  transact<T>(work: () => T): T {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Gives the space of a long outage back, once no row is left. Rewriting an empty file takes some milliseconds. */
  shrink(): void {
    if (integer(this.#statements.pages.get() ?? [], 0) < SHRINK_PAGES_MIN) return;
    try {
      this.#database.exec("VACUUM");
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // Then the next outage uses the pages as they are.
      if (!isStoreTrouble(error)) throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  #rollBack(): void {
    try {
      if (this.#database.isInTransaction) this.#database.exec("ROLLBACK");
    } catch (error) {
      // SQLite rolled back by itself (disk full); any other error would be a bug.
      if (!isStoreTrouble(error)) throw error;
    }
  }
}

function prepareAll(
  database: Database,
): Readonly<Record<"totals" | "newest" | "insert" | "remove" | "next" | "pages", Statement>> {
  return {
    totals: database.prepare(
      "SELECT count(*), ifnull(sum(event_count), 0), ifnull(sum(octet_length(events)), 0) FROM deliveries",
    ),
    newest: database.prepare("SELECT seq FROM deliveries WHERE seq > ? AND seq <= ? ORDER BY seq DESC LIMIT 1"),
    insert: database.prepare("INSERT INTO deliveries (seq, event_count, events) VALUES (?, ?, ?)"),
    remove: database.prepare("DELETE FROM deliveries WHERE seq = ?"),
    next: database.prepare(
      "SELECT seq, event_count, events FROM deliveries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1",
    ),
    pages: database.prepare("PRAGMA page_count"),
  };
}
