import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { asFault, type Fault, type FaultCode } from "../faults.ts";
import type { Log } from "../log.ts";
import { backoffMs } from "../queue/backoff.ts";
import type { Random } from "../random.ts";

/** First wait before a probe; a hiccup costs no more than about a second. */
const PROBE_BASE_MS = 1_000;
/** Longest wait that grows by itself: how late a healed dependency is noticed at worst. */
const PROBE_CAP_MS = 30_000;
/** Longest wait that a `Retry-After` can impose: a wrong header must not stop the service for a day. */
const RETRY_AFTER_MS_MAX = 3_600_000;
/** A probe that takes longer has failed. */
const PROBE_TIMEOUT_MS = 15_000;
/** A circuit that opens again within this time goes on with the wait it had: probes may pass where real calls do not. */
const STABLE_MS = 60_000;

/** `closed` = in use; `open` = nobody calls; `half-open` = one probe is under way. */
export type CircuitState = "closed" | "open" | "half-open";

/** A circuit as health shows it. Times are epoch milliseconds. */
export interface CircuitStatus {
  readonly state: CircuitState;
  /** When it last opened or closed. */
  readonly since: number;
  readonly cause?: FaultCode;
  readonly nextProbeAt?: number;
}

/** Stops all use of one dependency while it is away, and finds out by itself when it is back. */
export interface Circuit {
  readonly isClosed: boolean;
  /** Reports a fault of class `pause`; opens the circuit. Returns when the next probe is due. */
  open(fault: Fault): number;
  /** Resolves when the circuit is closed, at once if it is; also when the signal is aborted. Rejects never. */
  whenClosed(signal: AbortSignal): Promise<void>;
  status(): CircuitStatus;
  /** Ends probing. Idempotent. */
  stop(): void;
}

/** What a circuit is built with. */
export interface CircuitDeps {
  readonly name: string;
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Pick<Counters, "add">;
  readonly log: Log;
}

/** Makes a closed circuit. */
export function createCircuit(deps: CircuitDeps): Circuit {
  const { name, clock, log } = deps;
  const stopped = new AbortController();
  let waiters: (() => void)[] = [];
  let state: CircuitState = "closed";
  let since = clock.now();
  let cause: FaultCode | undefined;
  let nextProbeAt = 0;
  /** Failures in a row: openings and probes. What the wait grows by. */
  let failures = 0;

  const schedule = (fault: Fault) => {
    failures += 1;
    cause = fault.code;
    const ceilingMs = Math.min(PROBE_CAP_MS, PROBE_BASE_MS * 2 ** (failures - 1));
    // Half of the wait is fixed: a probe straight after the failure would tell nothing.
    const waitMs = ceilingMs / 2 + backoffMs(1, deps.random, { baseMs: ceilingMs / 2 });
    nextProbeAt = clock.now() + Math.max(waitMs, floorMs(fault));
  };
  const close = () => {
    log.info({ circuit: name, openMs: clock.now() - since }, "circuit closed");
    state = "closed";
    since = clock.now();
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  };
  const probeUntilClosed = async () => {
    while (state !== "closed") {
      await clock.sleep(nextProbeAt - clock.now(), stopped.signal);
      if (clock.now() < nextProbeAt) continue; // moved by a later Retry-After
      state = "half-open";
      const fault = await probeOnce(deps, stopped.signal);
      if (stopped.signal.aborted) return;
      if (fault === undefined) return close();
      state = "open";
      schedule(fault);
      deps.counters.add({ [`faults:${fault.code}`]: 1 });
      log.warn({ circuit: name, cause, waitMs: nextProbeAt - clock.now(), error: fault }, "probe failed");
    }
  };

  return {
    get isClosed() {
      return state === "closed";
    },
    open: (fault) => {
      if (state !== "closed") {
        nextProbeAt = Math.max(nextProbeAt, clock.now() + floorMs(fault));
        return nextProbeAt;
      }
      if (clock.now() - since >= STABLE_MS) failures = 0;
      state = "open";
      since = clock.now();
      schedule(fault);
      deps.counters.add({ [`circuit_opened:${name}`]: 1 });
      log.warn({ circuit: name, cause, waitMs: nextProbeAt - clock.now(), error: fault }, "circuit opened");
      probeUntilClosed().catch((error: unknown) => {
        if (!stopped.signal.aborted) log.error({ circuit: name, error }, "probing ended");
      });
      return nextProbeAt;
    },
    whenClosed: (signal) =>
      new Promise((resolve) => {
        if (state === "closed" || signal.aborted) return resolve();
        const wake = () => {
          signal.removeEventListener("abort", wake);
          waiters = waiters.filter((other) => other !== wake);
          resolve();
        };
        waiters.push(wake);
        signal.addEventListener("abort", wake, { once: true });
      }),
    status: () => ({
      state,
      since,
      ...(state === "closed" || cause === undefined ? {} : { cause }),
      ...(state === "open" ? { nextProbeAt } : {}),
    }),
    stop: () => stopped.abort(new Error("the circuit was stopped")),
  };
}

function floorMs(fault: Fault): number {
  return Math.min(RETRY_AFTER_MS_MAX, fault.retryAfterMs ?? 0);
}

/** One probe, bounded in time. Returns what stands in the way, if anything. */
async function probeOnce(deps: CircuitDeps, signal: AbortSignal): Promise<Fault | undefined> {
  const timeout = new AbortController();
  const done = new AbortController();
  const onStop = () => timeout.abort(signal.reason);
  signal.addEventListener("abort", onStop, { once: true });
  const expiry = deps.clock.sleep(PROBE_TIMEOUT_MS, done.signal).then(() => {
    const error = new Error("the probe took too long");
    timeout.abort(error);
    throw error;
  });
  try {
    await Promise.race([deps.probe(timeout.signal), expiry]);
    return undefined;
  } catch (error) {
    return asFault(error, `probing ${deps.name}`);
  } finally {
    signal.removeEventListener("abort", onStop);
    done.abort();
    expiry.catch(() => undefined);
  }
}
