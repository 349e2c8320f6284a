import { rankCode } from "./codes.ts";
import type { Wait } from "./job-table.ts";

const RANK_URGENT = rankCode("urgent");

/** What joins a run: one new reason, or the reasons of another job. */
export interface Joining {
  /** Smaller is more urgent (codes.ts). */
  readonly rank: number;
  readonly delayMs: number;
  readonly firstAt: number;
  readonly eventAt: number | undefined;
}

/** When joining happens, and how long it may put a run off. */
export interface JoinRules {
  readonly now: number;
  readonly maxWaitMs: number;
  /** The key rests until then; 0 = it does not. */
  readonly restUntil: number;
}

/** What a run waits for that only `joining` has asked for. */
export function newWait(joining: Joining, rules: JoinRules): Wait {
  const { rank, firstAt, eventAt } = joining;
  return { rank, firstAt, eventAt, dueAt: dueAt(firstAt, joining, rules) };
}

/**
 * What a run waits for after `joining`. A run that was never tried and is not due yet is put off by the minimum wait,
 * within the maximum wait; in every other case joining can only bring the due time forward, also out of a backoff.
 */
export function joinedWait(wait: Wait, joining: Joining, rules: JoinRules & { readonly isFirstWait: boolean }): Wait {
  const firstAt = Math.min(wait.firstAt, joining.firstAt);
  const due = dueAt(firstAt, joining, rules);
  const mayPutOff = rules.isFirstWait && joining.delayMs > 0 && wait.dueAt > rules.now;
  return {
    rank: Math.min(wait.rank, joining.rank),
    dueAt: mayPutOff ? due : Math.min(wait.dueAt, due),
    firstAt,
    eventAt: earliest(wait.eventAt, joining.eventAt),
  };
}

/** One run that answers both; due at `dueAt`. */
export function mergedWait(wait: Wait, next: Wait | undefined, dueAt: number): Wait {
  if (next === undefined) return { ...wait, dueAt };
  return {
    rank: Math.min(wait.rank, next.rank),
    dueAt,
    firstAt: Math.min(wait.firstAt, next.firstAt),
    eventAt: earliest(wait.eventAt, next.eventAt),
  };
}

export function isSameWait(left: Wait, right: Wait): boolean {
  return (
    left.rank === right.rank &&
    left.dueAt === right.dueAt &&
    left.firstAt === right.firstAt &&
    left.eventAt === right.eventAt
  );
}

function dueAt(firstAt: number, { delayMs, rank }: Joining, { now, maxWaitMs, restUntil }: JoinRules): number {
  const earliestAt = rank === RANK_URGENT ? now : Math.max(now, restUntil);
  if (delayMs <= 0) return earliestAt;
  return Math.max(earliestAt, Math.min(now + delayMs, firstAt + maxWaitMs));
}

function earliest(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.min(left, right);
}
