import type { Lane } from "../../queue/queue.ts";
import type { LaneStats } from "../../queue/queue-view.ts";
import { JOB_LEASED, JOB_WAITING, laneCode } from "./codes.ts";
import { type Database, integer, optionalInteger, type Statement } from "./database.ts";
import type { LaneTotals } from "./totals.ts";

/** The earliest waiting job of each rank: three index seeks, where `rank IN (…)` would read all. */
const EARLIEST = [0, 1, 2]
  .map(
    (rank) =>
      `(SELECT due_at FROM jobs WHERE state = ${JOB_WAITING} AND slot = ?1 AND rank = ${rank} ORDER BY due_at LIMIT 1)`,
  )
  .join(", ");

/** Reads of one lane's present. None of them scans what waits, but for the count of jobs that are not due yet. */
export class LaneFigures {
  readonly #earliest: Statement;
  readonly #delayed: Statement;
  readonly #leased: Statement;
  readonly #firstLapse: Statement;
  readonly #oldestEvent: Statement;

  constructor(database: Database) {
    this.#earliest = database.prepare(`SELECT ${EARLIEST}`);
    this.#delayed = database.prepare(
      `SELECT count(*) FROM jobs WHERE state = ${JOB_WAITING} AND slot = ? AND rank IN (0, 1, 2) AND due_at > ?`,
    );
    this.#leased = database.prepare(
      `SELECT min(leased_at), coalesce(sum(max(0, ? - leased_at)), 0) FROM jobs WHERE state = ${JOB_LEASED} AND slot = ?`,
    );
    this.#firstLapse = database.prepare(
      `SELECT expires_at FROM jobs WHERE state = ${JOB_LEASED} AND slot = ? ORDER BY expires_at LIMIT 1`,
    );
    this.#oldestEvent = database.prepare(
      "SELECT event_at FROM jobs WHERE event_at IS NOT NULL AND slot = ? ORDER BY event_at LIMIT 1",
    );
  }

  /** When the lane's next job falls due, or the first of its leases lapses. */
  nextDue(lane: Lane): number | undefined {
    const due = this.#earliestDue(lane);
    const lapse = this.#firstLapse.get(laneCode(lane));
    if (lapse === undefined) return due;
    return Math.min(integer(lapse, 0), due ?? Number.POSITIVE_INFINITY);
  }

  stats(lane: Lane, totals: LaneTotals, now: number): LaneStats {
    const code = laneCode(lane);
    const delayed = integer(this.#delayed.get(code, now) ?? [], 0);
    const leased = this.#leased.get(now, code) ?? [];
    const oldestEvent = this.#oldestEvent.get(code);
    const oldestLeasedAt = optionalInteger(leased, 0);
    const due = this.#earliestDue(lane);
    return {
      ready: totals.waiting - delayed,
      delayed,
      leased: totals.leased,
      dead: totals.dead,
      unsettled: totals.unsettled,
      ...(oldestEvent === undefined ? {} : { oldestReceivedAt: integer(oldestEvent, 0) }),
      ...(due === undefined || due > now ? {} : { oldestDueAt: due }),
      ...(oldestLeasedAt === undefined ? {} : { oldestLeasedAt }),
      unfinishedMs: integer(leased, 1),
    };
  }

  #earliestDue(lane: Lane): number | undefined {
    const row = this.#earliest.get(laneCode(lane)) ?? [];
    const times = row.filter((cell) => typeof cell === "number");
    return times.length === 0 ? undefined : Math.min(...times);
  }
}
