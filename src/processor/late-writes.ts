import type { AccountKey } from "../account.ts";
import { asFault, type Fault } from "../faults.ts";
import type { Lease, NewJob } from "../queue/queue.ts";
import { syncJob } from "./attempt.ts";
import type { StageDeps } from "./processor-deps.ts";

/** How long a batch waits for its late writes to end: as long as a lease lives. Adapters end their calls soon after an abort; what outlasts this hangs. */
const LATE_MS_MAX = 30_000;
/** Owed work beyond which nobody claims: some MB. */
const OWED_MAX = 10_000;
/** Jobs queued in one step: some 20 ms of an engine's time. */
const PAGE = 500;

/** A write that was sent to the sink for one account. */
interface SentWrite {
  readonly account: AccountKey;
  readonly lease: Lease;
  /** Settles when the sink has answered or was given up. */
  readonly call: Promise<unknown>;
  hasEnded: boolean;
}

/** What a batch has sent to the sink, by job. */
export type SentWrites = Map<string, SentWrite>;

/** Work that this process owes to the store. */
interface OwedWork {
  readonly job: NewJob;
  /** An account that this process may have written after it lost the right to: the ledger is told before the work is queued. */
  readonly distrust?: AccountKey;
  /** The store did not take it yet, and the log says so. */
  readonly isTold?: boolean;
}

/**
 * What this process owes to the store, by what it is about: syncs of accounts that it may have written too late, and
 * displaced work that the store did not take (a Redis at its maxmemory takes none). At most OWED_MAX, and what the batches under way add.
 */
export type LateWrites = Map<string, OwedWork>;

/** What telling the store of owed work needs. */
type RepairDeps = Pick<StageDeps, "late" | "ledger" | "queue" | "counters" | "log">;

/** Remembers a call of the sink, in the turn that makes it. */
export function noteSent(
  sent: SentWrites,
  subjects: readonly Pick<SentWrite, "account" | "lease">[],
  call: Promise<unknown>,
): void {
  for (const { account, lease } of subjects) {
    const write: SentWrite = { account, lease, call, hasEnded: false };
    sent.set(lease.jobId, write);
    const end = () => {
      write.hasEnded = true;
    };
    call.then(end, end);
  }
}

/**
 * Returns what is to be told of each lease that is known to have held: its write is then no late one. Made before the store is asked, as
 * a write that ends while the answer is on its way may have come after the lease had passed to another.
 */
export function heldWrites(sent: SentWrites): (lease: Lease) => void {
  const ended = new Set([...sent].filter(([, { hasEnded }]) => hasEnded).map(([jobId]) => jobId));
  return ({ jobId }) => {
    if (ended.has(jobId)) sent.delete(jobId);
  };
}

/**
 * Notes the writes that may have come too late. No check keeps a worker that is stopped right before the sink from putting
 * an older document over a newer one, of which the ledger then knows only the newer. Waits until they have ended, within a bound and
 * until the signal is aborted: what is written before that could still be overwritten. One that ends later is noted once more.
 */
export async function noteLate(
  { late, clock }: Pick<StageDeps, "late" | "clock">,
  sent: SentWrites,
  signal: AbortSignal,
): Promise<void> {
  if (sent.size === 0) return;
  const writes = [...sent.values()];
  const done = new AbortController();
  const bound = clock.sleep(LATE_MS_MAX, AbortSignal.any([signal, done.signal])).catch(() => undefined); // A drain, or all have ended.
  await Promise.race([Promise.allSettled(writes.map(({ call }) => call)), bound]);
  done.abort();
  for (const write of writes) {
    const note = () => distrustSoon(late, [write], "written too late");
    note();
    if (!write.hasEnded) write.call.then(note, note);
  }
}

/** Notes accounts of which the ledger may now say what is not so: they are to be written anew. */
export function distrustSoon(
  late: LateWrites,
  subjects: readonly Pick<SentWrite, "account" | "lease">[],
  note: string,
): void {
  for (const { account, lease } of subjects) {
    late.set(`account ${account}`, { job: syncJob(lease, account, note), distrust: account });
  }
}

/** Notes work that is to be queued as soon as the store takes it. */
export function oweWork(late: LateWrites, jobs: readonly NewJob[]): void {
  for (const job of jobs) late.set(`${job.lane} ${job.key}`, { job });
}

/**
 * Tells the store what is owed to it: has the noted accounts written anew, whatever the ledger says, and queues the displaced. Throws a
 * Fault (STORE_UNAVAILABLE) when the ledger cannot be told or too much is owed: then nobody may claim. What is merely not queued
 * yet stays noted; the ledger protects its accounts meanwhile, and claims go on, as it is their ends that make room.
 */
export async function repairLate(deps: RepairDeps): Promise<void> {
  if (deps.late.size === 0) return;
  await tellLedger(deps);
  try {
    await queueOwed(deps);
  } catch (error) {
    const fault = asFault(error, "queueing owed work");
    if (fault.code !== "STORE_UNAVAILABLE" || deps.late.size > OWED_MAX) throw fault;
    deps.counters.add({ [`faults:${fault.code}`]: 1 });
    tellRefusal(deps, fault);
  }
}

async function tellLedger({ late, ledger, log }: RepairDeps): Promise<void> {
  const noted = [...late].flatMap(([name, { job, distrust }]) =>
    distrust === undefined ? [] : [{ name, job, distrust }],
  );
  if (noted.length === 0) return;
  const seen = noted.map(({ name }) => late.get(name));
  const accounts = noted.map(({ distrust }) => distrust);
  await ledger.distrust(accounts);
  // What was noted anew meanwhile has to be told again.
  for (const [index, { name, job }] of noted.entries()) if (late.get(name) === seen[index]) late.set(name, { job });
  log.warn({ accounts }, "perhaps written after the right to was lost: to be written anew");
}

/** Behind the telling of the ledger: a sync that ended in between would have believed it. */
async function queueOwed({ late, queue }: RepairDeps): Promise<void> {
  const owed = [...late].filter(([, { distrust }]) => distrust === undefined);
  for (let from = 0; from < owed.length; from += PAGE) {
    const page = owed.slice(from, from + PAGE);
    await queue.enqueue(page.map(([, { job }]) => job));
    for (const [name, work] of page) if (late.get(name) === work) late.delete(name);
  }
}

/** Once for what is new, not at every claim of what may be hours. */
function tellRefusal({ late, log }: RepairDeps, fault: Fault): void {
  const untold = [...late].filter(([, { isTold }]) => isTold !== true);
  if (untold.length === 0) return;
  for (const [name, work] of untold) late.set(name, { ...work, isTold: true });
  log.warn({ jobs: untold.length, error: fault }, "the store takes no new work: kept until it does");
}
