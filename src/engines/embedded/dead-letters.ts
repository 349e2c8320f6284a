import { addFailure, mergeFailures } from "../../queue/failures.ts";
import type { Failure, JobAddress } from "../../queue/queue.ts";
import { hold } from "./add-work.ts";
import type { Job } from "./job-table.ts";
import type { QueueTables } from "./queue-tables.ts";
import type { Step } from "./step.ts";

/** Every generation: a dead job has no run of its own any more. */
const GEN_ANY = Number.MAX_SAFE_INTEGER;

/** Makes a leased job a dead letter; an older one of its address goes into it. What joined meanwhile gets a fresh job. */
export function bury(
  tables: QueueTables,
  step: Step,
  { job, failure }: { readonly job: Job; readonly failure: Failure },
): void {
  const { lane, key } = job;
  const totals = step.totals.lanes[lane];
  const older = totals.dead > 0 ? tables.jobs.dead(lane, key) : undefined;
  const failures = addFailure(job.failures, failure, { attempt: job.attempt, failedAt: step.now });
  if (older !== undefined) {
    tables.reasons.moveOpen({ jobId: older.id, gen: GEN_ANY }, { jobId: job.id, gen: job.gen });
    tables.jobs.remove(older.id);
  }
  tables.jobs.bury(job.id, {
    failedAt: step.now,
    firstAt: Math.min(job.wait.firstAt, older?.wait.firstAt ?? job.wait.firstAt),
    failures: mergeFailures(older?.failures, failures) ?? failures,
  });
  totals.leased -= 1;
  totals.dead += older === undefined ? 1 : 0;
  if (job.next !== undefined) {
    const { rank, firstAt, eventAt, dueAt } = job.next;
    const fresh = hold(tables, step, job, { rank, firstAt, eventAt, delayMs: Math.max(0, dueAt - step.now) });
    tables.reasons.moveNewer({ jobId: job.id, gen: job.gen }, fresh);
  }
  const killed = tables.reasons.kill({ jobId: job.id, gen: job.gen }, step.now);
  if (older !== undefined) tables.reasons.letGo(job.id, job);
  totals.unsettled -= killed.reasons;
  step.totals.events -= killed.events;
  step.count(`jobs_dead:${lane}`);
  step.count("events_dead", killed.events);
}

/** A success of its address closes a dead letter: what it knew is older than what was written now. */
export function heal(tables: QueueTables, step: Step, { lane, key }: JobAddress): void {
  if (step.totals.lanes[lane].dead === 0) return;
  const dead = tables.jobs.dead(lane, key);
  if (dead === undefined) return;
  const holder = { jobId: dead.id, gen: GEN_ANY };
  const open = tables.reasons.countOpen(holder);
  const as = { lane: dead.lane, key: dead.key, now: step.now };
  const gone = tables.reasons.settle(holder, open, { as, newestFate: "superseded", fate: "superseded" });
  step.totals.reasonRows -= gone;
  remove(tables, step, dead);
  step.count("dead_letters_healed");
  step.count("events_settled", open.events);
  step.count("events_superseded", open.events);
}

/** Puts a dead letter back to ready, or into the live job of its address. Attempts start anew, reasons and failures stay. */
export function redrive(tables: QueueTables, step: Step, dead: Job): void {
  const { lane, key, wait } = dead;
  const holder = { jobId: dead.id, gen: GEN_ANY };
  const open = tables.reasons.countOpen(holder);
  const live = tables.jobs.live(lane, key);
  if (live === undefined) {
    tables.jobs.putBack(dead.id, {
      wait: { ...wait, dueAt: step.now },
      gen: dead.gen,
      attempt: 0,
      losses: 0,
      failures: dead.failures,
    });
    tables.reasons.revive(dead.id, { jobId: dead.id, gen: dead.gen });
    step.totals.lanes[lane].dead -= 1;
    step.totals.lanes[lane].waiting += 1;
    step.touch(lane);
  } else {
    const { rank, firstAt, eventAt } = wait;
    const failures = mergeFailures(dead.failures, live.failures);
    if (failures !== undefined) tables.jobs.setFailures(live.id, failures);
    tables.reasons.revive(dead.id, hold(tables, step, dead, { rank, firstAt, eventAt, delayMs: 0 }));
    remove(tables, step, dead);
  }
  step.totals.lanes[lane].unsettled += open.reasons;
  step.totals.events += open.events;
  step.count("dead_letters_redriven");
}

/** Deletes a dead letter for good; its events stay `dead` in the history. */
export function purge(tables: QueueTables, step: Step, dead: Job): void {
  const holder = { jobId: dead.id, gen: GEN_ANY };
  const as = { lane: dead.lane, key: dead.key, now: step.now };
  const open = tables.reasons.countOpen(holder);
  step.totals.reasonRows -= tables.reasons.settle(holder, open, { as, newestFate: "dead", fate: "dead" });
  remove(tables, step, dead);
}

function remove(tables: QueueTables, step: Step, dead: Job): void {
  tables.jobs.remove(dead.id);
  step.totals.lanes[dead.lane].dead -= 1;
}
