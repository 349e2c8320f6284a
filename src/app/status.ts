import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { SpillStatus } from "../engines/spill/spilling-queue.ts";
import { asFault, Fault } from "../faults.ts";
import type { Log } from "../log.ts";
import type { StoreServer } from "./engine.ts";
import type { Figures } from "./figures.ts";
import { type HealthReport, healthReport } from "./health.ts";
import { type Role, receives } from "./role.ts";

/** How long one proof that the store can be written counts: probes come often, and each proof is an fsync. */
const PROOF_MS = 1_000;

/** What health, metrics and probes are made from. */
export interface StatusDeps {
  readonly engine: string;
  readonly sink: string;
  readonly role: Role;
  readonly figures: () => Promise<Figures>;
  /** Writes and commits; throws Fault STORE_UNAVAILABLE when a delivery could not be stored now. */
  readonly proveStore: () => Promise<void>;
  /** Where the store is a server of its own. */
  readonly server: Pick<StoreServer, "isConnected"> | undefined;
  /** The file that takes deliveries while that is away; undefined where there is none. */
  readonly spill: () => SpillStatus | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
}

/** What a process knows of the store without asking it. */
export interface StoreSight {
  /** Undefined where the store is no server of its own. */
  readonly isConnected: boolean | undefined;
  readonly spill: SpillStatus | undefined;
}

/** Answers questions about the state of the system; the routes, and the library, show what it says. */
export interface Status {
  health(): Promise<HealthReport>;
  /** Undefined when the store cannot be read. */
  figures(): Promise<Figures | undefined>;
  sight(): StoreSight;
  /** True when a delivery can be taken durably; of a process that takes none, when it is able to work. */
  isReady(): Promise<boolean>;
}

/** Makes the status of one process. Nothing of it throws: what cannot be read is part of the answer. */
export function createStatus(deps: StatusDeps): Status {
  let proof: { readonly at: number; readonly isWritable: Promise<boolean> } | undefined;

  const attempt = async <T>(doing: string, read: () => Promise<T>): Promise<T | Fault> => {
    try {
      return await read();
    } catch (error) {
      const fault = asFault(error, doing);
      deps.counters.add({ [`faults:${fault.code}`]: 1 });
      // A server that is away has been told once by its connection; probes come every few seconds.
      const level = deps.server !== undefined && fault.code === "STORE_UNAVAILABLE" ? "debug" : "error";
      deps.log[level]({ fault: fault.code, error: fault }, "the store cannot be used");
      return fault;
    }
  };
  const figures = () => attempt("reading the figures", deps.figures);
  const isWritable = () => {
    const now = deps.clock.now();
    if (proof === undefined || Math.abs(now - proof.at) >= PROOF_MS) {
      const proving = attempt("proving the store", deps.proveStore);
      proof = { at: now, isWritable: proving.then((fault) => !(fault instanceof Fault)) };
    }
    return proof.isWritable;
  };
  const isReady = async () => {
    // A worker whose server is away resumes by itself: a restart, which is what orchestrators do, would mend nothing.
    if (deps.server !== undefined && !receives(deps.role)) return true;
    // As long as the file takes deliveries it does not matter whether the server does.
    const spill = deps.spill();
    if (spill !== undefined && spill.refusal === undefined) return true;
    return isWritable();
  };
  const sight = () => ({ isConnected: deps.server?.isConnected(), spill: deps.spill() });
  return {
    figures: async () => {
      const read = await figures();
      return read instanceof Fault ? undefined : read;
    },
    isReady,
    sight,
    health: async () => {
      const [read, ready] = await Promise.all([figures(), isReady()]);
      const { engine, sink, role } = deps;
      return healthReport({ read, isReady: ready, sight: sight(), engine, sink, role, now: deps.clock.now() });
    },
  };
}
