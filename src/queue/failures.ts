import { z } from "zod";
import { FAILURES_MAX, type Failure } from "./queue.ts";
import type { FailureRecord } from "./queue-view.ts";

/** Longest failure message kept, in characters; a sentence, not a reply body. */
export const FAILURE_MESSAGE_LENGTH_MAX = 500;

const failuresSchema = z.array(
  z.object({ code: z.string(), message: z.string(), attempt: z.number(), failedAt: z.number() }),
);

/** Reads a job's failures, oldest first. */
export function parseFailures(stored: string | undefined): readonly FailureRecord[] {
  return stored === undefined ? [] : failuresSchema.parse(JSON.parse(stored));
}

/** The stored form with one more failure; the oldest fall out. */
export function addFailure(
  stored: string | undefined,
  failure: Failure,
  at: { readonly attempt: number; readonly failedAt: number },
): string {
  const { code, message } = failure;
  return keep([...parseFailures(stored), { code, message: message.slice(0, FAILURE_MESSAGE_LENGTH_MAX), ...at }]);
}

/** The failures of two jobs that become one. */
export function mergeFailures(older: string | undefined, newer: string | undefined): string | undefined {
  if (older === undefined || newer === undefined) return older ?? newer;
  return keep([...parseFailures(older), ...parseFailures(newer)]);
}

function keep(failures: readonly FailureRecord[]): string {
  return JSON.stringify(failures.slice(-FAILURES_MAX));
}
