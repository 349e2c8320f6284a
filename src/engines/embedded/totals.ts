import type { LedgerState } from "../../memory/ledger.ts";
import type { Lane } from "../../queue/queue.ts";
import { type Database, integer } from "./database.ts";

/** Figures of one lane, kept and not counted. `unsettled` counts reasons, the others jobs. */
export interface LaneTotals {
  waiting: number;
  leased: number;
  dead: number;
  unsettled: number;
}

/** The store's one-row summary and sequences: read when a step begins, written when it ends. */
export interface Totals {
  /** Latest time that a step saw, to notice a clock that was set back. */
  clockAt: number;
  /** Last fencing token given out. */
  token: number;
  /** Last job id given out. */
  jobId: number;
  /** Last number given to a reason; arrival order. */
  reasonSeq: number;
  /** Rows of reasons, settled ones included. */
  reasonRows: number;
  /** Unsettled events that deliveries brought. */
  events: number;
  readonly lanes: Readonly<Record<Lane, LaneTotals>>;
  readonly accounts: Record<LedgerState, number>;
}

/** Reads and writes the totals. */
export interface TotalsTable {
  load(): Totals;
  save(totals: Totals): void;
}

const COLUMNS = [
  "clock_at",
  "token",
  "job_id",
  "reason_seq",
  "reason_rows",
  "events",
  ...["route", "sync", "index"].flatMap((lane) =>
    ["waiting", "leased", "dead", "unsettled"].map((figure) => `${lane}_${figure}`),
  ),
  ...["intended", "stored", "indexed", "removing", "removed"],
];

/** Opens the totals of a database. */
export function openTotals(database: Database): TotalsTable {
  const select = database.prepare(`SELECT ${COLUMNS.join(", ")} FROM totals WHERE id = 1`);
  const update = database.prepare(`UPDATE totals SET ${COLUMNS.map((column) => `${column} = ?`).join(", ")}`);
  return {
    load: () => {
      const row = select.get() ?? [];
      const lane = (at: number): LaneTotals => ({
        waiting: integer(row, at),
        leased: integer(row, at + 1),
        dead: integer(row, at + 2),
        unsettled: integer(row, at + 3),
      });
      return {
        clockAt: integer(row, 0),
        token: integer(row, 1),
        jobId: integer(row, 2),
        reasonSeq: integer(row, 3),
        reasonRows: integer(row, 4),
        events: integer(row, 5),
        lanes: { route: lane(6), sync: lane(10), index: lane(14) },
        accounts: {
          intended: integer(row, 18),
          stored: integer(row, 19),
          indexed: integer(row, 20),
          removing: integer(row, 21),
          removed: integer(row, 22),
        },
      };
    },
    save: ({ clockAt, token, jobId, reasonSeq, reasonRows, events, lanes, accounts }) => {
      const figures = (lane: LaneTotals) => [lane.waiting, lane.leased, lane.dead, lane.unsettled];
      update.run(
        ...[
          clockAt,
          token,
          jobId,
          reasonSeq,
          reasonRows,
          events,
          ...figures(lanes.route),
          ...figures(lanes.sync),
          ...figures(lanes.index),
        ],
        ...[accounts.intended, accounts.stored, accounts.indexed, accounts.removing, accounts.removed],
      );
    },
  };
}
