import { z } from "zod";
import type { CogneeDataset } from "./cognee-dataset.ts";
import { readGraph } from "./cognee-graph.ts";
import { type ListedRow, type ProcessedRow, statusReply } from "./cognee-wire.ts";

/** The 50 newest states of runs; searches and deletes have a row as well, with nothing in these fields (measured, 1.5.2). */
const runsReply = z.array(
  z.object({ pipeline_name: z.string().nullable(), status: z.string().nullable(), created_at: z.string() }),
);

/** What adding makes of the status before 1.6, before it waits for its turn. */
export const INITIATED = "DATASET_PROCESSING_INITIATED";

/**
 * Which documents are in the index of a Cognee before 1.6, which does not tell. A run takes all that is pending, under the lock that adding waits for,
 * and marks each document, which moves `updatedAt`, before it writes that it is complete: so what was not written since the newest
 * complete run is in the index. What a run left that failed or was killed counts as pending, as does a document that was taken out.
 */
export class RunRecord {
  readonly #dataset: CogneeDataset;
  /** When the newest complete run ended, as far as this process has seen: fifty searches push it out of what Cognee shows. */
  #completedAt: number | undefined;

  constructor(dataset: CogneeDataset) {
    this.#dataset = dataset;
  }

  /** Of each document whether it is in the index. Throws Fault SINK_… */
  async processing(
    list: (signal: AbortSignal) => Promise<readonly ListedRow[]>,
    signal: AbortSignal,
  ): Promise<readonly ProcessedRow[]> {
    await this.#look(signal); // Before the listing: what comes to be in between is then pending.
    const completedAt = this.#completedAt;
    const known = completedAt === undefined ? await this.#inGraph(signal) : undefined;
    return (await list(signal)).map((row) => ({
      ...{ id: row.id, name: row.name },
      completed: completedAt === undefined ? known?.has(row.id) === true : writtenAt(row) <= completedAt,
    }));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const completed = (await statesOfRuns(this.#dataset, signal))
      .filter(({ status }) => status === "DATASET_PROCESSING_COMPLETED")
      .map((row) => instantOf(row.created_at));
    if (completed.length > 0) this.#completedAt = Math.max(this.#completedAt ?? 0, ...completed);
  }

  /** For when no complete run is shown. Only where the newest one is complete the graph holds nothing that is half done. */
  async #inGraph(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const doing = "asking how the index run is doing";
    const call = (id: string) => ({ method: "GET", path: `/datasets/status?dataset=${id}`, doing }) as const;
    const statuses = Object.values(await this.#dataset.ask(statusReply, call, signal));
    if (!statuses.includes("DATASET_PROCESSING_COMPLETED")) return new Set();
    return new Set((await readGraph(this.#dataset, signal)).passages.keys());
  }
}

/**
 * State of the newest index run, where adding has written over what Cognee calls the status: it says INITIATED then, also while a run goes on.
 * Undefined where the record does not reach back so far.
 */
export async function stateOfRun(dataset: CogneeDataset, signal: AbortSignal): Promise<string | undefined> {
  return (await statesOfRuns(dataset, signal)).find(({ status }) => status !== INITIATED)?.status ?? undefined;
}

/** States of index runs, the newest first. */
async function statesOfRuns(dataset: CogneeDataset, signal: AbortSignal): Promise<z.infer<typeof runsReply>> {
  const doing = "asking for the index runs";
  const call = (id: string) => ({ method: "GET", path: `/activity/pipeline-runs?dataset_id=${id}`, doing }) as const;
  return (await dataset.ask(runsReply, call, signal)).filter((row) => row.pipeline_name === "cognify_pipeline");
}

/** When a document was last written, by anybody: also by a run that has taken it. */
export function writtenAt({ createdAt, updatedAt }: ListedRow): number {
  return Math.max(instantOf(createdAt), instantOf(updatedAt ?? createdAt));
}

/** Cognee's times are UTC; on SQLite they have no zone. */
function instantOf(text: string): number {
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}
