import type { Fault } from "../faults.ts";
import { backoffMs } from "../queue/backoff.ts";
import type { Settlement } from "../queue/queue.ts";
import type { Attempt } from "./attempt.ts";
import type { Circuits } from "./circuits.ts";
import type { ProcessorDeps } from "./processor-deps.ts";

/** The store answers again within moments or stays away: then claims fail as well, and the wait grows there. */
const STORE_PAUSE_MS = 1_000;
/** Longest that a job itself waits for a circuit, which the lane waits for anyhow: how late it runs where that no longer is, as after a restart. */
const HELD_MS_MAX = 60_000;
/**
 * Longest that a job waits for the budget, which no lane waits for: each try of it costs a read of the CRM. A raised budget takes effect
 * after a restart within this time.
 */
const BUDGET_WAIT_MS_MAX = 600_000;
/** How long it waits where nobody said until when: nothing is known to change sooner. */
const BUDGET_WAIT_MS = 60_000;

/** Decides how a lease ends. All that can happen to a job is in this function. */
export function settlementFor(
  deps: Pick<ProcessorDeps, "clock" | "random" | "options">,
  circuits: Circuits,
  attempt: Attempt,
): Settlement {
  const { lease } = attempt;
  if (attempt.outcome === "done") return attempt.settlement;
  // Drained or lost: given back with its attempt. If it was lost, the queue answers "stale" and changes nothing.
  if (attempt.outcome === "interrupted") return { verb: "release", lease };

  const { fault } = attempt;
  const failure = { code: fault.code, message: fault.message };
  switch (fault.retry) {
    case "never":
      return { verb: "dead", lease, failure };
    case "pause": {
      // The dependency is away: no job pays an attempt for it. The circuit may be open for an hour, and be gone with a restart.
      const probeAt = circuits.of(fault.code)?.open(fault);
      return { verb: "release", lease, dueAt: pausedUntil(fault, deps.clock.now(), probeAt) };
    }
    case "backoff": {
      if (lease.attempt >= deps.options.attemptsMax) return { verb: "dead", lease, failure };
      const options = { baseMs: deps.options.retryBaseMs, floorMs: fault.retryAfterMs };
      return {
        verb: "retry",
        lease,
        dueAt: deps.clock.now() + backoffMs(lease.attempt, deps.random, options),
        failure,
      };
    }
  }
}

/** When a job is due again whose dependency is away: `probeAt` is its circuit's, if it has one. */
function pausedUntil({ code, retryAfterMs }: Fault, now: number, probeAt: number | undefined): number {
  if (code === "SINK_OVER_BUDGET") return now + Math.min(retryAfterMs ?? BUDGET_WAIT_MS, BUDGET_WAIT_MS_MAX);
  return probeAt === undefined ? now + (retryAfterMs ?? STORE_PAUSE_MS) : Math.min(probeAt, now + HELD_MS_MAX);
}
