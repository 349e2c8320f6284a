import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { Duties } from "../duties.ts";
import { asFault, type FaultCode } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import type { Log } from "../log.ts";

/** How long a duty is had without being prolonged: how late another process takes over from one that died. */
export const DUTY_LEASE_MS = 30_000;
/** How often it is asked for and prolonged: two misses leave it held. */
export const DUTY_EVERY_MS = 10_000;

/** Work that one process at a time does for all of them, again and again. */
export interface Duty {
  /** Names it in the store, as in `channels:zoho`. */
  readonly name: string;
  /** What is being done, as in "keeping the channel". */
  readonly doing: string;
  /** Longest rest after work that failed. Each failure in a row doubles the rest. */
  readonly failedRestMsMax: number;
  /** One round of the work. Its signal is aborted when the duty is lost or the loop closes. */
  perform(signal: AbortSignal): Promise<void>;
}

/** What a loop is built with. */
export interface DutyLoopDeps {
  readonly duties: Duties;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
}

/** A duty being asked for, and done while it is had. `close` ends a round under way and gives the duty back. */
export interface DutyLoop extends Closeable {
  start(): void;
  /** What the last round met; undefined = all is well, or the duty is another process's. */
  fault(): FaultCode | undefined;
}

/** Makes the loop of one duty. A store that is away ends nothing: the duty is asked for again. */
export function createDutyLoop(duty: Duty, deps: DutyLoopDeps): DutyLoop {
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  let fault: FaultCode | undefined;
  let failures = 0;
  /** Turns to sit out after failures. Turns, not times: a clock that is set must not make a rest of days. */
  let turnsToRest = 0;

  const turn = async (): Promise<void> => {
    if ((await ask(duty, deps)) !== "ours") {
      [fault, failures, turnsToRest] = [undefined, 0, 0];
      return;
    }
    turnsToRest -= 1;
    if (turnsToRest >= 0) return;
    try {
      if (!(await performHeld(duty, deps, closing.signal))) return;
      [fault, failures, turnsToRest] = [undefined, 0, 0];
    } catch (error) {
      if (closing.signal.aborted) return;
      const met = asFault(error, duty.doing);
      const restMs = Math.min(duty.failedRestMsMax, DUTY_EVERY_MS * 2 ** failures);
      fault = met.code;
      failures += 1;
      turnsToRest = Math.ceil(restMs / DUTY_EVERY_MS) - 1;
      deps.counters.add({ [`faults:${met.code}`]: 1 });
      const level = met.code === "UNEXPECTED" ? "error" : "warn";
      deps.log[level]({ duty: duty.name, fault: met.code, error: met, nextInMs: restMs }, `${duty.doing} failed`);
    }
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await turn();
      await pause(deps.clock, DUTY_EVERY_MS, closing.signal);
    }
    await giveBack(duty, deps);
  };
  return {
    start: () => {
      running ??= run();
    },
    fault: () => fault,
    close: async () => {
      closing.abort();
      await running;
    },
  };
}

/** Whose the duty is now; `unknown` when the store cannot say, which never means that it is ours. */
async function ask(duty: Duty, deps: DutyLoopDeps): Promise<"ours" | "another's" | "unknown"> {
  try {
    return (await deps.duties.hold(duty.name, DUTY_LEASE_MS)) ? "ours" : "another's";
  } catch (error) {
    const fault = asFault(error, `asking for the duty ${duty.name}`);
    // A store that is away is told once by who is connected to it, not by every duty every turn.
    if (fault.code === "UNEXPECTED") {
      deps.counters.add({ "faults:UNEXPECTED": 1 });
      deps.log.error({ duty: duty.name, error: fault }, "the duty could not be asked for");
    }
    return "unknown";
  }
}

/** One round, prolonging the duty meanwhile. False = the duty was lost, and the round given up. Throws what the round met. */
async function performHeld(duty: Duty, deps: DutyLoopDeps, closing: AbortSignal): Promise<boolean> {
  const [lost, done] = [new AbortController(), new AbortController()];
  const keeping = keep(duty, deps, { lost, done: done.signal });
  try {
    await duty.perform(AbortSignal.any([closing, lost.signal]));
    return true;
  } catch (error) {
    if (!lost.signal.aborted) throw error;
    deps.log.warn({ duty: duty.name }, "the duty passed to another process; the round was given up");
    return false;
  } finally {
    done.abort();
    await keeping;
  }
}

/** Prolongs the duty until `done`; aborts `lost` when another process has it, or might. */
async function keep(
  duty: Duty,
  deps: DutyLoopDeps,
  round: { readonly lost: AbortController; readonly done: AbortSignal },
): Promise<void> {
  let misses = 0;
  while (await pause(deps.clock, DUTY_EVERY_MS, round.done)) {
    const owner = await ask(duty, deps);
    misses = owner === "unknown" ? misses + 1 : 0;
    // The second miss leaves less than a turn of the lease: whoever takes over must find the round ended.
    if (owner === "another's" || misses >= 2) return round.lost.abort(new Error(`the duty ${duty.name} was lost`));
  }
}

/** Given back at once rather than when the lease ends. Where the store is away, the lease's end does it. */
async function giveBack(duty: Duty, { duties, log }: DutyLoopDeps): Promise<void> {
  try {
    await duties.release(duty.name);
  } catch (error) {
    const fault = asFault(error, `giving back the duty ${duty.name}`);
    log[fault.code === "UNEXPECTED" ? "error" : "debug"]({ error: fault }, "a duty was not given back");
  }
}

/** False when the signal came first. */
function pause(clock: Pick<Clock, "sleep">, ms: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(ms, signal).then(
    () => true,
    () => false,
  );
}
