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
/** A probe that takes longer has failed. Cognee tests its model for up to 30 s before it answers (1.6.5, measured); other calls come beside that. */
const PROBE_TIMEOUT_MS = 60_000;
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
  return new ProbedCircuit(deps);
}

class ProbedCircuit implements Circuit {
  readonly #deps: CircuitDeps;
  readonly #stopped = new AbortController();
  #waiters: (() => void)[] = [];
  #state: CircuitState = "closed";
  #since: number;
  #cause: FaultCode | undefined;
  #nextProbeAt = 0;
  /** Failures in a row: openings and probes. What the wait grows by. */
  #failures = 0;

  constructor(deps: CircuitDeps) {
    this.#deps = deps;
    this.#since = deps.clock.now();
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  open(fault: Fault): number {
    const { name, clock, counters, log } = this.#deps;
    if (this.#state !== "closed") {
      this.#nextProbeAt = Math.max(this.#nextProbeAt, clock.now() + floorMs(fault));
      return this.#nextProbeAt;
    }
    if (clock.now() - this.#since >= STABLE_MS) this.#failures = 0;
    this.#state = "open";
    this.#since = clock.now();
    this.#schedule(fault);
    counters.add({ [`circuit_opened:${name}`]: 1 });
    const waitMs = this.#nextProbeAt - clock.now();
    log.warn({ circuit: name, cause: fault.code, waitMs, error: fault }, "circuit opened");
    this.#probeUntilClosed().catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return;
      counters.add({ "faults:UNEXPECTED": 1 });
      log.error({ circuit: name, error }, "probing ended");
    });
    return this.#nextProbeAt;
  }

  whenClosed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.isClosed || signal.aborted) return resolve();
      const wake = () => {
        signal.removeEventListener("abort", wake);
        this.#waiters = this.#waiters.filter((other) => other !== wake);
        resolve();
      };
      this.#waiters.push(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  status(): CircuitStatus {
    return {
      state: this.#state,
      since: this.#since,
      ...(this.isClosed || this.#cause === undefined ? {} : { cause: this.#cause }),
      ...(this.#state === "open" ? { nextProbeAt: this.#nextProbeAt } : {}),
    };
  }

  stop(): void {
    this.#stopped.abort(new Error("the circuit was stopped"));
  }

  async #probeUntilClosed(): Promise<void> {
    const { name, clock, counters, log } = this.#deps;
    while (!this.isClosed) {
      await clock.sleep(this.#nextProbeAt - clock.now(), this.#stopped.signal);
      if (clock.now() < this.#nextProbeAt) continue; // moved by a later Retry-After
      this.#state = "half-open";
      const probed = await probeOnce(this.#deps, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      if (probed === "passed") return this.#close();
      this.#state = "open";
      // No answer tells nothing new: what opened the circuit is still the best that is known.
      const fault = probed === "too long" ? undefined : probed;
      this.#schedule(fault);
      if (fault !== undefined) counters.add({ [`faults:${fault.code}`]: 1 });
      const waitMs = this.#nextProbeAt - clock.now();
      const told = fault === undefined ? { afterMs: PROBE_TIMEOUT_MS } : { error: fault };
      log.warn({ circuit: name, cause: this.#cause, waitMs, ...told }, "probe failed");
    }
  }

  #schedule(fault: Fault | undefined): void {
    const { clock, random } = this.#deps;
    this.#failures += 1;
    if (fault !== undefined) this.#cause = fault.code;
    const ceilingMs = Math.min(PROBE_CAP_MS, PROBE_BASE_MS * 2 ** (this.#failures - 1));
    // Half of the wait is fixed: a probe straight after the failure would tell nothing.
    const waitMs = ceilingMs / 2 + backoffMs(1, random, { baseMs: ceilingMs / 2 });
    this.#nextProbeAt = clock.now() + Math.max(waitMs, floorMs(fault));
  }

  #close(): void {
    const { name, clock, log } = this.#deps;
    log.info({ circuit: name, openMs: clock.now() - this.#since }, "circuit closed");
    this.#state = "closed";
    this.#since = clock.now();
    const woken = this.#waiters;
    this.#waiters = [];
    for (const wake of woken) wake();
  }
}

function floorMs(fault: Fault | undefined): number {
  return Math.min(RETRY_AFTER_MS_MAX, fault?.retryAfterMs ?? 0);
}

/** One probe, bounded in time. Returns the fault that stands in the way, if it is known. */
async function probeOnce(deps: CircuitDeps, signal: AbortSignal): Promise<"passed" | "too long" | Fault> {
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
    return "passed";
  } catch (error) {
    if (timeout.signal.aborted) return "too long"; // Or the circuit was stopped, and nobody asks.
    return asFault(error, `probing ${deps.name}`);
  } finally {
    signal.removeEventListener("abort", onStop);
    done.abort();
    expiry.catch(() => undefined);
  }
}
