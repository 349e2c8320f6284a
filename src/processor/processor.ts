import type { Fault } from "../faults.ts";
import type { Lane } from "../queue/queue.ts";
import type { CircuitStatus } from "./circuit.ts";
import { createCircuits, type Dependency } from "./circuits.ts";
import { DamagedAccounts } from "./damaged-accounts.ts";
import { LaneLoops } from "./lane-loops.ts";
import type { ProcessorDeps, Tally } from "./processor-deps.ts";

/** Most workers of the sync lane; one process saturates its CPU and the CRM's concurrency limit well below. */
const WORKERS_MAX = 64;
/** Records routed per claim: as many as one lookup of the CRM takes ids. */
const ROUTE_BATCH = 100;
/** After the drain's deadline, the time that releasing leases may take. */
const RELEASE_MS_MAX = 5_000;

/** The processor as health shows it. Totals are this process's. */
export interface ProcessorStatus {
  /** Workers of the sync lane that are wanted. */
  readonly workers: number;
  /** Workers that run; more than wanted while surplus ones end their batch. */
  readonly workersRunning: number;
  readonly inFlight: Readonly<Record<Lane, number>>;
  readonly circuits: Readonly<Record<Dependency, CircuitStatus>>;
  /** Epoch milliseconds; null until the first success. */
  readonly lastSuccessAt: number | null;
  /** Share of attempts that ended well since the start, as in "99.8%". Attempts given back do not count. */
  readonly successRate: string;
  /** Accounts whose part of the sink a person must mend. */
  readonly damagedAccounts: number;
}

/** Works off the queue: routes events, syncs accounts, indexes the memory. */
export interface Processor {
  /** Starts the loops of all lanes; with the fault of a sink that is away, behind its open circuit. */
  start(options?: { readonly sinkFault?: Fault }): void;
  /** Sets how many workers the sync lane has, from 1 to WORKERS_MAX; surplus ones end after their batch. */
  setWorkers(workers: number): void;
  /** Stops claiming, lets batches end for `drainMs`, then gives back the rest. Idempotent, bounded. */
  stop(options: { readonly drainMs: number }): Promise<void>;
  status(): ProcessorStatus;
}

/** Makes a processor over ports; `start` sets it going. */
export function createProcessor(deps: ProcessorDeps): Processor {
  const circuits = createCircuits(deps);
  const work = new AbortController();
  const tally: Tally = { succeeded: 0, failed: 0, lastSuccessAt: null, damaged: new DamagedAccounts() };
  const loops = new LaneLoops({
    deps: { ...deps, unindexed: new Map(), late: new Map(), tally, inFlight: { route: 0, sync: 0, index: 0 } },
    circuits,
    signal: work.signal,
  });
  let wanted = boundedWorkers(deps.options.workers);
  let phase: "new" | "running" | "stopping" = "new";
  let stopped: Promise<void> | undefined;

  const shutDown = async (drainMs: number) => {
    phase = "stopping";
    circuits.stop();
    const ended = loops.end();
    if (await isOver(deps, ended, drainMs)) return;
    const { inFlight } = loops;
    deps.log.warn({ inFlight }, "drain deadline: giving back what is in flight");
    work.abort(new Error("the drain's deadline has passed"));
    if (!(await isOver(deps, ended, RELEASE_MS_MAX))) deps.log.error({ inFlight }, "leases left to expire");
  };

  return {
    start: ({ sinkFault } = {}) => {
      if (phase !== "new") return;
      phase = "running";
      if (sinkFault !== undefined) circuits.of(sinkFault.code)?.open(sinkFault);
      loops.adjust("route", { count: 1, limit: ROUTE_BATCH });
      loops.adjust("index", { count: 1, limit: 1 });
      loops.adjust("sync", { count: wanted, limit: deps.options.batchSize });
    },
    setWorkers: (count) => {
      wanted = boundedWorkers(count);
      if (phase === "running") loops.adjust("sync", { count: wanted, limit: deps.options.batchSize });
    },
    stop: ({ drainMs }) => {
      stopped ??= shutDown(drainMs);
      return stopped;
    },
    status: () => ({
      workers: wanted,
      workersRunning: loops.running.sync,
      inFlight: { ...loops.inFlight },
      circuits: circuits.status(),
      lastSuccessAt: tally.lastSuccessAt,
      successRate: rateOf(tally),
      damagedAccounts: tally.damaged.count(deps.clock.now()),
    }),
  };
}

function boundedWorkers(workers: number): number {
  return Math.max(1, Math.min(WORKERS_MAX, Math.floor(workers)));
}

/** A service that has failed at nothing yet is at 100 %. */
function rateOf({ succeeded, failed }: Tally): string {
  const all = succeeded + failed;
  return `${(all === 0 ? 100 : (succeeded / all) * 100).toFixed(1)}%`;
}

/** True when `ended` resolves within `ms`. */
async function isOver(deps: Pick<ProcessorDeps, "clock">, ended: Promise<unknown>, ms: number): Promise<boolean> {
  const done = new AbortController();
  const deadline = deps.clock.sleep(ms, done.signal).then(
    () => false,
    () => true,
  );
  const isDone = await Promise.race([ended.then(() => true), deadline]);
  done.abort();
  return isDone;
}
