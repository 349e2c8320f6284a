import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Lane } from "../../queue/queue.ts";
import { type Database, integer, isStoreTrouble, type Statement, storeFault } from "./database.ts";
import type { Step } from "./step.ts";
import type { Totals, TotalsTable } from "./totals.ts";

/** Most steps in one transaction: some 10 ms of work, so that neither the event loop nor a command beside us waits long. */
const STEPS_MAX = 1_000;

/** What the transaction needs around its steps. */
export interface GroupCommitDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly totals: TotalsTable;
  /** Runs first in each transaction: puts deadlines right after the clock was set back. */
  readonly followClock: (now: number, totals: Totals) => void;
  /** Runs last: pruning and the like. */
  readonly keepHouse: (step: Step) => void;
  /** Writes the step's counts, and those added outside of steps, into the transaction. */
  readonly writeCounts: (counts: ReadonlyMap<string, number>) => void;
  /** Told after the transaction is durable. */
  readonly onCommitted: (step: Step, touched: ReadonlySet<Lane>) => void;
}

interface Entry {
  readonly work: (step: Step) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly isSynced: boolean;
  result: unknown;
}

/**
 * Runs all steps asked for in one turn of the event loop inside one transaction, with one fsync for all that need it.
 * A step either happened, or its promise is rejected and nothing of it happened.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  readonly #changes: Statement;
  #pending: Entry[] = [];
  #isScheduled = false;
  #isClosed = false;
  /** What `PRAGMA synchronous` is set to: FULL (the database was opened so) or NORMAL. */
  #isFull = true;

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
    this.#changes = deps.database.prepare("SELECT total_changes()");
  }

  /**
   * Queues a step that is fsynced before its promise resolves. It must be synchronous and must not keep state outside of the
   * store that a rollback would not undo, as it may run twice.
   */
  run<T>(work: (step: Step) => T): Promise<T> {
    return this.#queue(work, true);
  }

  /**
   * The same without waiting for the disk: survives any end of the process, but not a power cut. For steps of work that is
   * done again when they are lost (claims, settles, the ledger): the event itself was fsynced, and its sync is idempotent.
   */
  runUnsynced<T>(work: (step: Step) => T): Promise<T> {
    return this.#queue(work, false);
  }

  #queue<T>(work: (step: Step) => T, isSynced: boolean): Promise<T> {
    if (this.#isClosed) return Promise.reject(closedFault());
    return new Promise<T>((resolve, reject) => {
      // `resolve` is only ever called with what `work` of the same entry returned, hence with a T.
      this.#pending.push({ work, resolve: resolve as (result: unknown) => void, reject, isSynced, result: undefined });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Runs a step at once, in a transaction of its own. For starts and the like; steps of the running service use `run`. */
  runNow(work: (step: Step) => void): void {
    if (this.#isClosed) throw closedFault();
    let failure: unknown;
    const reject = (error: unknown) => {
      failure = error;
    };
    this.#commit([{ work, resolve: () => undefined, reject, isSynced: true, result: undefined }]);
    if (failure !== undefined) throw failure;
  }

  /** Reads what is committed, all of it at one instant. */
  async read<T>(work: () => T): Promise<T> {
    if (this.#isClosed) throw closedFault();
    const { database } = this.#deps;
    try {
      // One snapshot, and one lock for all statements instead of one for each (7 µs).
      database.exec("BEGIN");
      const result = work();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw storeFault(error, "reading the store");
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Runs what is queued, and refuses everything after it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    while (this.#pending.length > 0) this.#commit(this.#pending.splice(0, STEPS_MAX));
    this.#commit([]); // Counts added since the last step.
  }

  #flush(): void {
    this.#isScheduled = false;
    const batch = this.#pending.splice(0, STEPS_MAX);
    if (this.#pending.length > 0) {
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    }
    if (batch.length > 0) this.#commit(batch);
  }

  /** One transaction. A step that trips on a bug is taken out and the others run again, so it fails alone. */
  #commit(batch: Entry[]): void {
    for (;;) {
      let current: Entry | undefined;
      try {
        this.#setFull(batch.some(({ isSynced }) => isSynced));
        const { step, touched } = this.#transact((step) => {
          for (current of batch) current.result = current.work(step);
          current = undefined;
        });
        for (const entry of batch) entry.resolve(entry.result);
        this.#deps.onCommitted(step, touched);
        return;
      } catch (error) {
        this.#rollBack();
        if (current === undefined || isStoreTrouble(error)) {
          const fault = storeFault(error, "writing the store");
          for (const entry of batch) entry.reject(fault);
          return;
        }
        current.reject(error);
        batch = batch.filter((entry) => entry !== current);
      }
    }
  }

  #transact(work: (step: Step) => void): { readonly step: Step; readonly touched: ReadonlySet<Lane> } {
    const { database, clock, totals: table } = this.#deps;
    database.exec("BEGIN IMMEDIATE");
    const now = clock.now();
    const totals = table.load();
    const counts = new Map<string, number>();
    const touched = new Set<Lane>();
    const changesBefore = this.#totalChanges();
    this.#deps.followClock(now, totals);
    const step: Step = {
      now,
      totals,
      committedSeq: totals.reasonSeq,
      count: (name, delta = 1) => counts.set(name, (counts.get(name) ?? 0) + delta),
      touch: (lane) => touched.add(lane),
    };
    work(step);
    this.#deps.keepHouse(step);
    this.#deps.writeCounts(counts);
    // A step that found nothing to do costs no write and no fsync.
    if (this.#totalChanges() > changesBefore) table.save(totals);
    database.exec("COMMIT");
    return { step, touched };
  }

  /** Outside of a transaction, as SQLite wants it. An fsync covers all that was written before it, too. */
  #setFull(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#deps.database.exec(isFull ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    this.#isFull = isFull;
  }

  #totalChanges(): number {
    return integer(this.#changes.get() ?? [], 0);
  }

  #rollBack(): void {
    try {
      if (this.#deps.database.isInTransaction) this.#deps.database.exec("ROLLBACK");
    } catch (error) {
      // SQLite rolled back by itself (disk full); any other error would be a bug.
      if (!isStoreTrouble(error)) throw error;
    }
  }
}

function closedFault(): Fault {
  return new Fault("STORE_UNAVAILABLE", "using the engine after it was closed");
}
