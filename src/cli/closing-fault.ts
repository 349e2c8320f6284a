import { Fault } from "../faults.ts";

/** The fault behind an error of closing several parts, each named; any other error, and one with a bug among them, as it is. */
export function closingFault(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const causes: unknown[] = error.errors.map((each: unknown) => (each instanceof Error ? each.cause : each));
  return causes.every((cause) => cause instanceof Fault) ? (causes[0] ?? error) : error;
}
