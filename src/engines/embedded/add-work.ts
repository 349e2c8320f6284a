import type { DeliveryResult, JobAddress, NewEvent, NewJob } from "../../queue/queue.ts";
import { JOB_LEASED, rankCode } from "./codes.ts";
import type { Job, Wait } from "./job-table.ts";
import { isSameWait, type Joining, type JoinRules, joinedWait, newWait } from "./joining.ts";
import type { QueueTables } from "./queue-tables.ts";
import type { Holder, RowName } from "./reason-table.ts";
import type { Step } from "./step.ts";

/** An event with its dedup key hashed, outside of the transaction. */
export interface HashedEvent {
  readonly event: NewEvent;
  readonly hash: Uint8Array | undefined;
}

/** Where new reasons go. */
export interface Held extends Holder {
  readonly outcome: "queued" | "coalesced";
  /** True = the run already has a reason to happen. */
  readonly hasReasons: boolean;
}

type EventOutcome = "queued" | "coalesced" | "duplicate" | "filtered";

/** Takes all events of a delivery, or refuses them all. */
export function deliver(
  tables: QueueTables,
  step: Step,
  { events, isAcknowledged }: { readonly events: readonly HashedEvent[]; readonly isAcknowledged: boolean },
): DeliveryResult {
  tables.dedup.follow(step);
  // Over the capacity (after a redrive, or when it was lowered) a delivery without new events is still taken.
  const free = tables.options.capacity - step.totals.events;
  const room = isAcknowledged ? events.length : Math.max(0, free);
  if (events.length > room && countNew(tables, events) > room) return { outcome: "full" };
  const outcomes = events.map((event) => deliverOne(tables, step, event));
  step.count("events_total", events.length);
  return { outcome: "taken", events: outcomes };
}

/** Queues memhook's own work. Adds no reason where the run has one: the same work already waits. */
export function enqueue(tables: QueueTables, step: Step, job: NewJob): void {
  const held = hold(tables, step, job, joiningOf(job, false));
  if (held.hasReasons) return;
  const { note, receivedAt } = job.reason;
  tables.reasons.insert(held, { note, receivedAt }, { seq: nextSeq(step), hash: undefined });
  step.totals.lanes[job.lane].unsettled += 1;
}

/** Finds or makes the live job of an address, lets `joining` join its waiting run or the run after its leased one. */
export function hold(tables: QueueTables, step: Step, address: JobAddress, joining: Joining): Held {
  const restUntil = tables.rests.until(address, step.now);
  const rules = { now: step.now, maxWaitMs: tables.options.maxWaitMs, restUntil };
  const job = tables.jobs.live(address.lane, address.key);
  if (job === undefined) {
    step.totals.jobId += 1;
    const jobId = step.totals.jobId;
    tables.jobs.insert(jobId, address, newWait(joining, rules));
    step.totals.lanes[address.lane].waiting += 1;
    step.touch(address.lane);
    return { jobId, gen: 1, outcome: "queued", hasReasons: false };
  }
  if (job.state === JOB_LEASED) {
    // The lease answers what was there at its claim; what comes now is answered by exactly one more run.
    const next = joinOrMake(job.next, joining, { ...rules, isFirstWait: true });
    if (job.next === undefined || !isSameWait(job.next, next)) tables.jobs.joinNext(job.id, next);
    return { jobId: job.id, gen: job.gen + 1, outcome: "coalesced", hasReasons: job.next !== undefined };
  }
  const wait = joinedWait(job.wait, joining, { ...rules, isFirstWait: isFirstWait(job) });
  if (!isSameWait(job.wait, wait)) {
    tables.jobs.join(job.id, wait);
    step.touch(address.lane);
  }
  return { jobId: job.id, gen: job.gen, outcome: "coalesced", hasReasons: true };
}

function deliverOne(tables: QueueTables, step: Step, { event, hash }: HashedEvent): EventOutcome {
  if (hash !== undefined && tables.dedup.knows(hash, event.reason.receivedAt)) {
    step.count("events_duplicate");
    return "duplicate";
  }
  if (event.isFiltered === true) {
    const as = { lane: event.lane, key: event.key, now: step.now };
    tables.reasons.insertFiltered(event.reason, nameRow(tables, step, { event, hash }), as);
    step.count("events_filtered");
    return "filtered";
  }
  const held = hold(tables, step, event, joiningOf(event, true));
  tables.reasons.insert(held, event.reason, nameRow(tables, step, { event, hash }));
  step.totals.events += 1;
  step.totals.lanes[event.lane].unsettled += 1;
  step.count("events_accepted");
  step.count(`events_accepted:${event.label}`);
  if (held.outcome === "coalesced") step.count("jobs_coalesced");
  return held.outcome;
}

/** Names the row that an event is written to now, and remembers it under its dedup key. */
function nameRow(tables: QueueTables, step: Step, { event, hash }: HashedEvent): RowName {
  const seq = nextSeq(step);
  if (hash !== undefined) tables.dedup.add(hash, seq, event.reason.receivedAt);
  return { seq, hash };
}

/** How many events of a delivery would take up capacity. Only asked when the capacity is near. */
function countNew(tables: QueueTables, events: readonly HashedEvent[]): number {
  const seenHere = new Set<string>();
  let count = 0;
  for (const { event, hash } of events) {
    if (hash !== undefined) {
      const name = Buffer.from(hash).toString("latin1");
      if (seenHere.has(name) || tables.dedup.knows(hash, event.reason.receivedAt)) continue;
      seenHere.add(name);
    }
    if (event.isFiltered !== true) count += 1;
  }
  return count;
}

/** The number of a row that is written now. */
function nextSeq(step: Step): number {
  step.totals.reasonSeq += 1;
  step.totals.reasonRows += 1;
  return step.totals.reasonSeq;
}

function joiningOf(job: NewJob, isEvent: boolean): Joining {
  const { receivedAt } = job.reason;
  return {
    rank: rankCode(job.rank),
    delayMs: job.delayMs,
    firstAt: receivedAt,
    eventAt: isEvent ? receivedAt : undefined,
  };
}

function joinOrMake(
  wait: Wait | undefined,
  joining: Joining,
  rules: JoinRules & { readonly isFirstWait: boolean },
): Wait {
  return wait === undefined ? newWait(joining, rules) : joinedWait(wait, joining, rules);
}

/** A run that was never tried: joining events may put it off. */
function isFirstWait(job: Job): boolean {
  return job.attempt === 0 && job.losses === 0 && job.failures === undefined;
}
