import type { AccountTable } from "./account-table.ts";
import { type Database, integer, type Statement } from "./database.ts";
import type { Step } from "./step.ts";

/** Rows looked at in one go: some 2 ms, so that no delivery notices. */
const CHUNK_ROWS = 1_000;
/** Pause between goes when there was little to do. */
const IDLE_MS = 1_000;
/** Pause between goes while there is more: up to 10,000 rows a second, above any rate that arrives. */
const BUSY_MS = 100;
/** How long a deleted account is remembered: longer than the CRM's recycle bin (60 days) keeps it. */
const TOMBSTONE_MS = 90 * 86_400_000;

/** How long settled events are kept. */
export interface Retention {
  readonly dedupWindowMs: number;
  readonly historyMs: number;
  /** Event rows kept at most. Beyond it history ends early; the dedup window and unsettled events are never cut. */
  readonly historyRows: number;
}

/** Deletes old history, a bounded piece at a time, in the transactions of other steps. */
export class Pruning {
  readonly #accounts: AccountTable;
  readonly #retention: Retention;
  readonly #chunk: Statement;
  readonly #remove: Statement;
  /** Rows up to this one were looked at: what is left of them is unsettled or dead, and looked at in the next round. */
  #position = 0;
  #nextAt = 0;

  constructor(database: Database, accounts: AccountTable, retention: Retention) {
    this.#accounts = accounts;
    this.#retention = retention;
    this.#chunk = database.prepare(
      `SELECT max(seq), count(*), min(received_at) FROM (SELECT seq, received_at FROM reasons WHERE seq > ? ORDER BY seq LIMIT ${CHUNK_ROWS})`,
    );
    this.#remove = database.prepare(
      "DELETE FROM reasons WHERE seq > ? AND seq <= ? AND job_id IS NULL AND settled_at < ? AND received_at < ?",
    );
  }

  /** Prunes a piece if it is time. */
  prune(step: Step): void {
    // On both sides, so that a clock that was set back does not stop the pruning.
    if (step.now < this.#nextAt && step.now > this.#nextAt - 2 * IDLE_MS) return;
    const isBusy = this.#pruneReasons(step);
    step.totals.accounts.removed -= this.#accounts.removeTombstones(step.now - TOMBSTONE_MS, CHUNK_ROWS);
    this.#nextAt = step.now + (isBusy ? BUSY_MS : IDLE_MS);
  }

  #pruneReasons(step: Step): boolean {
    const { dedupWindowMs, historyMs, historyRows } = this.#retention;
    const isOverfull = step.totals.reasonRows > historyRows;
    const cutoff = step.now - (isOverfull ? dedupWindowMs : Math.max(dedupWindowMs, historyMs));
    const row = this.#chunk.get(this.#position) ?? [];
    const rows = integer(row, 1);
    if (rows === 0 || integer(row, 2) >= cutoff) {
      // The rest is younger: begin anew.
      this.#position = 0;
      return false;
    }
    const end = integer(row, 0);
    step.totals.reasonRows -= Number(this.#remove.run(this.#position, end, cutoff, cutoff).changes);
    this.#position = end;
    return rows === CHUNK_ROWS;
  }
}
