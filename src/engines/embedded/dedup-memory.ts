import { EVENT_CHUNK_ROWS } from "./event-place.ts";
import type { ReasonTable } from "./reason-table.ts";
import { SeqTable } from "./seq-table.ts";
import type { Step } from "./step.ts";

/**
 * Newest events that are remembered for the whole window, whatever their rate: an hour of 2,700 a second. Keeps the
 * table at 256 MiB. An older one that comes twice then costs one more sync, which finds nothing to write.
 */
const ENTRIES_MAX = 10_000_000;

/**
 * Which events are known, in memory: an index over random hashes would cost the store a page for each event (docs/decisions/0004).
 * The rows are the truth and this only finds them, so it may hold too much but never too little: it is read from the rows
 * at the first delivery, and in each transaction from the rows that other processes committed since.
 */
export class DedupMemory {
  readonly #reasons: ReasonTable;
  readonly #windowMs: number;
  readonly #table = new SeqTable();
  /** By chunk of rows: when its newest event arrived, so that a chunk outside of the window can be let go. */
  readonly #newestAt = new Map<number, number>();
  /** Committed rows up to this one are in the table. */
  #seen = 0;
  /** The transaction that is followed, and what it added. */
  #step: Step | undefined;
  readonly #added = new Map<number, number[]>();

  constructor(reasons: ReasonTable, windowMs: number) {
    this.#reasons = reasons;
    this.#windowMs = windowMs;
  }

  /** Comes before all else in a transaction: learns what others committed. What a rolled back one added is gone. */
  follow(step: Step): void {
    if (step === this.#step) return;
    this.#step = step;
    this.#added.clear();
    if (this.#seen < step.committedSeq) this.#read(step);
  }

  /** Whether an event with this hash arrived within the window of one that arrived at `arrivedAt`. */
  knows(hash: Uint8Array, arrivedAt: number): boolean {
    const prefix = prefixOf(hash);
    const isIt = (seq: number) => this.#isInWindow(this.#reasons.receivedAt(seq, hash), arrivedAt);
    return this.#added.get(prefix)?.some(isIt) === true || this.#table.some(prefix, isIt);
  }

  /** Remembers the event in a row of this transaction. */
  add(hash: Uint8Array, seq: number, receivedAt: number): void {
    const prefix = prefixOf(hash);
    const others = this.#added.get(prefix);
    if (others === undefined) this.#added.set(prefix, [seq]);
    else others.push(seq);
    this.#date(seq, receivedAt);
  }

  /** Keeps what the transaction added, now that it is durable. */
  committed(step: Step): void {
    if (step !== this.#step) return; // Nothing was delivered: the next delivery reads its rows, if there are any.
    for (const [prefix, seqs] of this.#added) for (const seq of seqs) this.#join(prefix, seq, step.now);
    this.#added.clear();
    this.#seen = step.totals.reasonSeq;
  }

  /** On both sides: after the clock was set back a year, nothing may count as a duplicate for a year. */
  #isInWindow(receivedAt: number | undefined, arrivedAt: number): boolean {
    return receivedAt !== undefined && Math.abs(arrivedAt - receivedAt) < this.#windowMs;
  }

  /** Some 1.5 µs a row: for a million rows at a start a second and a half, once. */
  #read({ committedSeq, now }: Step): void {
    for (;;) {
      const rows = this.#reasons.hashed({ after: this.#seen, upTo: committedSeq, receivedAfter: now - this.#windowMs });
      for (const { seq, receivedAt, prefix } of rows) {
        this.#date(seq, receivedAt);
        this.#join(prefix, seq, now);
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      this.#seen = last.seq;
    }
    this.#seen = committedSeq;
  }

  #join(prefix: number, seq: number, now: number): void {
    if (this.#table.isFull) this.#forget(seq, now);
    this.#table.add(prefix, seq);
  }

  /** Lets go of what is outside of the window. Both in one go, as the table is the size of what it holds. */
  #forget(newest: number, now: number): void {
    for (const [chunk, newestAt] of this.#newestAt) {
      if (newestAt <= now - this.#windowMs) this.#newestAt.delete(chunk);
    }
    this.#table.sift((seq) => seq > newest - ENTRIES_MAX && this.#newestAt.has(chunkOf(seq)));
  }

  #date(seq: number, receivedAt: number): void {
    const chunk = chunkOf(seq);
    const newestAt = this.#newestAt.get(chunk);
    if (newestAt === undefined || newestAt < receivedAt) this.#newestAt.set(chunk, receivedAt);
  }
}

function chunkOf(seq: number): number {
  return Math.floor(seq / EVENT_CHUNK_ROWS);
}

/** The first four bytes; `ReasonTable.hashed` reads the same ones. */
function prefixOf(hash: Uint8Array): number {
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0);
}
