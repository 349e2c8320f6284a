import type { JobState } from "./job-state.ts";
import type { EventFate, Failure, JobAddress, Lane, Rank, Reason } from "./queue.ts";

/** Figures of one lane at one instant. */
export interface LaneStats {
  readonly ready: number;
  readonly delayed: number;
  readonly leased: number;
  readonly dead: number;
  /** Unsettled reasons, each counted once: 0 means that nothing is left in the lane. */
  readonly unsettled: number;
  /** When the oldest unsettled event arrived; undefined when none waits. */
  readonly oldestReceivedAt?: number;
  /** Earliest due time among jobs that are due and not leased. */
  readonly oldestDueAt?: number;
  /** When the longest-held lease was claimed. */
  readonly oldestLeasedAt?: number;
  /** Sum over leases of (now − claimed at), milliseconds: work that runs and has not ended. */
  readonly unfinishedMs: number;
}

export interface QueueStats {
  readonly lanes: Readonly<Record<Lane, LaneStats>>;
  /** Unsettled work of all lanes. */
  readonly size: number;
  /** Unsettled events that deliveries brought: what the capacity bounds. */
  readonly events: number;
  readonly capacity: number;
}

/** A failure as remembered, with the attempt that met it. */
export interface FailureRecord extends Failure {
  readonly attempt: number;
  readonly failedAt: number;
}

/** A job that will not be tried again without a person or a later success. */
export interface DeadLetter extends JobAddress {
  /** `dl_` and digits. */
  readonly id: string;
  readonly cause: string;
  readonly message: string;
  readonly attempts: number;
  readonly failedAt: number;
  readonly firstReceivedAt: number;
  /** Newest last, at most FAILURES_MAX. */
  readonly failures: readonly FailureRecord[];
  /** Newest last, at most LEASE_REASONS_MAX. */
  readonly reasons: readonly Reason[];
  readonly reasonCount: number;
}

/** An event and what became of it. */
export interface EventRecord {
  readonly eventId: string;
  readonly note: string;
  readonly receivedAt: number;
  readonly fate: EventFate;
  /** Absent while queued. */
  readonly settledAt?: number;
  /** The job that holds it, or that settled it. */
  readonly lane?: Lane;
  readonly key?: string;
}

/** A job as an operator sees it. */
export interface JobRecord extends JobAddress {
  readonly jobId: string;
  readonly state: JobState;
  readonly rank: Rank;
  readonly attempt: number;
  readonly dueAt: number;
  readonly leaseExpiresAt?: number;
  readonly failures: readonly FailureRecord[];
  readonly reasonCount: number;
}

/** Which dead letters are meant: by id, by key, or all. `limit` bounds how many. */
export interface DeadLetterSelection {
  /** Ids (`dl_…`) or keys; absent = all. */
  readonly only?: readonly string[];
  readonly limit?: number;
}

/** Reads and operator verbs beside the hot path. Throws Fault STORE_UNAVAILABLE as the queue does. */
export interface QueueView {
  stats(): Promise<QueueStats>;
  /** Newest first. */
  deadLetters(options: { readonly limit: number }): Promise<readonly DeadLetter[]>;
  /** By id (`dl_…`) or by key. */
  deadLetter(idOrKey: string): Promise<DeadLetter | undefined>;
  /** Puts dead letters back to ready: attempt reset, reasons and failures kept. Returns how many. */
  redrive(selection: DeadLetterSelection): Promise<number>;
  /** Deletes dead letters for good; their events stay `dead`. Returns how many. */
  purge(selection: DeadLetterSelection): Promise<number>;
  /** Events by the id that was acknowledged: one, or those of a delivery whose id was given (`<id>:<record id>`). */
  events(eventId: string): Promise<readonly EventRecord[]>;
  /** The jobs (live and dead) of a key in every lane. */
  jobs(key: string): Promise<readonly JobRecord[]>;
}
