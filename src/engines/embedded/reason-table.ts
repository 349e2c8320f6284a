import { EVENT_HASH_SPAN, isEventOf, searchHashes } from "../../queue/event-id.ts";
import { type EventFate, type Lane, LEASE_REASONS_MAX, type Reason } from "../../queue/queue.ts";
import type { EventRecord } from "../../queue/queue-view.ts";
import { fateCode, fateOf, laneCode, laneOf } from "./codes.ts";
import { type Database, integer, optionalInteger, optionalText, type Row, type Statement, text } from "./database.ts";
import { EVENT_CHUNK_ROWS, packEventId } from "./event-place.ts";

/** Most events shown for one id: a whole delivery of the largest kind (1 MiB of ids) is cut, a usual one is not. */
const EVENTS_SHOWN_MAX = 1_000;

/** Reasons that a dead letter holds at most: an account that fails for months must not fill the disk. */
const DEAD_REASONS_MAX = 10_000;

/** The job that holds a reason, and in which of its runs it is answered. */
export interface Holder {
  readonly jobId: number;
  readonly gen: number;
}

/** What a row is known by. */
export interface RowName {
  /** Grows with arrival. */
  readonly seq: number;
  /** The dedup hash of an event that has a dedup key. */
  readonly hash: Uint8Array | undefined;
}

/** The open reasons of a run. */
export interface OpenReasons {
  /** Events and memhook's own work together. */
  readonly reasons: number;
  readonly events: number;
  /** The newest event's seq; undefined when there is no event. */
  readonly newestEvent: number | undefined;
}

/** Where and when reasons were settled. */
export interface SettledAs {
  readonly lane: Lane;
  readonly key: string;
  readonly now: number;
}

/** A row with a dedup hash. */
export interface HashedRow {
  readonly seq: number;
  readonly receivedAt: number;
  /** The hash's first four bytes. */
  readonly prefix: number;
}

/** Hashed rows read at once: a millisecond's worth. */
const HASHED_ROWS_MAX = 1_000;

const OPEN = "job_id = ? AND gen <= ?";
/** The id in full; see event-id.ts. Unpacked by SQLite, as a blob costs more to hand over than the text. */
const EVENT_ID = "iif(event_id = '', 'evt_' || lower(hex(hash)), event_id)";
const REASON = `${EVENT_ID}, note, received_at`;

/** Every statement on `reasons`. */
export class ReasonTable {
  readonly #insert: Statement;
  readonly #insertFiltered: Statement;
  readonly #receivedAt: Statement;
  readonly #hashed: Statement;
  readonly #newest: Statement;
  readonly #countHeld: Statement;
  readonly #countOpen: Statement;
  readonly #countQueued: Statement;
  readonly #settle: Statement;
  readonly #forgetOwn: Statement;
  readonly #kill: Statement;
  readonly #letGo: Statement;
  readonly #revive: Statement;
  readonly #moveOpen: Statement;
  readonly #moveNewer: Statement;
  readonly #byEventHash: Statement;

  constructor(database: Database) {
    const fate = fateCode;
    this.#insert = database.prepare(
      `INSERT INTO reasons (seq, job_id, gen, fate, received_at, hash, event_id, event_place, note)
       VALUES (?, ?, ?, ${fate("queued")}, ?, ?, ?, ?, ?)`,
    );
    this.#insertFiltered = database.prepare(
      `INSERT INTO reasons (seq, gen, fate, received_at, hash, event_id, event_place, note, settled_at, lane, key)
       VALUES (?, 0, ${fate("filtered")}, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#receivedAt = database.prepare("SELECT received_at FROM reasons WHERE seq = ? AND hash = ?");
    this.#hashed = database.prepare(
      `SELECT seq, received_at, hex(substr(hash, 1, 4)) FROM reasons
       WHERE seq > ? AND seq <= ? AND hash IS NOT NULL AND received_at > ? ORDER BY seq LIMIT ${HASHED_ROWS_MAX}`,
    );
    this.#newest = database.prepare(
      `SELECT ${REASON} FROM reasons WHERE ${OPEN} ORDER BY seq DESC LIMIT ${LEASE_REASONS_MAX}`,
    );
    this.#countHeld = database.prepare("SELECT count(*) FROM reasons WHERE job_id = ?");
    this.#countOpen = database.prepare(
      `SELECT count(*), count(event_id), max(iif(event_id IS NULL, NULL, seq)) FROM reasons WHERE ${OPEN}`,
    );
    this.#countQueued = database.prepare(
      `SELECT count(*), count(event_id) FROM reasons WHERE ${OPEN} AND fate = ${fate("queued")}`,
    );
    this.#settle = database.prepare(
      `UPDATE reasons SET fate = iif(seq = ?, ?, ?), job_id = NULL, settled_at = ?, lane = ?, key = ? WHERE ${OPEN}`,
    );
    this.#forgetOwn = database.prepare(`DELETE FROM reasons WHERE ${OPEN} AND event_id IS NULL`);
    this.#kill = database.prepare(
      `UPDATE reasons SET fate = ${fate("dead")}, settled_at = ? WHERE ${OPEN} AND fate = ${fate("queued")}`,
    );
    this.#letGo = database.prepare(
      `UPDATE reasons SET job_id = NULL, lane = ?, key = ? WHERE job_id = ? AND seq <=
         (SELECT seq FROM reasons WHERE job_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ${DEAD_REASONS_MAX})`,
    );
    this.#revive = database.prepare(
      `UPDATE reasons SET fate = ${fate("queued")}, settled_at = NULL, job_id = ?, gen = ? WHERE job_id = ?`,
    );
    this.#moveOpen = database.prepare(`UPDATE reasons SET job_id = ?, gen = ? WHERE ${OPEN}`);
    this.#moveNewer = database.prepare("UPDATE reasons SET job_id = ?, gen = ? WHERE job_id = ? AND gen > ?");
    const found = `${REASON}, fate, settled_at, job_id, lane, key`;
    // One seek in each chunk: some 250 for a million rows, for a question that a person asks.
    this.#byEventHash = database.prepare(
      `WITH RECURSIVE chunk (number, last) AS (
         SELECT (SELECT min(seq) FROM reasons) / ${EVENT_CHUNK_ROWS}, (SELECT max(seq) FROM reasons) / ${EVENT_CHUNK_ROWS}
         UNION ALL SELECT number + 1, last FROM chunk WHERE number < last
       )
       SELECT ${found} FROM chunk CROSS JOIN reasons ON event_place = number * ${EVENT_HASH_SPAN} + ? LIMIT ${EVENTS_SHOWN_MAX}`,
    );
  }

  /** Adds an open reason. */
  insert({ jobId, gen }: Holder, reason: Reason, { seq, hash }: RowName): void {
    if (reason.eventId === undefined) {
      this.#insert.run(seq, jobId, gen, reason.receivedAt, null, null, null, reason.note);
      return;
    }
    const { eventId, eventPlace } = packEventId(seq, reason.eventId, hash);
    this.#insert.run(seq, jobId, gen, reason.receivedAt, hash ?? null, eventId, eventPlace, reason.note);
  }

  /** Remembers an event that no job will ever hold. */
  insertFiltered(event: Reason & { readonly eventId: string }, { seq, hash }: RowName, as: SettledAs): void {
    const { eventId, eventPlace } = packEventId(seq, event.eventId, hash);
    const place = [as.now, laneCode(as.lane), as.key] as const;
    this.#insertFiltered.run(seq, event.receivedAt, hash ?? null, eventId, eventPlace, event.note, ...place);
  }

  /** When the event in this row arrived, if its dedup hash is this one. */
  receivedAt(seq: number, hash: Uint8Array): number | undefined {
    const row = this.#receivedAt.get(seq, hash);
    return row === undefined ? undefined : integer(row, 0);
  }

  /** The next rows with a dedup hash, in order; none = there are no more up to `upTo`. */
  hashed(range: {
    readonly after: number;
    readonly upTo: number;
    readonly receivedAfter: number;
  }): readonly HashedRow[] {
    return this.#hashed.all(range.after, range.upTo, range.receivedAfter).map((row) => ({
      seq: integer(row, 0),
      receivedAt: integer(row, 1),
      prefix: Number.parseInt(text(row, 2), 16),
    }));
  }

  /** The newest LEASE_REASONS_MAX reasons of a run, oldest first. */
  newest(holder: Holder): readonly Reason[] {
    return this.#newest.all(holder.jobId, holder.gen).map(reasonFrom).reverse();
  }

  /** All reasons that a job holds, also those of its next run. */
  countHeld(jobId: number): number {
    return integer(this.#countHeld.get(jobId) ?? [], 0);
  }

  countOpen(holder: Holder): OpenReasons {
    const row = this.#countOpen.get(holder.jobId, holder.gen) ?? [];
    return { reasons: integer(row, 0), events: integer(row, 1), newestEvent: optionalInteger(row, 2) };
  }

  /**
   * Settles a run's reasons: the newest event gets `newestFate`, the others `fate`; memhook's own are deleted.
   * Returns how many rows are gone.
   */
  settle(
    holder: Holder,
    open: OpenReasons,
    { as, newestFate, fate }: { readonly as: SettledAs; readonly newestFate: EventFate; readonly fate: EventFate },
  ): number {
    const { jobId, gen } = holder;
    const own = open.reasons - open.events;
    if (own > 0) this.#forgetOwn.run(jobId, gen);
    if (open.newestEvent === undefined) return own;
    const place = [as.now, laneCode(as.lane), as.key] as const;
    this.#settle.run(open.newestEvent, fateCode(newestFate), fateCode(fate), ...place, jobId, gen);
    return own;
  }

  /** Marks a run's queued reasons dead; the job keeps them. Returns how many, reasons and events. */
  kill(holder: Holder, now: number): { readonly reasons: number; readonly events: number } {
    const queued = this.#countQueued.get(holder.jobId, holder.gen) ?? [];
    this.#kill.run(now, holder.jobId, holder.gen);
    return { reasons: integer(queued, 0), events: integer(queued, 1) };
  }

  /** Lets a dead job go of all but its newest DEAD_REASONS_MAX reasons; the older ones stay `dead` in the history. */
  letGo(jobId: number, as: Omit<SettledAs, "now">): void {
    this.#letGo.run(laneCode(as.lane), as.key, jobId, jobId);
  }

  /** Queues a dead job's reasons again, held by `to`. */
  revive(jobId: number, to: Holder): void {
    this.#revive.run(to.jobId, to.gen, jobId);
  }

  /** Hands a run's reasons to another job. */
  moveOpen(from: Holder, to: Holder): void {
    this.#moveOpen.run(to.jobId, to.gen, from.jobId, from.gen);
  }

  /** Hands the reasons of the run after `from.gen` to another job. */
  moveNewer(from: Holder, to: Holder): void {
    this.#moveNewer.run(to.jobId, to.gen, from.jobId, from.gen);
  }

  /** Events by id; `addressOf` tells the lane and key of a job that still holds one. */
  events(
    eventId: string,
    addressOf: (jobId: number) => { readonly lane: Lane; readonly key: string } | undefined,
  ): readonly EventRecord[] {
    const rows = searchHashes(eventId).flatMap((hash) => this.#byEventHash.all(hash));
    return rows.filter((row) => isEventOf(text(row, 0), eventId)).map((row) => eventFrom(row, addressOf));
  }
}

function reasonFrom(row: Row): Reason {
  const eventId = optionalText(row, 0);
  const [note, receivedAt] = [text(row, 1), integer(row, 2)];
  return eventId === undefined ? { note, receivedAt } : { eventId, note, receivedAt };
}

function eventFrom(
  row: Row,
  addressOf: (jobId: number) => { readonly lane: Lane; readonly key: string } | undefined,
): EventRecord {
  const settledAt = optionalInteger(row, 4);
  const jobId = optionalInteger(row, 5);
  const key = optionalText(row, 7);
  const address =
    jobId !== undefined ? addressOf(jobId) : key !== undefined ? { lane: laneOf(integer(row, 6)), key } : undefined;
  return {
    eventId: text(row, 0),
    note: text(row, 1),
    receivedAt: integer(row, 2),
    fate: fateOf(integer(row, 3)),
    ...(settledAt === undefined ? {} : { settledAt }),
    ...(address === undefined ? {} : { lane: address.lane, key: address.key }),
  };
}
