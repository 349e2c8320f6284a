import type { Log } from "../../log.ts";
import { type Engine, type EngineOptions, HISTORY_MS } from "../engine.ts";
import { AccountTable } from "./account-table.ts";
import { ChildrenTable } from "./children-table.ts";
import { reclaimInherited } from "./claim-work.ts";
import { type Database, openDatabase, storeFault } from "./database.ts";
import { DedupMemory } from "./dedup-memory.ts";
import { createChannelStore } from "./embedded-channels.ts";
import { CounterLog, createCounters } from "./embedded-counters.ts";
import { createDuties } from "./embedded-duties.ts";
import { createLedger } from "./embedded-ledger.ts";
import { createQueue } from "./embedded-queue.ts";
import { createQueueView } from "./embedded-queue-view.ts";
import { createSealedStore } from "./embedded-sealed.ts";
import { GroupCommit } from "./group-commit.ts";
import { JobTable } from "./job-table.ts";
import { LaneFigures } from "./lane-figures.ts";
import { Pruning } from "./pruning.ts";
import { ReasonTable } from "./reason-table.ts";
import { RestTimes } from "./rest-times.ts";
import { openTotals, type Totals } from "./totals.ts";
import { WorkSignals } from "./work-signals.ts";
import { WorkerLock } from "./worker-lock.ts";

/** Event rows kept at most, unless they are unsettled or inside the dedup window: some 500 MB. */
const HISTORY_ROWS = 2_000_000;
/** A clock that goes back by less is noise (leap smearing, NTP); deadlines stay. */
const SET_BACK_MS_MIN = 1_000;

/** What an embedded engine is opened with. */
export interface EmbeddedEngineOptions extends EngineOptions {
  /** The store's file; two more come beside it while it is open, and `<path>.lock`. The folder must exist. */
  readonly path: string;
}

/** Opens the store at `path`, made when missing. Throws Fault STORE_UNAVAILABLE or STORE_INVALID. */
export function openEmbeddedEngine(options: EmbeddedEngineOptions): Engine {
  const { path, clock, log } = options;
  const database = openDatabase(path);
  const totals = openTotals(database);
  const reasons = new ReasonTable(database);
  const tables = {
    jobs: new JobTable(database),
    reasons,
    dedup: new DedupMemory(reasons, options.queue.dedupWindowMs),
    rests: new RestTimes(options.queue.restMs ?? 0),
    options: options.queue,
  };
  const accounts = new AccountTable(database);
  const counterLog = new CounterLog(database);
  const figures = new LaneFigures(database);
  const lock = new WorkerLock(`${path}.lock`);
  const closing = new AbortController();
  const signals = new WorkSignals(clock, closing.signal);
  const { dedupWindowMs } = options.queue;
  const pruning = new Pruning(database, accounts, {
    dedupWindowMs,
    historyMs: options.historyMs ?? HISTORY_MS,
    historyRows: options.historyRows ?? HISTORY_ROWS,
  });
  const group = new GroupCommit({
    database,
    clock,
    totals,
    followClock: (now, present) => followClock({ jobs: tables.jobs, log }, now, present),
    keepHouse: (step) => pruning.prune(step),
    writeCounts: (counts) => counterLog.write(counts),
    onCommitted: (step, touched) => {
      tables.dedup.committed(step);
      counterLog.written();
      signals.wake(touched);
    },
  });
  const touch = database.prepare("UPDATE totals SET clock_at = clock_at");
  const close = async () => {
    if (group.isClosed) return;
    closing.abort();
    group.close();
    closeFiles(database, lock);
  };
  return {
    queue: createQueue({ group, tables, figures, signals, lock, close }),
    view: createQueueView({ group, tables, figures, totals, clock }),
    ledger: createLedger({ group, queue: tables, accounts, children: new ChildrenTable(database), totals }),
    counters: createCounters({ counterLog, group, clock, closing: closing.signal }),
    channels: createChannelStore(database, group),
    sealed: createSealedStore(database, group),
    duties: createDuties(group, lock),
    acquireWorkerLock: async () => {
      if (lock.isHeld) return true;
      if (!lock.acquire()) return false;
      // Only the holder claims, so every lease up to now is of a process that is gone.
      group.runNow((step) => reclaimInherited(tables, step, step.totals.token));
      return true;
    },
    prove: () =>
      group.run(() => {
        touch.run();
      }),
    close,
  };
}

/**
 * Deadlines are wall-clock times. When the clock is set back, all of them go back with it, so that neither a job nor a
 * lease is stuck until the clock has caught up.
 */
function followClock({ jobs, log }: { readonly jobs: JobTable; readonly log: Log }, now: number, totals: Totals): void {
  const backMs = totals.clockAt - now;
  if (backMs >= SET_BACK_MS_MIN) {
    log.warn({ backMs }, "the clock was set back; all deadlines go with it");
    jobs.setBack(now, backMs);
  }
  if (backMs >= SET_BACK_MS_MIN || backMs < 0) totals.clockAt = now;
}

function closeFiles(database: Database, lock: WorkerLock): void {
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    throw storeFault(error, "closing the store"); // Nothing is lost: the next start reads the WAL.
  } finally {
    database.close();
    lock.release();
  }
}
