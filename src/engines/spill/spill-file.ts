import { closeSync, openSync } from "node:fs";
import { assert } from "../../assert.ts";
import { Fault } from "../../faults.ts";
import type { NewEvent } from "../../queue/queue.ts";
import {
  type Database,
  integer,
  isStoreTrouble,
  openDatabase,
  type Row,
  type Statement,
  storeFault,
  text,
} from "../embedded/database.ts";
import { WorkerLock } from "../embedded/worker-lock.ts";
import { packEvent, unpackDelivery } from "./spill-row.ts";
import { keyName, WaitingKeys } from "./waiting-keys.ts";

/** The file's numbered migrations, as the engine's: never edited after a release. */
export const SPILL_MIGRATIONS: readonly string[] = [
  "CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, event_count INTEGER NOT NULL, events TEXT NOT NULL) STRICT",
];

/** Most deliveries, and most removals, in one transaction: some 10 ms of work on a fast disk. */
const ROWS_A_COMMIT_MAX = 1_000;
/** What a row costs beside its text: cell header, key, count. */
const ROW_BYTES = 24;
/** An emptied file larger than this gives its space back to the disk (1 MiB); a smaller one keeps it for the next outage. */
const SHRINK_PAGES_MIN = 256;
/** The file holds ids of customers' records: its owner's only. What SQLite keeps beside it takes over the mode. */
const FILE_MODE = 0o600;

/**
 * Why a delivery was spilled: the store was `away`, or `full` while others were replayed. Rows say it by their number, so that each kind
 * is read in its own order without looking at the other, and a later process knows it as well.
 */
export type SpillKind = "away" | "full";

/** The numbers of a kind, both ends included. Their halves are never used up: a million a second would take 142 years. */
const SEQS = {
  away: { min: 1, max: 2 ** 52 - 1 },
  full: { min: 2 ** 52, max: 2 ** 53 - 1 },
} as const satisfies Record<SpillKind, { readonly min: number; readonly max: number }>;

/** What became of an event that was to be spilled. `duplicate`: its dedup key already waits in the file. */
export type SpillFate = "queued" | "duplicate" | "filtered";

/** A delivery that waits. */
export interface SpilledDelivery {
  readonly seq: number;
  readonly kind: SpillKind;
  readonly bytes: number;
  readonly events: readonly NewEvent[];
}

/** What a look at the file found. */
export interface SpillPage {
  readonly deliveries: readonly SpilledDelivery[];
  /** Rows that could not be read. They stay in the file, unread until the next start (of a release that knows them, perhaps). */
  readonly damaged: readonly Fault[];
}

interface PendingAppend {
  readonly kind: SpillKind;
  readonly packed: readonly { readonly event: NewEvent; readonly name: string | undefined; readonly json: string }[];
  readonly resolve: (fates: readonly SpillFate[] | "full") => void;
  readonly reject: (error: unknown) => void;
}

/** Opens the file at `path`, made when missing, for this process alone. Throws Fault STORE_UNAVAILABLE, STORE_INVALID or STORE_IN_USE. */
export function openSpillFile({ path, bytesMax }: { readonly path: string; readonly bytesMax: number }): SpillFile {
  const lock = new WorkerLock(`${path}.lock`);
  // Two processes would replay the same rows, and neither would know how full the file is.
  if (!lock.acquire()) throw new Fault("STORE_IN_USE", "opening the spill file");
  let database: Database | undefined;
  try {
    touch(path);
    database = openDatabase(path, SPILL_MIGRATIONS);
    return new SpillFile(database, { bytesMax, onClosed: () => lock.release() });
  } catch (error) {
    database?.close();
    lock.release();
    throw storeFault(error, "opening the spill file");
  }
}

/**
 * A bounded, durable log of deliveries in one SQLite file. All that is asked for in one turn of the event loop is one transaction
 * with one fsync; a promise resolves after it.
 *
 * It works in the event loop and not in a thread of its own, unlike the embedded engine where a process serves: it is idle but for
 * an outage, in which a receiver has little else to do, and a turn's commit is all that ever blocks. Measured with 64 senders on two
 * cores: 70,000 deliveries/s with p99 5 ms; with 5 ms added to each fsync 9,600/s with p99 17 ms, the longest pause of the loop 32 ms.
 * A thread would shorten that pause, and cost its memory, and a second way to die, on each day without an outage.
 */
export class SpillFile {
  readonly #database: Database;
  readonly #bytesMax: number;
  readonly #onClosed: () => void;
  readonly #statements: ReturnType<typeof prepareAll>;
  readonly #keys = new WaitingKeys();
  /** Rows that could not be read: not looked at again by this process. Bounded by the rows of the file. */
  readonly #damaged = new Set<number>();
  /** Rows that were answered but are still in the file, with their bytes; they go with the next commit. */
  readonly #answered = new Map<number, number>();
  #pending: PendingAppend[] = [];
  #flushed: (() => void)[] = [];
  #isScheduled = false;
  #isClosed = false;
  /** The newest row of each kind, then the last one that was read. */
  readonly #lastSeq: Record<SpillKind, number>;
  readonly #cursor: Record<SpillKind, number> = { away: SEQS.away.min - 1, full: SEQS.full.min - 1 };
  #bytes: number;
  #waiting: number;
  #isFull = false;

  constructor(
    database: Database,
    { bytesMax, onClosed }: { readonly bytesMax: number; readonly onClosed: () => void },
  ) {
    this.#database = database;
    this.#bytesMax = bytesMax;
    this.#onClosed = onClosed;
    this.#statements = prepareAll(database);
    // Some 0.1 s for 256 MB, as lengths stand in the rows' heads. Totals kept in a row of their own would cost each commit a page.
    const totals = this.#statements.totals.get() ?? [];
    this.#waiting = integer(totals, 1);
    this.#bytes = integer(totals, 2) + integer(totals, 0) * ROW_BYTES;
    this.#lastSeq = { away: this.#newest("away"), full: this.#newest("full") };
  }

  /** Events that wait to be replayed. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Bytes of the rows, those set aside included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True from a refusal until there is room again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /**
   * Writes a delivery, or none of it when it does not fit; one fate per event. What already waits is not written again.
   * Throws Fault STORE_UNAVAILABLE or STORE_INVALID; then nothing was written.
   */
  append(events: readonly NewEvent[], kind: SpillKind = "away"): Promise<readonly SpillFate[] | "full"> {
    if (this.#isClosed)
      return Promise.reject(new Fault("STORE_UNAVAILABLE", "using the spill file after it was closed"));
    const packed = events.map((event) => ({ event, name: keyName(event), json: packEvent(event) }));
    return new Promise((resolve, reject) => {
      this.#pending.push({ kind, packed, resolve, reject });
      this.#schedule();
    });
  }

  /** The next deliveries of a kind in the order of arrival, of at least `eventsMin` events if so many are left. Throws Fault STORE_UNAVAILABLE, STORE_INVALID. */
  next(eventsMin: number, kind: SpillKind = "away"): SpillPage {
    const deliveries: SpilledDelivery[] = [];
    const damaged: Fault[] = [];
    for (let events = 0; events < eventsMin && deliveries.length + damaged.length < ROWS_A_COMMIT_MAX; ) {
      const row = this.#readRow(kind);
      if (row === undefined) break;
      const seq = integer(row, 0);
      this.#cursor[kind] = seq;
      if (this.#damaged.has(seq) || this.#answered.has(seq)) continue;
      const delivery = this.#parse(row, kind);
      if (delivery instanceof Fault) damaged.push(delivery);
      else {
        deliveries.push(delivery);
        events += delivery.events.length;
      }
    }
    return { deliveries, damaged };
  }

  /** Begins again with the first rows: some were read and could not be delivered. */
  rewind(): void {
    this.#cursor.away = SEQS.away.min - 1;
    this.#cursor.full = SEQS.full.min - 1;
  }

  /**
   * Takes out deliveries that the store has answered. Resolves when that was tried: what the disk refuses to remove is not read
   * again by this process, and goes with a later commit.
   */
  remove(deliveries: readonly SpilledDelivery[]): Promise<void> {
    for (const { seq, bytes, events } of deliveries) {
      this.#answered.set(seq, bytes);
      this.#waiting -= events.length;
      this.#keys.forget(events);
    }
    return new Promise((resolve) => {
      this.#flushed.push(resolve);
      this.#schedule();
    });
  }

  /** Writes what is pending, then closes. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    do this.#flush();
    while (this.#pending.length > 0);
    this.#database.close();
    this.#onClosed();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.#flush();
    });
  }

  /** One transaction: removals first, so that what they free can be used. */
  #flush(): void {
    const flushed = this.#flushed.splice(0);
    const appends = this.#pending.splice(0, ROWS_A_COMMIT_MAX);
    if (this.#pending.length > 0) this.#schedule();
    const removals = [...this.#answered].slice(0, ROWS_A_COMMIT_MAX);
    try {
      this.#commit(appends, removals);
      this.#shrink(removals.length);
    } catch (error) {
      this.#rollBack();
      const fault = storeFault(error, "writing the spill file");
      for (const { reject } of appends) reject(fault);
      if (!isStoreTrouble(error)) throw error; // A bug; the rejections may have no reader that sees it as one.
    } finally {
      for (const resolve of flushed) resolve();
    }
  }

  #commit(appends: readonly PendingAppend[], removals: readonly (readonly [seq: number, bytes: number])[]): void {
    this.#database.exec("BEGIN IMMEDIATE");
    for (const [seq] of removals) this.#statements.remove.run(seq);
    const added: Addition = { bytes: 0, rows: { away: 0, full: 0 }, waiting: 0, names: new Set() };
    const freed = removals.reduce((sum, [, bytes]) => sum + bytes, 0);
    const results = appends.map((append) => this.#write(append, added, this.#bytesMax - this.#bytes + freed));
    this.#database.exec("COMMIT");

    for (const [seq] of removals) this.#answered.delete(seq);
    this.#lastSeq.away += added.rows.away;
    this.#lastSeq.full += added.rows.full;
    this.#bytes += added.bytes - freed;
    this.#waiting += added.waiting;
    for (const name of added.names) this.#keys.add(name);
    if (removals.length > 0) this.#isFull = false;
    for (const [index, { resolve }] of appends.entries()) {
      const result = results[index];
      assert(result !== undefined, "each delivery of a commit has its result");
      this.#isFull = result === "full";
      resolve(result);
    }
  }

  /** Writes one delivery into the open transaction, unless it does not fit. */
  #write({ kind, packed }: PendingAppend, added: Addition, bytesFree: number): readonly SpillFate[] | "full" {
    const names = new Set<string>();
    const texts: string[] = [];
    const fates = packed.map(({ event, name, json }): SpillFate => {
      if (name !== undefined) {
        if (names.has(name) || added.names.has(name) || this.#keys.has(name)) return "duplicate";
        names.add(name);
      }
      texts.push(json);
      return event.isFiltered === true ? "filtered" : "queued";
    });
    if (texts.length === 0) return fates;
    const row = `[${texts.join(",")}]`;
    const bytes = Buffer.byteLength(row) + ROW_BYTES;
    if (added.bytes + bytes > bytesFree) return "full";
    added.rows[kind] += 1;
    added.bytes += bytes;
    added.waiting += texts.length;
    this.#statements.insert.run(this.#lastSeq[kind] + added.rows[kind], texts.length, row);
    for (const name of names) added.names.add(name);
    return fates;
  }

  #newest(kind: SpillKind): number {
    const { min, max } = SEQS[kind];
    return integer(this.#statements.newest.get(min, max) ?? [min - 1], 0);
  }

  #readRow(kind: SpillKind): Row | undefined {
    try {
      return this.#statements.next.get(this.#cursor[kind], SEQS[kind].max);
    } catch (error) {
      throw storeFault(error, "reading the spill file");
    }
  }

  #parse(row: Row, kind: SpillKind): SpilledDelivery | Fault {
    const seq = integer(row, 0);
    const count = integer(row, 1);
    const json = text(row, 2);
    try {
      return { seq, kind, bytes: Buffer.byteLength(json) + ROW_BYTES, events: unpackDelivery(json, count) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#damaged.add(seq);
      this.#waiting -= count;
      // Its keys cannot be told: were they kept, a sender's retry of a lost event would pass for a duplicate.
      this.#keys.clear();
      return error;
    }
  }

  /** Gives the space of a long outage back once all is replayed. Rewriting an empty file takes some milliseconds. */
  #shrink(removed: number): void {
    if (removed === 0 || this.#bytes > 0 || integer(this.#statements.pages.get() ?? [], 0) < SHRINK_PAGES_MIN) return;
    try {
      this.#database.exec("VACUUM");
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // Then the next outage uses the pages as they are.
      if (!isStoreTrouble(error)) throw error;
    }
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

/** What a transaction adds, which counts only once it is committed. */
interface Addition {
  bytes: number;
  readonly rows: Record<SpillKind, number>;
  waiting: number;
  readonly names: Set<string>;
}

function prepareAll(
  database: Database,
): Readonly<Record<"totals" | "newest" | "insert" | "remove" | "next" | "pages", Statement>> {
  return {
    totals: database.prepare(
      "SELECT count(*), ifnull(sum(event_count), 0), ifnull(sum(octet_length(events)), 0) FROM deliveries",
    ),
    newest: database.prepare("SELECT seq FROM deliveries WHERE seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT 1"),
    insert: database.prepare("INSERT INTO deliveries (seq, event_count, events) VALUES (?, ?, ?)"),
    remove: database.prepare("DELETE FROM deliveries WHERE seq = ?"),
    next: database.prepare(
      "SELECT seq, event_count, events FROM deliveries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1",
    ),
    pages: database.prepare("PRAGMA page_count"),
  };
}

/** Makes the file with its owner's mode when it is missing. Throws Fault STORE_UNAVAILABLE. */
function touch(path: string): void {
  try {
    closeSync(openSync(path, "a", FILE_MODE));
  } catch (error) {
    throw new Fault("STORE_UNAVAILABLE", "making the spill file", { cause: error });
  }
}
