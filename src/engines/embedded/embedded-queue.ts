import { assert } from "../../assert.ts";
import { dedupHash } from "../../queue/event-id.ts";
import type { Queue } from "../../queue/queue.ts";
import { assertSound } from "../../queue/sound-job.ts";
import { deliver, enqueue } from "./add-work.ts";
import { claim } from "./claim-work.ts";
import { isStoreTrouble } from "./database.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { LaneFigures } from "./lane-figures.ts";
import type { QueueTables } from "./queue-tables.ts";
import { extend, settle } from "./settle-work.ts";
import type { WorkSignals } from "./work-signals.ts";
import type { WorkerLock } from "./worker-lock.ts";

/** What the queue works on. */
export interface QueueDeps {
  readonly group: GroupCommit;
  readonly tables: QueueTables;
  readonly figures: LaneFigures;
  readonly signals: WorkSignals;
  readonly lock: WorkerLock;
  readonly close: () => Promise<void>;
}

/** The queue in the engine's store. Each call is one step of the turn's transaction. */
export function createQueue(deps: QueueDeps): Queue {
  const { group, tables, figures, signals, lock } = deps;
  return {
    deliver: async (events, { isAcknowledged = false } = {}) => {
      const hashed = events.map((event) => {
        assertSound(event);
        return { event, hash: event.dedupKey === undefined ? undefined : dedupHash(event.dedupKey) };
      });
      return group.run((step) => deliver(tables, step, { events: hashed, isAcknowledged }));
    },
    enqueue: async (jobs) => {
      for (const job of jobs) assertSound(job);
      return group.run((step) => {
        for (const job of jobs) enqueue(tables, step, job);
      });
    },
    claim: async (request) => {
      assert(lock.isHeld || group.isClosed, "only the process that holds the worker lock claims");
      return group.runUnsynced((step) => claim(tables, step, request));
    },
    extend: (leases, leaseMs) =>
      group.runUnsynced((step) => leases.map((lease) => extend(tables, step, { lease, leaseMs }))),
    settle: (settlements) => group.runUnsynced((step) => settlements.map((one) => settle(tables, step, one))),
    waitForWork: (lane, maxMs, signal) => signals.wait({ lane, maxMs, signal, nextDue: (of) => nextDue(figures, of) }),
    close: deps.close,
  };
}

/** While the store is away nothing is known to be due; the next claim says what is wrong. */
function nextDue(figures: LaneFigures, lane: Parameters<LaneFigures["nextDue"]>[0]): number | undefined {
  try {
    return figures.nextDue(lane);
  } catch (error) {
    if (isStoreTrouble(error)) return undefined;
    throw error;
  }
}
