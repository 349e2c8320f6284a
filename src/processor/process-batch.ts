import { asFault, Fault } from "../faults.ts";
import type { LedgerWritten } from "../memory/ledger.ts";
import { keepLeases, LEASE_LOST } from "../queue/lease-keeper.ts";
import type { Lane, Lease, Settled, Settlement } from "../queue/queue.ts";
import { untilAborted } from "../until-aborted.ts";
import type { Attempt, Done } from "./attempt.ts";
import type { Circuits } from "./circuits.ts";
import { displacedJobs } from "./displaced.ts";
import { indexMemory } from "./index-memory.ts";
import { distrustSoon, heldWrites, noteLate, oweWork, repairLate, type SentWrites } from "./late-writes.ts";
import type { StageDeps, WorkRight } from "./processor-deps.ts";
import { reportBatch } from "./report-batch.ts";
import { routeEvents } from "./route-events.ts";
import { settlementFor } from "./settle.ts";
import { storeWaitMs } from "./store-wait.ts";
import { syncAccounts } from "./sync-accounts.ts";

/**
 * Longest that one batch may run. Each call of an adapter ends by itself, and a batch makes a few of them; one that writes its documents one
 * after the other takes `syncHoldMs`, and an index over all documents is built for hours.
 */
const HOLD_MS_MAX: Readonly<Record<Lane, number>> = { route: 600_000, sync: 600_000, index: 7_200_000 };
/** Tries to write the end of a batch while the store is away; some ten seconds, about what a lease has left. */
const STORE_TRIES_MAX = 8;

const STAGES = { route: routeEvents, sync: syncAccounts, index: indexMemory } as const;

/** What a lane's loop works with. */
export interface BatchDeps {
  readonly deps: StageDeps;
  readonly circuits: Circuits;
  /** Aborted at the drain's deadline. */
  readonly signal: AbortSignal;
}

/** Writes how a batch ended: ledger and settlements in one turn, so that they share a commit. Never rejects. */
export type Finish = () => Promise<void>;

/**
 * Runs one attempt at each claimed job. What it returns then writes the end; the caller may claim the next batch in the
 * same turn, which saves a commit. Never rejects.
 */
export async function processBatch(batch: BatchDeps, lane: Lane, leases: readonly Lease[]): Promise<Finish> {
  const { deps, signal } = batch;
  const startedAt = deps.clock.now();
  const holdMsMax = (lane === "sync" ? deps.options.syncHoldMs : undefined) ?? HOLD_MS_MAX[lane];
  const keeper = keepLeases(deps, leases, { leaseMs: deps.options.leaseMs, holdMsMax, signal });
  const sent: SentWrites = new Map();
  const right = { signal: keeper.signal, mustHold: () => keeper.mustHold(), sent };
  const attempts = await attemptAll(deps, leases, { lane, right });
  return async () => {
    try {
      const settlements = attempts.map((attempt) => settlementFor(deps, batch.circuits, attempt));
      const settled = await writeEnd(batch, { attempts, settlements, sent });
      reportBatch(deps, { lane, attempts, settlements, settled, startedAt });
    } catch (error) {
      // The leases expire and the jobs run again: the ledger's intents make that safe.
      const fault = asFault(error, "settling a batch");
      deps.counters.add({ [`faults:${fault.code}`]: 1 });
      const level = fault.code === "UNEXPECTED" ? "error" : "warn";
      deps.log[level]({ lane, jobs: leases.length, error: fault }, "batch not settled");
    }
    keeper.stop();
    await repair(batch, sent);
  };
}

/** Sees to the writes that no lease is known to have outlasted, and to what else is owed. Rejects never. */
async function repair({ deps, signal }: BatchDeps, sent: SentWrites): Promise<void> {
  await noteLate(deps, sent, signal);
  try {
    await repairLate(deps);
  } catch (error) {
    // They stay noted: the next claim tells the store of them first.
    const fault = asFault(error, "repairing late writes");
    deps.counters.add({ [`faults:${fault.code}`]: 1 });
    deps.log.warn({ accounts: sent.size, error: fault }, "late writes not repaired yet");
  }
}

/**
 * Runs the stage. A fault of the whole batch that no outage explains may be one job's doing: the batch is tried in
 * halves until that job stands alone, so that its neighbours do not pay for it.
 */
async function attemptAll(
  deps: StageDeps,
  leases: readonly Lease[],
  context: { readonly lane: Lane; readonly right: WorkRight },
): Promise<readonly Attempt[]> {
  const { lane, right } = context;
  try {
    return await untilAborted(runStage(deps, leases, context), right.signal);
  } catch (error) {
    const isStopped = right.signal.aborted || error === LEASE_LOST;
    if (isStopped && !(right.signal.reason instanceof Fault)) {
      return leases.map((lease) => ({ outcome: "interrupted", lease }));
    }
    const fault = asFault(isStopped ? right.signal.reason : error, `working on the ${lane} lane`);
    if (isStopped || fault.retry === "pause" || leases.length === 1) {
      return leases.map((lease) => ({ outcome: "failed", lease, fault }));
    }
    const middle = leases.length >> 1;
    const first = await attemptAll(deps, leases.slice(0, middle), context);
    return [...first, ...(await attemptAll(deps, leases.slice(middle), context))];
  }
}

async function runStage(
  deps: StageDeps,
  leases: readonly Lease[],
  { lane, right }: { readonly lane: Lane; readonly right: WorkRight },
): Promise<readonly Attempt[]> {
  // Throws where the ledger speaks of another memory: an index run of ours must not answer for that one's documents. A sync asks by itself.
  if (lane === "index") await deps.knowsSink?.();
  return STAGES[lane](deps, leases, right);
}

/**
 * Writes all in one turn. The displaced are queued first and are not fenced: an extra sync or lookup costs little, while a
 * move or an end that is in the ledger without them would leave another account stale. What the ledger finds displaced beyond that (its
 * owner changed meanwhile), and what the store does not take now, is owed.
 */
async function writeEnd(
  batch: BatchDeps,
  end: {
    readonly attempts: readonly Attempt[];
    readonly settlements: readonly Settlement[];
    readonly sent: SentWrites;
  },
): Promise<readonly Settled[]> {
  const { attempts, settlements, sent } = end;
  const { deps } = batch;
  const recording = attempts.filter(isRecording);
  const displaced = attempts.flatMap((attempt) => (attempt.outcome === "done" ? (attempt.displaced ?? []) : []));
  const hasHeld = heldWrites(sent);
  const queueing = once(async () => (displaced.length === 0 ? undefined : deps.queue.enqueue(displaced)));
  const parts = [
    once(() => recordAll(deps, recording, hasHeld)),
    once(async () => {
      const settled = await deps.queue.settle(settlements);
      for (const [index, { lease }] of attempts.entries()) if (settled[index] === "settled") hasHeld(lease);
      return settled;
    }),
    // Behind the record: whoever takes the ledger from then on finds what is recorded now.
    once(async () => recording.length > 0 && (await isAnothers(deps))),
  ] as const;
  let areQueued = false;
  try {
    // All parts together, also when repeated: a settle that overtakes its record would make the record stale.
    const [, settled, isLost] = await insist(batch, async () => {
      const queued = queueing();
      const done = [parts[0](), parts[1](), parts[2]()] as const;
      const [answer] = await Promise.allSettled([queued, ...done]);
      areQueued = answer.status === "fulfilled";
      return Promise.all(done);
    });
    if (isLost) distrustSoon(deps.late, recording.map(subjectOf), "recorded for another memory");
    return settled;
  } finally {
    if (!areQueued) oweWork(deps.late, displaced);
  }
}

async function recordAll(
  deps: StageDeps,
  recording: readonly Recording[],
  hasHeld: (lease: Lease) => void,
): Promise<void> {
  if (recording.length === 0) return;
  const written = await deps.ledger.record(recording.map((attempt) => attempt.record));
  for (const [index, attempt] of recording.entries()) {
    if (written[index]?.outcome === "written") hasHeld(attempt.lease);
    oweWork(deps.late, lateDisplaced(attempt, written[index]));
  }
}

/** True when the ledger has passed to another memory, of which nothing that was recorded for ours is true. */
async function isAnothers({ knowsSink }: StageDeps): Promise<boolean> {
  try {
    await knowsSink?.();
    return false;
  } catch (error) {
    if (error instanceof Fault && error.code === "SINK_MISMATCH") return true;
    throw error;
  }
}

function lateDisplaced(attempt: Done, written: LedgerWritten | undefined) {
  if (written?.outcome !== "written") return [];
  const queued = new Set(attempt.displaced?.map((job) => job.key));
  return displacedJobs(
    attempt.lease,
    written.displaced.filter((account) => !queued.has(account)),
  );
}

/**
 * Repeats a write while the store is away. It may have been done and its answer lost: work queued twice joins, and a record or
 * settlement done twice is stale, which costs a write of the sink more (late-writes.ts). Bounded.
 */
async function insist<Value>({ deps, signal }: BatchDeps, write: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      const isAway = error instanceof Fault && error.code === "STORE_UNAVAILABLE";
      if (!isAway || tries >= STORE_TRIES_MAX || signal.aborted) throw error;
      await deps.clock.sleep(storeWaitMs(tries, deps.random), signal).catch(() => undefined); // a drain: one last try, at once
    }
  }
}

/** A write that is not repeated after it succeeded. */
function once<Value>(write: () => Promise<Value>): () => Promise<Value> {
  let last: Promise<Value> | undefined;
  return () => {
    last ??= write().catch((error: unknown) => {
      last = undefined;
      throw error;
    });
    return last;
  };
}

type Recording = Done & Required<Pick<Done, "record">>;

function isRecording(attempt: Attempt): attempt is Recording {
  return attempt.outcome === "done" && attempt.record !== undefined;
}

function subjectOf({ lease, record: { account } }: Recording) {
  return { lease, account };
}
