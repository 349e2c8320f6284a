/** The stages of work, in the order in which an event passes them. */
export const LANES = ["route", "sync", "index"] as const;
export type Lane = (typeof LANES)[number];

/** Who goes first among due jobs: `urgent` before `live` before `background` (reconcile, backfill). */
export const RANKS = ["urgent", "live", "background"] as const;
export type Rank = (typeof RANKS)[number];

/** What became of an event. `filtered` never entered the queue: the configured event filter ignored it. */
export type EventFate = "queued" | "synced" | "superseded" | "dead" | "filtered";

/** Longest `note` in characters: an event's module, id, operation and field names fit; payloads do not belong here. */
export const NOTE_LENGTH_MAX = 1_000;
/** Most reasons handed out with one lease; the rest are counted. Enough to explain, too few to hurt. */
export const LEASE_REASONS_MAX = 100;
/** Failures remembered per job, newest last. */
export const FAILURES_MAX = 10;

/** Why a job exists. Carries ids and field names, never payloads. */
export interface Reason {
  /** The event's id as acknowledged to its sender; absent for work that memhook made itself. */
  readonly eventId?: string;
  /** Opaque to the queue; written and read by the room that enqueues. At most NOTE_LENGTH_MAX characters. */
  readonly note: string;
  /** When the delivery arrived, epoch milliseconds. */
  readonly receivedAt: number;
}

/** Where a job lives. `key` is what must not run twice at once within its lane. */
export interface JobAddress {
  readonly lane: Lane;
  readonly key: string;
}

/** One wish for work. Joins the waiting job of its address, or makes one. */
export interface NewJob extends JobAddress {
  readonly rank: Rank;
  /**
   * Minimum wait in milliseconds before a claim, counted anew with each joining event, but never past the maximum wait
   * (see QueueOptions) counted from the first. 0 makes the job due at once, also out of a backoff.
   */
  readonly delayMs: number;
  readonly reason: Reason;
}

/** One event as a delivery brought it. */
export interface NewEvent extends NewJob {
  readonly reason: Reason & { readonly eventId: string };
  /**
   * Equal keys within the dedup window are one event; absent = never a duplicate. Must come from authenticated
   * material. Any length: engines store a hash.
   */
  readonly dedupKey?: string;
  /** Counted under this label in the same step, as in `Contacts.update`. Bounded set. */
  readonly label: string;
  /** True = the event filter ignores it: remembered for dedup and history, counted, never worked on. */
  readonly isFiltered?: boolean;
}

/** How a delivery is taken. */
export interface DeliverOptions {
  /** True = its sender was told that it is taken, so it is, past the capacity as well; its events count as any others do. */
  readonly isAcknowledged?: boolean;
}

/** The fate of a delivery. All its events are taken in one durable step, or none is. */
export type DeliveryResult =
  /** One outcome per event, in order. `queued` made a job, `coalesced` joined one. */
  | { readonly outcome: "taken"; readonly events: readonly ("queued" | "coalesced" | "duplicate" | "filtered")[] }
  /** The bound on unsettled events would be passed; nothing was remembered. */
  | { readonly outcome: "full" };

/** A time-limited right to one job. Whoever holds an older `token` can no longer settle or write. */
export interface Lease extends JobAddress {
  readonly jobId: string;
  /** Fencing token: grows with every claim in the engine. */
  readonly token: number;
  /** This attempt's number, from 1; counted at the claim. */
  readonly attempt: number;
  readonly rank: Rank;
  readonly expiresAt: number;
  /** When the oldest event of this run arrived, epoch milliseconds. */
  readonly oldestReceivedAt: number;
  /** The newest LEASE_REASONS_MAX reasons of this run, oldest first. */
  readonly reasons: readonly Reason[];
  /** How many reasons this run answers in all. */
  readonly reasonCount: number;
}

/** A failure as remembered with a job. */
export interface Failure {
  readonly code: string;
  /** One sentence without customer data. */
  readonly message: string;
}

/** How a lease ends. */
export type Settlement =
  /** Done: its events are settled (the newest as synced, older ones as superseded), a dead letter of the address closes, `also` is enqueued. */
  | { readonly verb: "complete"; readonly lease: Lease; readonly also?: readonly NewJob[] }
  /** Done here: its events move on to the job at `to`, and `also` is enqueued with reasons of its own. */
  | {
      readonly verb: "pass";
      readonly lease: Lease;
      readonly to: Omit<NewJob, "reason">;
      readonly also?: readonly NewJob[];
    }
  /** Failed: due again at `dueAt`, or at once if events arrived meanwhile. */
  | { readonly verb: "retry"; readonly lease: Lease; readonly dueAt: number; readonly failure: Failure }
  /** Not tried: due again at `dueAt` (default at once), the attempt given back. */
  | { readonly verb: "release"; readonly lease: Lease; readonly dueAt?: number }
  /** Given up: a dead letter with its failures and reasons. Events that arrived meanwhile make a fresh job. */
  | { readonly verb: "dead"; readonly lease: Lease; readonly failure: Failure };

/** `stale`: the lease had expired or passed to another; nothing was changed. */
export type Settled = "settled" | "stale";

/** What an engine's queue is built with. */
export interface QueueOptions {
  /** Unsettled events beyond which a delivery is refused whole. */
  readonly capacity: number;
  readonly dedupWindowMs: number;
  /** Longest time that joining events can put a job off, counted from its first event. */
  readonly maxWaitMs: number;
  /**
   * Least time from a completed run of a key to its next one, so that a key under a storm runs once in it and not as often as
   * it can. Urgent work does not wait for it. Kept as well as the engine can: it saves work and promises nothing. Default 0.
   */
  readonly restMs?: number;
}

/**
 * A durable queue of keyed jobs with leases. Every promise resolves only when its effect survives a crash of the process.
 * All methods throw Fault STORE_UNAVAILABLE when the store cannot be used. Nothing was done then, or all of it, where only the
 * answer was lost: whoever repeats a step must bear that it was taken. None is ever taken in part.
 */
export interface Queue {
  /** Dedup, capacity, queueing and counting of one delivery's events in one atomic step. */
  deliver(events: readonly NewEvent[], options?: DeliverOptions): Promise<DeliveryResult>;
  /** Queues work that memhook made itself; not bounded by the capacity, joins silently where the same work waits. */
  enqueue(jobs: readonly NewJob[]): Promise<void>;
  /** Up to `limit` due jobs of a lane, urgent first, oldest due first; reclaims expired leases on the way. */
  claim(options: { readonly lane: Lane; readonly limit: number; readonly leaseMs: number }): Promise<readonly Lease[]>;
  /** Prolongs leases to now + `leaseMs`; one answer per lease. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<readonly Settled[]>;
  /** Ends leases, each on its own: one stale lease does not hinder its neighbours. */
  settle(settlements: readonly Settlement[]): Promise<readonly Settled[]>;
  /** Resolves when a job of the lane may be due: at its due time, on new work, or after `maxMs`; rejects never, resolves at once when aborted. */
  waitForWork(lane: Lane, maxMs: number, signal: AbortSignal): Promise<void>;
  /** Waits for steps in flight, then closes. Idempotent. */
  close(): Promise<void>;
}
