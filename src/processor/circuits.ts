import type { FaultCode } from "../faults.ts";
import type { Lane } from "../queue/queue.ts";
import { type Circuit, type CircuitStatus, createCircuit } from "./circuit.ts";
import type { ProcessorDeps } from "./processor-deps.ts";

/** What work depends on besides the store. */
export type Dependency = "crm" | "sink" | "budget";

/**
 * Which dependencies a lane cannot do without: while one is away, the lane does not claim. None needs the budget: where it is spent, new
 * writes wait one by one, and removals, what has not changed and the index of what was written go on.
 */
const NEEDS: Readonly<Record<Lane, readonly Dependency[]>> = {
  route: ["crm"],
  sync: ["crm", "sink"],
  index: ["sink"],
};

/** Faults of one account's part of the sink, or of a moment: its job waits alone, and the sink stays in use. */
const WITHOUT_CIRCUIT: ReadonlySet<FaultCode> = new Set(["SINK_ACCOUNT_DAMAGED", "SINK_BUSY"]);

/** The dependency that a fault is about; undefined for the store, for what makes one job wait alone, and for bugs. */
export function dependencyOf(code: FaultCode): Dependency | undefined {
  if (code.startsWith("CRM_")) return "crm";
  if (code === "SINK_OVER_BUDGET") return "budget";
  return code.startsWith("SINK_") && !WITHOUT_CIRCUIT.has(code) ? "sink" : undefined;
}

/** The circuits of all dependencies. */
export interface Circuits {
  /** The circuit of the dependency that a fault is about, if it is about one. */
  of(code: FaultCode): Circuit | undefined;
  /** True when the lane has all that it needs. */
  isReady(lane: Lane): boolean;
  /** Resolves when the lane has all that it needs, or the signal is aborted. */
  whenReady(lane: Lane, signal: AbortSignal): Promise<void>;
  status(): Readonly<Record<Dependency, CircuitStatus>>;
  stop(): void;
}

/** Makes the circuits, all closed. */
export function createCircuits(deps: ProcessorDeps): Circuits {
  const { clock, random, counters, log } = deps;
  const make = (name: Dependency, probe: (signal: AbortSignal) => Promise<void>) =>
    createCircuit({ name, probe, clock, random, counters, log });
  const circuits: Readonly<Record<Dependency, Circuit>> = {
    crm: make("crm", (signal) => deps.crm.probe(signal)),
    sink: make("sink", (signal) => deps.memory.probe(signal)),
    // For health only. Whether there is some again shows when a document is written: until then it waits as long as it was told to.
    budget: make("budget", (signal) => deps.memory.probe(signal)),
  };
  const isReady = (lane: Lane) => NEEDS[lane].every((name) => circuits[name].isClosed);
  return {
    of: (code) => {
      const dependency = dependencyOf(code);
      return dependency === undefined ? undefined : circuits[dependency];
    },
    isReady,
    whenReady: async (lane, signal) => {
      while (!isReady(lane) && !signal.aborted) {
        for (const name of NEEDS[lane]) await circuits[name].whenClosed(signal);
      }
    },
    status: () => ({ crm: circuits.crm.status(), sink: circuits.sink.status(), budget: circuits.budget.status() }),
    stop: () => {
      for (const circuit of Object.values(circuits)) circuit.stop();
    },
  };
}
