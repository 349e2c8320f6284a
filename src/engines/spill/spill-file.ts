import { closeSync, openSync } from "node:fs";
import { assert } from "../../assert.ts";
import { Fault } from "../../faults.ts";
import type { NewEvent } from "../../queue/queue.ts";
import { type Database, isStoreTrouble, openDatabase, storeFault } from "../embedded/database.ts";
import { WorkerLock } from "../embedded/worker-lock.ts";
import { packEvent, unpackDelivery } from "./spill-row.ts";
import { beginnings, SPILL_MIGRATIONS, type SpillKind, type SpillRow, SpillTable } from "./spill-table.ts";
import { keyName, WaitingKeys } from "./waiting-keys.ts";

/** Most deliveries, and most removals, in one transaction: some 10 ms of work on a fast disk. */
const ROWS_A_COMMIT_MAX = 1_000;
/** What a row costs beside its text: cell header, key, count. */
const ROW_BYTES = 24;
/** The file holds ids of customers' records: its owner's only. What SQLite keeps beside it takes over the mode. */
const FILE_MODE = 0o600;

/** Why a file takes nothing: it is `full`, or its disk is full or read-only. */
export type SpillRefusal = "full" | "unwritable";

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

type SpillFileOptions = Readonly<{ bytesMax: number; onClosed: () => void }>;

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
  readonly #table: SpillTable;
  readonly #options: SpillFileOptions;
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
  #lastSeq: Record<SpillKind, number>;
  #cursor = beginnings();
  #bytes: number;
  #waiting: number;
  #isFull = false;
  #isUnwritable = false;

  constructor(database: Database, options: SpillFileOptions) {
    this.#table = new SpillTable(database);
    this.#options = options;
    const { rows, events, bytes } = this.#table.totals();
    this.#waiting = events;
    this.#bytes = bytes + rows * ROW_BYTES;
    this.#lastSeq = this.#table.newest();
  }

  /** Events that wait to be replayed. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Bytes of the rows, those set aside included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Why it takes nothing now: from a write that failed until one succeeds, or from a refusal for want of room until there is some. */
  get refusal(): SpillRefusal | undefined {
    if (this.#isUnwritable) return "unwritable";
    return this.#isFull ? "full" : undefined;
  }

  /**
   * Writes a delivery, or none of it when it does not fit; one fate per event. What already waits is not written again.
   * Throws Fault STORE_UNAVAILABLE or STORE_INVALID; then nothing was written.
   */
  append(events: readonly NewEvent[], kind: SpillKind = "away"): Promise<readonly SpillFate[] | "full"> {
    if (this.#isClosed) return Promise.reject(new Fault("STORE_UNAVAILABLE", "using a closed spill file"));
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
      const row = this.#table.next(kind, this.#cursor[kind]);
      if (row === undefined) break;
      this.#cursor[kind] = row.seq;
      if (this.#damaged.has(row.seq) || this.#answered.has(row.seq)) continue;
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
    this.#cursor = beginnings();
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
    return this.prove();
  }

  /** Tries whether the file can be written, by what is pending or else a page that stays as it is; `refusal` tells how it went. */
  prove(): Promise<void> {
    return new Promise((resolve) => {
      this.#flushed.push(resolve);
      this.#schedule();
    });
  }

  /** Writes what is pending, then closes. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    let isWritten: boolean;
    do isWritten = this.#flush();
    while (this.#pending.length > 0 || (isWritten && this.#answered.size > 0));
    this.#table.close();
    this.#options.onClosed();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.#flush();
    });
  }

  /** One transaction: removals first, so that what they free can be used. False = the disk refused it. */
  #flush(): boolean {
    const flushed = this.#flushed.splice(0);
    const appends = this.#pending.splice(0, ROWS_A_COMMIT_MAX);
    if (this.#pending.length > 0) this.#schedule();
    const removals = [...this.#answered].slice(0, ROWS_A_COMMIT_MAX);
    if (flushed.length + appends.length + removals.length === 0) return true;
    try {
      this.#commit(appends, removals);
      if (this.#answered.size > 0) this.#schedule(); // What a disk refused for long is more than one commit takes out.
      if (removals.length > 0 && this.#bytes === 0) this.#table.shrink();
      return true;
    } catch (error) {
      this.#isUnwritable = true;
      const fault = storeFault(error, "writing the spill file");
      for (const { reject } of appends) reject(fault);
      if (!isStoreTrouble(error)) throw error; // A bug; the rejections may have no reader that sees it as one.
      return false;
    } finally {
      for (const resolve of flushed) resolve();
    }
  }

  #commit(appends: readonly PendingAppend[], removals: readonly (readonly [seq: number, bytes: number])[]): void {
    const added: Addition = { bytes: 0, lastSeq: { ...this.#lastSeq }, waiting: 0, names: new Set() };
    const freed = removals.reduce((sum, [, bytes]) => sum + bytes, 0);
    const results = this.#table.transact(() => {
      for (const [seq] of removals) this.#table.remove(seq);
      const written = appends.map((append) => this.#write(append, added, this.#options.bytesMax - this.#bytes + freed));
      if (appends.length + removals.length === 0) this.#table.prove();
      return written;
    });

    // One that only met duplicates, or no room, has written nothing.
    if (added.bytes > 0 || removals.length > 0 || appends.length === 0) this.#isUnwritable = false;
    for (const [seq] of removals) this.#answered.delete(seq);
    this.#lastSeq = added.lastSeq;
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
    added.lastSeq[kind] += 1;
    added.bytes += bytes;
    added.waiting += texts.length;
    this.#table.insert({ seq: added.lastSeq[kind], eventCount: texts.length, events: row });
    for (const name of names) added.names.add(name);
    return fates;
  }

  #parse({ seq, eventCount, events: json }: SpillRow, kind: SpillKind): SpilledDelivery | Fault {
    try {
      return { seq, kind, bytes: Buffer.byteLength(json) + ROW_BYTES, events: unpackDelivery(json, eventCount) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#damaged.add(seq);
      this.#waiting -= eventCount;
      // Its keys cannot be told: were they kept, a sender's retry of a lost event would pass for a duplicate.
      this.#keys.clear();
      return error;
    }
  }
}

/** What a transaction adds, which counts only once it is committed. */
interface Addition {
  bytes: number;
  readonly lastSeq: Record<SpillKind, number>;
  waiting: number;
  readonly names: Set<string>;
}

/** Makes the file with its owner's mode when it is missing. Throws Fault STORE_UNAVAILABLE. */
function touch(path: string): void {
  try {
    closeSync(openSync(path, "a", FILE_MODE));
  } catch (error) {
    throw new Fault("STORE_UNAVAILABLE", "making the spill file", { cause: error });
  }
}
