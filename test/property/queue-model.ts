import assert from "node:assert/strict";
import type { EventFate, Lease } from "../../src/queue/queue.ts";

/** Times of the model's world; small numbers, so that random walks reach every bound. */
export const DELAY_MS = 1_000;
export const BACKOFF_MS = 5_000;
export const MODEL_LEASE_MS = 4_000;
export const MODEL_OPTIONS = { capacity: 6, dedupWindowMs: 20_000, maxWaitMs: 2_500 };
/** Losses after which a job is dead, and from which it is claimed alone: docs/decisions/0006. */
const LOSSES_MAX = 10;
const LOSSES_ALONE = 2;

interface ModelRun {
  readonly events: string[];
  isUrgent: boolean;
  firstAt: number;
  dueAt: number;
}

interface ModelJob {
  run: ModelRun;
  next: ModelRun | undefined;
  lease: { readonly token: number; expiresAt: number } | undefined;
  attempt: number;
  losses: number;
  hasFailed: boolean;
}

export type ModelVerb = "complete" | "retry" | "release" | "dead";

/** What a queue must do, said as plainly as possible: maps and lists in memory, one lane, two ranks. */
export class QueueModel {
  now: number;
  readonly fates = new Map<string, EventFate>();
  readonly #jobs = new Map<string, ModelJob>();
  readonly #dead = new Map<string, { readonly events: string[]; readonly isUrgent: boolean }>();
  readonly #seen = new Map<string, number>();

  constructor(now: number) {
    this.now = now;
  }

  get unsettled(): number {
    return [...this.fates.values()].filter((fate) => fate === "queued").length;
  }

  get deadLetters(): number {
    return this.#dead.size;
  }

  get leased(): number {
    return [...this.#jobs.values()].filter((job) => job.lease !== undefined).length;
  }

  deliver(event: { id: string; key: string; dedupKey: string; isUrgent: boolean; delayMs: number }) {
    const seenAt = this.#seen.get(event.dedupKey);
    if (seenAt !== undefined && this.now - seenAt < MODEL_OPTIONS.dedupWindowMs) {
      return "duplicate";
    }
    if (this.unsettled + 1 > MODEL_OPTIONS.capacity) return "full";
    this.#seen.set(event.dedupKey, this.now);
    this.fates.set(event.id, "queued");
    const job = this.#jobs.get(event.key);
    if (job === undefined) {
      this.#jobs.set(event.key, freshJob(this.#newRun(event)));
      return "queued";
    }
    if (job.lease !== undefined) job.next = job.next ? this.#joined(job.next, event, true) : this.#newRun(event);
    else job.run = this.#joined(job.run, event, job.attempt === 0 && job.losses === 0 && !job.hasFailed);
    return "coalesced";
  }

  /** Checks what a claim gave against what it may give, and takes it over. */
  claimed(leases: readonly Lease[], limit: number): void {
    this.#reclaim((job) => (job.lease?.expiresAt ?? 0) <= this.now);
    const due = [...this.#jobs].filter(([, job]) => job.lease === undefined && job.run.dueAt <= this.now);
    const best = due.map(([, job]) => placeOf(job)).sort((a, b) => a - b);
    const given = leases.map((lease) => {
      const job = this.#jobs.get(lease.key);
      assert.ok(job && job.lease === undefined && job.run.dueAt <= this.now, `${lease.key} is due`);
      return job;
    });
    assert.deepEqual(given.map(placeOf), best.slice(0, given.length), "urgent first, oldest due first");
    const isCutShort = given.length < Math.min(limit, due.length);
    const isAlone = given.length === 1 && given.some((job) => job.losses >= LOSSES_ALONE);
    if (given.length > 1)
      assert.ok(
        given.every((job) => job.losses < LOSSES_ALONE),
        "suspects go alone",
      );
    if (isCutShort && !isAlone) {
      const nextPlace = best[given.length];
      const isSuspectNext = due.some(([, job]) => placeOf(job) === nextPlace && job.losses >= LOSSES_ALONE);
      assert.ok(given.length > 0 && isSuspectNext, "a claim is full, unless a suspect stands next");
    }
    leases.forEach((lease, index) => {
      const job = given[index];
      assert.ok(job);
      job.attempt += 1;
      job.lease = { token: lease.token, expiresAt: this.now + MODEL_LEASE_MS };
      assert.equal(lease.attempt, job.attempt);
      assert.deepEqual(
        lease.reasons.map((reason) => reason.eventId),
        job.run.events,
      );
    });
  }

  settle(lease: Lease, verb: ModelVerb): "settled" | "stale" {
    const job = this.#held(lease);
    if (job === undefined) return "stale";
    job.lease = undefined;
    if (verb !== "release") job.losses = 0;
    if (verb === "complete") this.#complete(lease.key, job);
    else if (verb === "dead") this.#bury(lease.key, job);
    else {
      const meanwhile = job.next;
      const dueAt = verb === "retry" ? this.now + BACKOFF_MS : this.now;
      this.#putBack(job, verb === "retry" && meanwhile !== undefined ? this.now : dueAt);
      if (verb === "release") job.attempt -= 1;
      else job.hasFailed = true;
    }
    return "settled";
  }

  extend(lease: Lease): "settled" | "stale" {
    const job = this.#held(lease);
    if (job?.lease === undefined) return "stale";
    job.lease.expiresAt = this.now + MODEL_LEASE_MS;
    return "settled";
  }

  redriveAll(): number {
    const count = this.#dead.size;
    for (const [key, { events, isUrgent }] of this.#dead) {
      const job = this.#jobs.get(key);
      for (const id of events) this.fates.set(id, "queued");
      const run = { events, isUrgent, firstAt: this.now, dueAt: this.now };
      if (job !== undefined) job.hasFailed = true;
      if (job === undefined) this.#jobs.set(key, { ...freshJob(run), hasFailed: true });
      else if (job.lease !== undefined) job.next = job.next ? mergedRun(run, job.next, this.now) : run;
      else job.run = mergedRun(run, job.run, Math.min(job.run.dueAt, this.now));
    }
    this.#dead.clear();
    return count;
  }

  /** The process is gone: none of its leases holds any more. */
  crash(): void {
    this.#reclaim(() => true);
  }

  #held(lease: Lease): ModelJob | undefined {
    const job = this.#jobs.get(lease.key);
    return job?.lease?.token === lease.token && job.lease.expiresAt > this.now ? job : undefined;
  }

  #complete(key: string, job: ModelJob): void {
    job.run.events.forEach((id, index) => {
      this.fates.set(id, index === job.run.events.length - 1 ? "synced" : "superseded");
    });
    for (const id of this.#dead.get(key)?.events ?? []) this.fates.set(id, "superseded");
    this.#dead.delete(key);
    if (job.next === undefined) this.#jobs.delete(key);
    else this.#jobs.set(key, freshJob(job.next));
  }

  #bury(key: string, job: ModelJob): void {
    for (const id of job.run.events) this.fates.set(id, "dead");
    const events = [...(this.#dead.get(key)?.events ?? []), ...job.run.events];
    this.#dead.set(key, { events, isUrgent: job.run.isUrgent });
    if (job.next === undefined) this.#jobs.delete(key);
    else this.#jobs.set(key, freshJob(job.next));
  }

  #putBack(job: ModelJob, dueAt: number): void {
    job.run = job.next === undefined ? { ...job.run, dueAt } : mergedRun(job.run, job.next, dueAt);
    job.next = undefined;
  }

  #reclaim(isLost: (job: ModelJob) => boolean): void {
    for (const [key, job] of [...this.#jobs]) {
      if (job.lease === undefined || !isLost(job)) continue;
      job.lease = undefined;
      job.losses += 1;
      if (job.losses >= LOSSES_MAX) {
        this.#bury(key, job);
        continue;
      }
      job.attempt -= 1;
      const delayMs = job.losses < 3 ? 0 : Math.min(30_000, 1_000 * 2 ** (job.losses - 3));
      this.#putBack(job, Math.min(job.run.dueAt, this.now) + delayMs);
    }
  }

  #newRun(event: { id: string; isUrgent: boolean; delayMs: number }): ModelRun {
    const dueAt = this.now + Math.min(event.delayMs, MODEL_OPTIONS.maxWaitMs);
    return { events: [event.id], isUrgent: event.isUrgent, firstAt: this.now, dueAt };
  }

  #joined(run: ModelRun, event: { id: string; isUrgent: boolean; delayMs: number }, isFirstWait: boolean): ModelRun {
    const latest = Math.max(this.now, run.firstAt + MODEL_OPTIONS.maxWaitMs);
    const wished = event.delayMs === 0 ? this.now : Math.min(this.now + event.delayMs, latest);
    const isPutOff = isFirstWait && event.delayMs > 0 && run.dueAt > this.now;
    return {
      events: [...run.events, event.id],
      isUrgent: run.isUrgent || event.isUrgent,
      firstAt: run.firstAt,
      dueAt: isPutOff ? wished : Math.min(run.dueAt, wished),
    };
  }
}

function freshJob(run: ModelRun): ModelJob {
  return { run, next: undefined, lease: undefined, attempt: 0, losses: 0, hasFailed: false };
}

function mergedRun(older: ModelRun, newer: ModelRun, dueAt: number): ModelRun {
  return {
    events: [...older.events, ...newer.events],
    isUrgent: older.isUrgent || newer.isUrgent,
    firstAt: Math.min(older.firstAt, newer.firstAt),
    dueAt,
  };
}

/** Smaller goes first. */
function placeOf(job: ModelJob): number {
  return (job.run.isUrgent ? 0 : 1e15) + job.run.dueAt;
}
