import type { FaultCode } from "../faults.ts";
import type { Lane } from "../queue/queue.ts";
import { type Circuit, type CircuitStatus, createCircuit } from "./circuit.ts";
import type { ProcessorDeps } from "./processor-deps.ts";

/** What work depends on besides the store. */
export type Dependency = "crm" | "sink" | "budget";

/** Which dependencies a lane cannot do without: while one is away, the lane does not claim. */
const NEEDS: Readonly<Record<Lane, readonly Dependency[]>> = {
  route: ["crm"],
  sync: ["crm", "sink", "budget"], // A spent budget stops new writes, and not the index of what was written.
  index: ["sink"],
};

/** The circuits of all dependencies. */
export interface Circuits {
  /** The circuit of the dependency that a fault is about; undefined for the store, for one account's part of a sink, and for bugs. */
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
    // Whether there is some again shows when a document is written: until then it has waited as long as it was told to.
    budget: make("budget", (signal) => deps.memory.probe(signal)),
  };
  const isReady = (lane: Lane) => NEEDS[lane].every((name) => circuits[name].isClosed);
  return {
    of: (code) => {
      if (code.startsWith("CRM_")) return circuits.crm;
      if (code === "SINK_OVER_BUDGET") return circuits.budget;
      if (code === "SINK_ACCOUNT_DAMAGED") return undefined;
      return code.startsWith("SINK_") ? circuits.sink : undefined;
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
