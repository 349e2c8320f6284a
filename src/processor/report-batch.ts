import type { AccountKey } from "../account.ts";
import type { Lane, Lease, Settled, Settlement } from "../queue/queue.ts";
import type { Attempt, Deed, Done } from "./attempt.ts";
import type { StageDeps } from "./processor-deps.ts";

/** Writes remembered until they are searchable; beyond it the oldest goes unmeasured. */
const UNINDEXED_MAX = 10_000;

/** Counter of each deed; a deed without one is counted by the queue alone. */
const DEED_COUNTERS: Readonly<Partial<Record<Deed, string>>> = {
  written: "syncs_written",
  unchanged: "syncs_unchanged",
  removed: "syncs_removed",
  no_account: "events_without_account",
};

/** A batch that has been settled. Lists run in parallel, one place per job. */
export interface EndedBatch {
  readonly lane: Lane;
  readonly attempts: readonly Attempt[];
  readonly settlements: readonly Settlement[];
  readonly settled: readonly Settled[];
  readonly startedAt: number;
}

/** Counts, measures and logs what became of a batch. */
export function reportBatch(deps: StageDeps, batch: EndedBatch): void {
  const { lane, attempts, settlements, settled } = batch;
  const now = deps.clock.now();
  const durationMs = now - batch.startedAt;
  const deltas: Record<string, number> = {};
  const count = (name: string, delta = 1) => {
    deltas[name] = (deltas[name] ?? 0) + delta;
  };
  attempts.forEach((attempt, index) => {
    const verb = settlements[index]?.verb ?? "release";
    const isStale = settled[index] === "stale";
    if (attempt.outcome === "failed") count(`faults:${attempt.fault.code}`);
    if (isStale) count(`leases_stale:${lane}`);
    else if (verb !== "release") {
      count(`attempts:${lane}`);
      if (verb === "retry" || verb === "dead") deps.tally.failed += 1;
      else {
        deps.tally.succeeded += 1;
        deps.tally.lastSuccessAt = now;
      }
    }
    if (lane === "sync" && (verb === "retry" || verb === "dead") && !isStale) count("syncs_failed");
    if (attempt.outcome === "done" && !isStale) {
      const counter = DEED_COUNTERS[attempt.deed];
      if (counter !== undefined) count(counter, attempt.deed === "no_account" ? eventsOf(attempt.lease) : 1);
      measure(deps, attempt, now);
    }
    if (deps.tally.damaged.learn(attempt, now)) logDamaged(deps, attempt);
    logAttempt(deps, batch, index);
  });
  deps.observe?.("attempt_duration", durationMs);
  deps.counters.add(deltas);
}

/** Events that a run answers; memhook's own reasons are none. */
function eventsOf({ reasons, reasonCount }: Lease): number {
  return reasonCount - reasons.filter(({ eventId }) => eventId === undefined).length;
}

function measure(deps: StageDeps, attempt: Done, now: number): void {
  const { lease, deed, record, changedAt } = attempt;
  if (lease.lane !== "sync") return;
  if (lease.reasons.some((reason) => reason.eventId !== undefined)) {
    deps.observe?.("sync_lag", Math.max(0, now - lease.oldestReceivedAt));
  }
  if (deed !== "written" || record === undefined || changedAt === undefined) return;
  if (record.isIndexed) deps.observe?.("freshness", Math.max(0, now - changedAt));
  else rememberUnindexed(deps.unindexed, record.account, changedAt);
}

function rememberUnindexed(unindexed: Map<AccountKey, number>, account: AccountKey, changedAt: number): void {
  if (unindexed.size >= UNINDEXED_MAX) {
    for (const oldest of unindexed.keys()) {
      unindexed.delete(oldest);
      break;
    }
  }
  unindexed.set(account, changedAt);
}

/** Once each time: it is tried again every minute. */
function logDamaged(deps: StageDeps, attempt: Attempt): void {
  const error = attempt.outcome === "failed" ? { error: attempt.fault } : {};
  deps.log.error(
    { key: attempt.lease.key, ...error },
    "an account's part of the sink is damaged: a person must mend it",
  );
}

/** One wide line per attempt. A dead letter is for a person to look at; everything else heals itself. */
function logAttempt(deps: StageDeps, batch: EndedBatch, index: number): void {
  const attempt = batch.attempts[index];
  const settlement = batch.settlements[index];
  if (attempt === undefined || settlement === undefined) return;
  const isDead = settlement.verb === "dead";
  const isBug = attempt.outcome === "failed" && attempt.fault.code === "UNEXPECTED";
  if (!isDead && !isBug && !deps.log.isDebug) return;

  const { lease } = attempt;
  const fields = {
    lane: batch.lane,
    key: lease.key,
    jobId: lease.jobId,
    eventIds: lease.reasons.flatMap((reason) => reason.eventId ?? []).slice(-3),
    events: lease.reasonCount,
    attempt: lease.attempt,
    attemptsMax: deps.options.attemptsMax,
    outcome: attempt.outcome === "done" ? attempt.deed : attempt.outcome,
    durationMs: deps.clock.now() - batch.startedAt,
    next: batch.settled[index] === "stale" ? "stale" : settlement.verb,
    ...("dueAt" in settlement && settlement.dueAt !== undefined ? { dueAt: settlement.dueAt } : {}),
    ...(attempt.outcome === "failed" ? { error: attempt.fault } : {}),
  };
  if (isDead) deps.log.error(fields, "dead letter");
  else if (isBug) deps.log.error(fields, "attempt failed by a bug");
  else deps.log.debug(fields, "attempt");
}
