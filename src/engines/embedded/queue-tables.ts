import type { QueueOptions } from "../../queue/queue.ts";
import type { DedupMemory } from "./dedup-memory.ts";
import type { JobTable } from "./job-table.ts";
import type { ReasonTable } from "./reason-table.ts";
import type { RestTimes } from "./rest-times.ts";

/** What the queue's steps work on. */
export interface QueueTables {
  readonly jobs: JobTable;
  readonly reasons: ReasonTable;
  readonly dedup: DedupMemory;
  readonly rests: RestTimes;
  readonly options: QueueOptions;
}
