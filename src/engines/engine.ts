import type { ChannelStore } from "../channels/channel-store.ts";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { Duties } from "../duties.ts";
import type { Closeable } from "../lifecycle.ts";
import type { Log } from "../log.ts";
import type { Ledger } from "../memory/ledger.ts";
import type { Queue, QueueOptions } from "../queue/queue.ts";
import type { QueueView } from "../queue/queue-view.ts";
import type { SealedStore } from "../sealed-store.ts";

/** How long settled events can be looked up when the dedup window is shorter: a day, as long as people ask. */
export const HISTORY_MS = 86_400_000;

/** What every engine is opened with. */
export interface EngineOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly queue: QueueOptions;
  /** How long settled events are kept; never shorter than the dedup window. Default: a day. */
  readonly historyMs?: number;
  /** Events kept beyond which history ends at the dedup window. */
  readonly historyRows?: number;
}

/** The seven ports on one store. */
export interface Engine extends Closeable {
  readonly queue: Queue;
  readonly view: QueueView;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly channels: ChannelStore;
  readonly sealed: SealedStore;
  readonly duties: Duties;
  /**
   * Takes the right to claim for the life of this process; false = another has it, which only a store for one worker says. On
   * success the leases of a predecessor that died are free at once. Commands beside a running service do everything else without
   * it. Throws Fault STORE_UNAVAILABLE.
   */
  acquireWorkerLock(): Promise<boolean>;
  /** Proves that a delivery could be stored now: writes. Throws Fault STORE_UNAVAILABLE. */
  prove(): Promise<void>;
  /** Waits for steps in flight, then closes. Idempotent. Afterwards every method throws Fault STORE_UNAVAILABLE. */
  close(): Promise<void>;
}
