import type { AccountKey, AccountSnapshot, MemoryDocument } from "../account.ts";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { Crm } from "../crm/crm.ts";
import type { Log } from "../log.ts";
import type { Ledger } from "../memory/ledger.ts";
import type { Memory } from "../memory/memory.ts";
import type { Receipts } from "../memory/receipts.ts";
import type { Lane, Queue } from "../queue/queue.ts";
import type { Random } from "../random.ts";
import type { DamagedAccounts } from "./damaged-accounts.ts";
import type { LateWrites, SentWrites } from "./late-writes.ts";
import type { RoutingRules } from "./routing-rules.ts";

/** What the processor is set to. Durations in milliseconds. */
export interface ProcessorOptions {
  /** Loops of the sync lane; route and index have one each. */
  readonly workers: number;
  /** Accounts that one worker claims at a time. */
  readonly batchSize: number;
  /** Longest idle wait between two claims. */
  readonly idleMs: number;
  /** Attempts in all, the first included; then a dead letter. */
  readonly attemptsMax: number;
  readonly retryBaseMs: number;
  readonly leaseMs: number;
  /** How long a sync that events ask for waits for further events of its account; urgent ones do not wait. */
  readonly debounceMs: number;
  /** The sink's dataset: key of the index lane's one job. */
  readonly dataset: string;
  /** How long documents are gathered before the sink makes them searchable; default 0. */
  readonly gatherMs?: number;
  /**
   * Longest that a batch of syncs may run; default 600_000. More where the sink writes the documents of a batch one after the other, each
   * for minutes: a batch that is stopped past it has failed by a bug, which spends attempts.
   */
  readonly syncHoldMs?: number;
  readonly routes: RoutingRules;
  /** Makes the document of a snapshot, field policy applied. Pure; throws when it cannot. */
  readonly render: (snapshot: AccountSnapshot) => MemoryDocument;
}

/**
 * What is measured, in milliseconds: `freshness` = from the change in the CRM to searchable, `sync_lag` = from the arrival
 * of the oldest event to the end of its sync, `attempt_duration` = one attempt at a batch.
 */
export type Observation = "freshness" | "sync_lag" | "attempt_duration";

/** What the processor works with: ports only. */
export interface ProcessorDeps {
  readonly queue: Pick<Queue, "claim" | "extend" | "settle" | "enqueue" | "waitForWork">;
  readonly ledger: Pick<
    Ledger,
    "read" | "intend" | "record" | "distrust" | "parents" | "children" | "inState" | "markIndexed"
  >;
  readonly crm: Pick<Crm, "readAccounts" | "readParents" | "probe">;
  readonly memory: Pick<Memory, "kind" | "put" | "remove" | "flush" | "probe">;
  readonly receipts: Pick<Receipts, "write">;
  /**
   * False while the ledger may lack entries of documents that the sink has: after a total loss of the store, until the ledger
   * was rebuilt. Absent = always true, as where no store is lost under running workers.
   */
  readonly knowsSink?: () => Promise<boolean>;
  readonly counters: Pick<Counters, "add">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly options: ProcessorOptions;
  readonly observe?: (name: Observation, ms: number) => void;
}

/** What a stage works with: the ports, and what this process remembers between batches. */
export interface StageDeps extends ProcessorDeps {
  /** Changes written but not yet searchable, with the time of the change; only to measure freshness. Bounded. */
  readonly unindexed: Map<AccountKey, number>;
  readonly late: LateWrites;
  readonly tally: Tally;
  /** Jobs that this process works on. */
  readonly inFlight: Record<Lane, number>;
}

/** How attempts ended in this process since its start. Attempts given back do not count. */
export interface Tally {
  succeeded: number;
  failed: number;
  lastSuccessAt: number | null;
  readonly damaged: DamagedAccounts;
}

/** The right under which a stage works. */
export interface WorkRight {
  readonly signal: AbortSignal;
  /** Throws when the leases no longer hold; called right before the sink is written. */
  mustHold(): void;
  /** Told of each write of the sink in the turn that sends it. */
  readonly sent: SentWrites;
}
