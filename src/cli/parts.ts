import type { ChannelStore } from "../channels/channel-store.ts";
import type { Clock } from "../clock.ts";
import type { Crm } from "../crm/crm.ts";
import type { FaultCode } from "../faults.ts";
import type { Ledger } from "../memory/ledger.ts";
import type { Memory } from "../memory/memory.ts";
import type { Receipts } from "../memory/receipts.ts";
import type { Queue } from "../queue/queue.ts";
import type { QueueView } from "../queue/queue-view.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is given. */
export interface CommandIo {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborted when the command should end. */
  readonly signal: AbortSignal;
}

/** Something that work depends on and that is away. */
export interface Obstacle {
  readonly dependency: "crm" | "sink";
  /** Since when its circuit is open, epoch milliseconds. */
  readonly since: number;
  readonly cause: FaultCode;
}

/** Work done by this very process, because no service runs. */
export interface OwnWorker {
  /** What stands in the way now. */
  obstacle(): Obstacle | undefined;
  /** Ends after what is under way, and gives the worker lock back. */
  close(): Promise<void>;
}

/** What a setting of the store's server means for events that were acknowledged. */
export interface StoreFinding {
  readonly check: string;
  /** `refuse`: a service does not start on it. */
  readonly severity: "ok" | "warn" | "refuse";
  readonly detail: string;
  readonly todo: string;
}

/** The parts that commands use, opened beside a running service or without one. */
export interface Parts {
  readonly queue: Pick<Queue, "enqueue">;
  readonly view: QueueView;
  readonly ledger: Pick<Ledger, "read" | "totals" | "parents">;
  readonly channels: Pick<ChannelStore, "list">;
  readonly memory: Pick<Memory, "kind" | "search" | "probe">;
  readonly receipts: Pick<Receipts, "read">;
  /** Absent without credentials. */
  readonly crm: Pick<Crm, "probe" | "listChannels"> | undefined;
  /** Begins to work; undefined when another process does. Needs the credentials. */
  startWorker(): Promise<OwnWorker | undefined>;
  /** True when some process works on the queue. */
  isServiceRunning(): Promise<boolean>;
  /** What the settings of the store's server mean; empty where the store is a file. */
  examineStore(): Promise<readonly StoreFinding[]>;
  close(): Promise<void>;
}
