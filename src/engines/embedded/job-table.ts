import type { Lane } from "../../queue/queue.ts";
import { DEAD_SLOT, JOB_DEAD, JOB_LEASED, JOB_WAITING, laneCode, laneOf } from "./codes.ts";
import { type Database, integer, optionalInteger, optionalText, type Row, type Statement, text } from "./database.ts";

/** What a run waits for: the due time and urgency that its joining reasons add up to. */
export interface Wait {
  /** Smaller is more urgent (codes.ts). */
  readonly rank: number;
  readonly dueAt: number;
  /** Arrival of the oldest reason. */
  readonly firstAt: number;
  /** Arrival of the oldest event; undefined when only memhook's own work waits. */
  readonly eventAt: number | undefined;
}

/** A job as stored. `wait` is of the waiting or leased run, `next` of the run after it. */
export interface Job {
  readonly id: number;
  readonly lane: Lane;
  readonly key: string;
  /** JOB_WAITING, JOB_LEASED or JOB_DEAD. */
  readonly state: number;
  readonly wait: Wait;
  /** Reasons of this generation and older belong to the present run, those of the next one to the run after it. */
  readonly gen: number;
  readonly attempt: number;
  /** Leases in a row that ended without a settle. */
  readonly losses: number;
  readonly token: number | undefined;
  readonly leasedAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** JSON of the failures, oldest first. */
  readonly failures: string | undefined;
  /** Present = something joined during the lease. */
  readonly next: Wait | undefined;
}

/** What a job starts with when it is put back to waiting. */
export interface PutBack {
  readonly wait: Wait;
  readonly gen: number;
  readonly attempt: number;
  readonly losses: number;
  readonly failures: string | undefined;
}

const COLUMNS =
  "id, slot, key, state, rank, due_at, first_at, event_at, gen, attempt, losses, token, leased_at, expires_at, failures, " +
  "next_rank, next_due_at, next_first_at, next_event_at";

/** Most leases found lost in one step; more than a process holds (workers × batch), so one step does in practice. */
const LOST_MAX = 1_000;

/** Every statement on `jobs`. Keeps rows; what a transition means is decided by its callers. */
export class JobTable {
  readonly #insert: Statement;
  readonly #bySlot: Statement;
  readonly #byId: Statement;
  readonly #byKey: Statement;
  readonly #ready: Statement;
  readonly #lapsed: Statement;
  readonly #newestDead: Statement;
  readonly #inherited: Statement;
  readonly #lease: Statement;
  readonly #extend: Statement;
  readonly #join: Statement;
  readonly #joinNext: Statement;
  readonly #putBack: Statement;
  readonly #bury: Statement;
  readonly #setFailures: Statement;
  readonly #remove: Statement;
  readonly #right: Statement;
  readonly #setBack: Statement;

  /** Limits of hot statements are literals: SQLite compiles a statement anew whenever a bound LIMIT changes hands (7 µs). */
  constructor(database: Database) {
    const select = (where: string) => database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE ${where}`);
    this.#insert = database.prepare(
      `INSERT INTO jobs (id, slot, key, state, rank, due_at, first_at, event_at, gen) VALUES (?, ?, ?, ${JOB_WAITING}, ?, ?, ?, ?, 1)`,
    );
    this.#bySlot = select("key = ? AND slot = ?");
    this.#byId = select("id = ?");
    this.#byKey = select("key = ? ORDER BY slot");
    this.#ready = select(`state = ${JOB_WAITING} AND slot = ? AND rank = ? AND due_at <= ? ORDER BY due_at LIMIT ?`);
    this.#lapsed = select(`state = ${JOB_LEASED} AND expires_at <= ? ORDER BY expires_at LIMIT ${LOST_MAX}`);
    this.#newestDead = select(`state = ${JOB_DEAD} ORDER BY due_at DESC, id DESC LIMIT ?`);
    this.#inherited = select(`state = ${JOB_LEASED} AND token <= ? LIMIT ${LOST_MAX}`);
    this.#lease = database.prepare(
      `UPDATE jobs SET state = ${JOB_LEASED}, attempt = attempt + 1, token = ?, leased_at = ?, expires_at = ? WHERE id = ?`,
    );
    this.#extend = database.prepare("UPDATE jobs SET expires_at = ? WHERE id = ?");
    this.#join = database.prepare("UPDATE jobs SET rank = ?, due_at = ?, first_at = ?, event_at = ? WHERE id = ?");
    this.#joinNext = database.prepare(
      "UPDATE jobs SET next_rank = ?, next_due_at = ?, next_first_at = ?, next_event_at = ? WHERE id = ?",
    );
    this.#putBack = database.prepare(
      `UPDATE jobs SET state = ${JOB_WAITING}, slot = slot % ${DEAD_SLOT}, rank = ?, due_at = ?, first_at = ?, event_at = ?,
         gen = ?, attempt = ?, losses = ?, failures = ?, token = NULL, leased_at = NULL, expires_at = NULL,
         next_rank = NULL, next_due_at = NULL, next_first_at = NULL, next_event_at = NULL
       WHERE id = ?`,
    );
    this.#bury = database.prepare(
      `UPDATE jobs SET state = ${JOB_DEAD}, slot = slot % ${DEAD_SLOT} + ${DEAD_SLOT}, due_at = ?, first_at = ?, failures = ?,
         token = NULL, leased_at = NULL, expires_at = NULL,
         next_rank = NULL, next_due_at = NULL, next_first_at = NULL, next_event_at = NULL
       WHERE id = ?`,
    );
    this.#setFailures = database.prepare("UPDATE jobs SET failures = ? WHERE id = ?");
    this.#remove = database.prepare("DELETE FROM jobs WHERE id = ?");
    this.#right = database.prepare(
      `SELECT 1 FROM jobs WHERE id = ? AND token = ? AND key = ? AND state = ${JOB_LEASED} AND expires_at > ?`,
    );
    this.#setBack = database.prepare(
      `UPDATE jobs SET
         due_at = iif(due_at > ?1, max(?1, due_at - ?2), due_at),
         first_at = min(first_at, ?1), event_at = min(event_at, ?1),
         leased_at = leased_at - ?2, expires_at = expires_at - ?2,
         next_due_at = max(?1, next_due_at - ?2), next_first_at = min(next_first_at, ?1), next_event_at = min(next_event_at, ?1)
       WHERE state <> ${JOB_DEAD}`,
    );
  }

  insert(id: number, address: { readonly lane: Lane; readonly key: string }, wait: Wait): void {
    const { rank, dueAt, firstAt, eventAt } = wait;
    this.#insert.run(id, laneCode(address.lane), address.key, rank, dueAt, firstAt, eventAt ?? null);
  }

  live(lane: Lane, key: string): Job | undefined {
    return jobOf(this.#bySlot.get(key, laneCode(lane)));
  }

  dead(lane: Lane, key: string): Job | undefined {
    return jobOf(this.#bySlot.get(key, laneCode(lane) + DEAD_SLOT));
  }

  byId(id: number): Job | undefined {
    return jobOf(this.#byId.get(id));
  }

  /** Live and dead jobs of a key, live ones first. */
  byKey(key: string): readonly Job[] {
    return this.#byKey.all(key).map(jobFrom);
  }

  /** Due jobs of one lane and rank, oldest due first. */
  ready(lane: Lane, rank: number, { now, limit }: { readonly now: number; readonly limit: number }): readonly Job[] {
    return this.#ready.all(laneCode(lane), rank, now, limit).map(jobFrom);
  }

  /** Leased jobs whose lease has expired, at most LOST_MAX. */
  lapsed(now: number): readonly Job[] {
    return this.#lapsed.all(now).map(jobFrom);
  }

  /** Dead jobs, the last to fail first. */
  newestDead(limit: number): readonly Job[] {
    return this.#newestDead.all(limit).map(jobFrom);
  }

  /** Leased jobs claimed with `token` or an earlier one, at most LOST_MAX. */
  inherited(token: number): readonly Job[] {
    return this.#inherited.all(token).map(jobFrom);
  }

  /** Counts the attempt in the same write. */
  lease(id: number, lease: { readonly token: number; readonly leasedAt: number; readonly expiresAt: number }): void {
    this.#lease.run(lease.token, lease.leasedAt, lease.expiresAt, id);
  }

  extend(id: number, expiresAt: number): void {
    this.#extend.run(expiresAt, id);
  }

  /** Replaces what the waiting run waits for. */
  join(id: number, { rank, dueAt, firstAt, eventAt }: Wait): void {
    this.#join.run(rank, dueAt, firstAt, eventAt ?? null, id);
  }

  /** Replaces what the run after the leased one waits for. */
  joinNext(id: number, { rank, dueAt, firstAt, eventAt }: Wait): void {
    this.#joinNext.run(rank, dueAt, firstAt, eventAt ?? null, id);
  }

  /** Makes a leased or dead job wait again, without lease and without next run. */
  putBack(id: number, { wait, gen, attempt, losses, failures }: PutBack): void {
    const { rank, dueAt, firstAt, eventAt } = wait;
    this.#putBack.run(rank, dueAt, firstAt, eventAt ?? null, gen, attempt, losses, failures ?? null, id);
  }

  /** Makes a leased job a dead one. */
  bury(id: number, dead: { readonly failedAt: number; readonly firstAt: number; readonly failures: string }): void {
    this.#bury.run(dead.failedAt, dead.firstAt, dead.failures, id);
  }

  setFailures(id: number, failures: string): void {
    this.#setFailures.run(failures, id);
  }

  remove(id: number): void {
    this.#remove.run(id);
  }

  /** Whether the lease `token` on job `id` of `key` still holds. */
  holds(right: { readonly id: number; readonly token: number; readonly key: string }, now: number): boolean {
    return this.#right.get(right.id, right.token, right.key, now) !== undefined;
  }

  /** Moves all deadlines back by `ms`, because the clock was. Scans; a clock is seldom set. */
  setBack(now: number, ms: number): void {
    this.#setBack.run(now, ms);
  }
}

function jobOf(row: Row | undefined): Job | undefined {
  return row === undefined ? undefined : jobFrom(row);
}

function jobFrom(row: Row): Job {
  const nextRank = optionalInteger(row, 15);
  return {
    id: integer(row, 0),
    lane: laneOf(integer(row, 1)),
    key: text(row, 2),
    state: integer(row, 3),
    wait: {
      rank: integer(row, 4),
      dueAt: integer(row, 5),
      firstAt: integer(row, 6),
      eventAt: optionalInteger(row, 7),
    },
    gen: integer(row, 8),
    attempt: integer(row, 9),
    losses: integer(row, 10),
    token: optionalInteger(row, 11),
    leasedAt: optionalInteger(row, 12),
    expiresAt: optionalInteger(row, 13),
    failures: optionalText(row, 14),
    next:
      nextRank === undefined
        ? undefined
        : {
            rank: nextRank,
            dueAt: integer(row, 16),
            firstAt: integer(row, 17),
            eventAt: optionalInteger(row, 18),
          },
  };
}
