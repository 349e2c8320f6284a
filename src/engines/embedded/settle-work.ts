import { assert, unreachable } from "../../assert.ts";
import { addFailure } from "../../queue/failures.ts";
import type { Lease, NewJob, Settled, Settlement } from "../../queue/queue.ts";
import { enqueue, hold } from "./add-work.ts";
import { JOB_LEASED, rankCode } from "./codes.ts";
import { bury, heal } from "./dead-letters.ts";
import type { Job } from "./job-table.ts";
import { mergedWait } from "./joining.ts";
import type { QueueTables } from "./queue-tables.ts";
import type { Step } from "./step.ts";

/** Ends one lease. All arrows out of the state `leased`, but for the reclaim of a lost one (claim-work.ts), start here. */
export function settle(tables: QueueTables, step: Step, settlement: Settlement): Settled {
  const job = held(tables, step, settlement.lease);
  if (job === undefined) return "stale";
  switch (settlement.verb) {
    case "complete":
      complete(tables, step, job);
      enqueueAll(tables, step, settlement.also);
      break;
    case "pass":
      pass(tables, step, { job, to: settlement.to });
      enqueueAll(tables, step, settlement.also);
      break;
    case "retry":
      putBack(tables, step, {
        job,
        // Something new arrived, so the old backoff says nothing about it.
        dueAt: job.next === undefined ? settlement.dueAt : step.now,
        attempt: job.attempt,
        losses: 0,
        failures: addFailure(job.failures, settlement.failure, { attempt: job.attempt, failedAt: step.now }),
      });
      step.count(`jobs_retried:${job.lane}`);
      break;
    case "release": {
      const { attempt, losses, failures } = job;
      const dueAt = settlement.dueAt ?? step.now;
      putBack(tables, step, {
        ...{ job, losses, failures, attempt: attempt - 1 },
        dueAt: Math.min(dueAt, job.next?.dueAt ?? dueAt),
      });
      step.count(`jobs_released:${job.lane}`);
      break;
    }
    case "dead":
      bury(tables, step, { job, failure: settlement.failure });
      break;
    default:
      unreachable(settlement);
  }
  return "settled";
}

/** Prolongs one lease to now + `leaseMs`. */
export function extend(
  tables: QueueTables,
  step: Step,
  { lease, leaseMs }: { readonly lease: Lease; readonly leaseMs: number },
): Settled {
  const job = held(tables, step, lease);
  if (job === undefined) return "stale";
  tables.jobs.extend(job.id, step.now + leaseMs);
  return "settled";
}

/** The job of a lease that still holds. An expired lease does not, even while nobody has reclaimed it. */
function held(tables: QueueTables, step: Step, lease: Lease): Job | undefined {
  const job = tables.jobs.byId(Number(lease.jobId));
  if (job === undefined || job.state !== JOB_LEASED || job.token !== lease.token) return undefined;
  return (job.expiresAt ?? 0) > step.now ? job : undefined;
}

function complete(tables: QueueTables, step: Step, job: Job): void {
  const holder = { jobId: job.id, gen: job.gen };
  const open = tables.reasons.countOpen(holder);
  const as = { lane: job.lane, key: job.key, now: step.now };
  step.totals.reasonRows -= tables.reasons.settle(holder, open, { as, newestFate: "synced", fate: "superseded" });
  step.totals.lanes[job.lane].unsettled -= open.reasons;
  step.totals.events -= open.events;
  step.count("events_settled", open.events);
  step.count("events_superseded", Math.max(0, open.events - 1));
  tables.rests.begin(job, step.now);
  endRun(tables, step, job);
}

function pass(
  tables: QueueTables,
  step: Step,
  { job, to }: { readonly job: Job; readonly to: Omit<NewJob, "reason"> },
): void {
  assert(to.lane !== job.lane || to.key !== job.key, "events pass on to another job, not to their own");
  const { firstAt, eventAt } = job.wait;
  const target = hold(tables, step, to, { rank: rankCode(to.rank), delayMs: to.delayMs, firstAt, eventAt });
  const from = { jobId: job.id, gen: job.gen };
  const moved = tables.reasons.countOpen(from).reasons;
  tables.reasons.moveOpen(from, target);
  step.totals.lanes[job.lane].unsettled -= moved;
  step.totals.lanes[to.lane].unsettled += moved;
  endRun(tables, step, job);
}

/** After a success: nothing is left of the job, or what joined meanwhile waits with a clean slate. */
function endRun(tables: QueueTables, step: Step, job: Job): void {
  const totals = step.totals.lanes[job.lane];
  heal(tables, step, job);
  totals.leased -= 1;
  step.count(`jobs_completed:${job.lane}`);
  if (job.next === undefined) {
    tables.jobs.remove(job.id);
    return;
  }
  const fresh = { attempt: 0, losses: 0, failures: undefined };
  const isUrgent = job.next.rank === rankCode("urgent");
  const restUntil = isUrgent ? 0 : tables.rests.until(job, step.now);
  const wait = { ...job.next, dueAt: Math.max(job.next.dueAt, restUntil) };
  tables.jobs.putBack(job.id, { wait, gen: job.gen + 1, ...fresh });
  totals.waiting += 1;
  step.touch(job.lane);
}

/** Back to waiting without success. What joined meanwhile is answered by the same next run. */
function putBack(
  tables: QueueTables,
  step: Step,
  back: {
    readonly job: Job;
    readonly dueAt: number;
    readonly attempt: number;
    readonly losses: number;
    readonly failures: string | undefined;
  },
): void {
  const { job, dueAt, attempt, losses, failures } = back;
  const gen = job.next === undefined ? job.gen : job.gen + 1;
  tables.jobs.putBack(job.id, { wait: mergedWait(job.wait, job.next, dueAt), gen, attempt, losses, failures });
  step.totals.lanes[job.lane].leased -= 1;
  step.totals.lanes[job.lane].waiting += 1;
  step.touch(job.lane);
}

function enqueueAll(tables: QueueTables, step: Step, jobs: readonly NewJob[] | undefined): void {
  for (const job of jobs ?? []) enqueue(tables, step, job);
}
