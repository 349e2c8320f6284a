import type { QueueOptions } from "../../queue/queue.ts";
import type { JobTable } from "./job-table.ts";
import type { ReasonTable } from "./reason-table.ts";

/** What the queue's steps work on. */
export interface QueueTables {
  readonly jobs: JobTable;
  readonly reasons: ReasonTable;
  readonly options: QueueOptions;
}
