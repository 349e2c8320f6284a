import { type Lane, LEASE_REASONS_MAX, type Lease, RANKS } from "../../queue/queue.ts";
import { rankOf } from "./codes.ts";
import { bury } from "./dead-letters.ts";
import type { Job } from "./job-table.ts";
import { mergedWait } from "./joining.ts";
import type { QueueTables } from "./queue-tables.ts";
import type { Step } from "./step.ts";

/** Leases in a row that may end without a settle; then the job is set aside (docs/decisions/0006). */
const LOSSES_MAX = 10;
/**
 * From this many losses on a job waits before it is claimed again, twice as long each time: a process that is killed over and
 * over then kills no innocent job often enough to set it aside.
 */
const LOSSES_DELAYED = 3;
const LOSS_DELAY_MS = 1_000;
const LOSS_DELAY_MS_MAX = 30_000;
/** From this many losses on a job is claimed alone, so that it cannot take its neighbours along. */
const LOSSES_ALONE = 2;

/** What a claim asks for. */
export interface ClaimRequest {
  readonly lane: Lane;
  readonly limit: number;
  readonly leaseMs: number;
}

/** Leases the lane's due jobs, urgent first, oldest due first. */
export function claim(tables: QueueTables, step: Step, request: ClaimRequest): readonly Lease[] {
  reclaim(tables, step, tables.jobs.lapsed(step.now));
  const leases: Lease[] = [];
  for (let rank = 0; rank < RANKS.length && leases.length < request.limit; rank++) {
    const limit = request.limit - leases.length;
    for (const job of tables.jobs.ready(request.lane, rank, { now: step.now, limit })) {
      const isAlone = job.losses >= LOSSES_ALONE;
      if (isAlone && leases.length > 0) return leases;
      leases.push(lease(tables, step, { job, leaseMs: request.leaseMs }));
      if (isAlone) return leases;
    }
  }
  return leases;
}

/** Frees the leases of a process that is gone: those with `token` or an earlier one. */
export function reclaimInherited(tables: QueueTables, step: Step, token: number): void {
  reclaim(tables, step, tables.jobs.inherited(token));
}

function lease(
  tables: QueueTables,
  step: Step,
  { job, leaseMs }: { readonly job: Job; readonly leaseMs: number },
): Lease {
  step.totals.token += 1;
  const token = step.totals.token;
  const expiresAt = step.now + leaseMs;
  tables.jobs.lease(job.id, { token, leasedAt: step.now, expiresAt });
  step.totals.lanes[job.lane].waiting -= 1;
  step.totals.lanes[job.lane].leased += 1;
  const reasons = tables.reasons.newest({ jobId: job.id, gen: job.gen });
  return {
    lane: job.lane,
    key: job.key,
    jobId: String(job.id),
    token,
    attempt: job.attempt + 1,
    rank: rankOf(job.wait.rank),
    expiresAt,
    oldestReceivedAt: job.wait.firstAt,
    reasons,
    // A waiting job holds no reason of a later run.
    reasonCount: reasons.length < LEASE_REASONS_MAX ? reasons.length : tables.reasons.countHeld(job.id),
  };
}

/** A lost worker spends no attempt: it counts as a loss, and too many of those make a dead letter. */
function reclaim(tables: QueueTables, step: Step, lost: readonly Job[]): void {
  for (const job of lost) {
    step.count(`leases_lost:${job.lane}`);
    const losses = job.losses + 1;
    if (losses >= LOSSES_MAX) {
      bury(tables, step, {
        job,
        failure: { code: "WORKER_LOST", message: `${losses} workers in a row ended before they settled this job` },
      });
      continue;
    }
    tables.jobs.putBack(job.id, {
      wait: mergedWait(job.wait, job.next, Math.min(job.wait.dueAt, step.now) + lossDelayMs(losses)),
      gen: job.next === undefined ? job.gen : job.gen + 1,
      attempt: job.attempt - 1,
      losses,
      failures: job.failures,
    });
    step.totals.lanes[job.lane].leased -= 1;
    step.totals.lanes[job.lane].waiting += 1;
    step.touch(job.lane);
  }
}

function lossDelayMs(losses: number): number {
  if (losses < LOSSES_DELAYED) return 0;
  return Math.min(LOSS_DELAY_MS_MAX, LOSS_DELAY_MS * 2 ** (losses - LOSSES_DELAYED));
}
