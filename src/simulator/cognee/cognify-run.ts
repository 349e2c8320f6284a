import { chunksOf, describeEntities } from "./chunks.ts";
import type { Dataset, StoredDocument } from "./dataset.ts";
import { newUuid } from "./identifiers.ts";
import { askModel, type ModelFault } from "./model.ts";
import type { ServerProcess } from "./server-process.ts";

/** A run of cognify on one dataset, and which of its documents it found done already. */
export interface CognifyRun {
  readonly id: string;
  readonly alreadyDone: ReadonlySet<string>;
}

/** How a run ended. */
export type RunEnd = { readonly isGood: true } | { readonly isGood: false; readonly fault: ModelFault };

/** Begins a run: from here the status says STARTED. The caller holds the dataset's lock. */
export function beginRun(server: ServerProcess, dataset: Dataset): CognifyRun {
  const run = { id: newUuid(), alreadyDone: new Set(doneOf(dataset)) };
  server.counts.runs += 1;
  dataset.progress = undefined;
  server.store.recordRun(dataset, runOf(run), { status: "DATASET_PROCESSING_STARTED" });
  return run;
}

/**
 * Does a run: every document that has no mark yet is made searchable, and only when all are, all are marked. One that the model fails at
 * fails the run, and all that the run made is taken back; what earlier runs made stays.
 */
export async function doRun(server: ServerProcess, dataset: Dataset, run: CognifyRun): Promise<RunEnd> {
  const pending = dataset.documents.filter((document) => !document.isCompleted);
  await server.life.wait(server.knobs.delayMs);
  for (const [done, document] of pending.entries()) {
    server.life.reach("cognify", { done, total: pending.length });
    await server.life.wait(server.latency.cognifyDocumentMs);
    server.counts.documentsCognified += 1;
    const fault = askModel(server, document.bytes.toString());
    // A graph that was begun stays, though a failed run leaves nothing in it.
    dataset.hasGraph ||= fault === undefined || fault.isAfterChat;
    if (fault !== undefined) return rollBack(server, { dataset, run, pending, fault });
    document.chunks = chunksOf(document, server.clock.now());
    document.isTorn = false;
    describeEntities(dataset, document.chunks);
    dataset.progress = { completedItems: done + 1, totalItems: pending.length, stage: "cognify" };
  }
  server.life.reach("cognify", { done: pending.length, total: pending.length });
  for (const document of pending) {
    document.isCompleted = true;
    server.store.touch(document);
  }
  dataset.progress = undefined;
  server.store.recordRun(dataset, runOf(run), { status: "DATASET_PROCESSING_COMPLETED" });
  return { isGood: true };
}

/** What a run tells of each document, whether it had to do it or not. */
export function documentReports(dataset: Dataset, run: CognifyRun): readonly unknown[] {
  return dataset.documents.map(({ id }) => ({
    run_info: runReport(dataset, {
      id: run.id,
      status: run.alreadyDone.has(id) ? "PipelineRunAlreadyCompleted" : "PipelineRunCompleted",
    }),
    data_id: id,
  }));
}

/** The report of a run, without the documents. */
export function runReport(dataset: Dataset, run: { readonly id: string; readonly status: string }) {
  return {
    ...{ status: run.status, pipeline_run_id: run.id, dataset_id: dataset.id, dataset_name: dataset.name },
    ...{ payload: null, data_ingestion_info: null },
  };
}

/** The answer to work that goes on in the background. */
export function startedReport(dataset: Dataset, id: string) {
  return { ...runReport(dataset, { id, status: "PipelineRunStarted" }), payload: [] };
}

function rollBack(
  server: ServerProcess,
  failed: {
    readonly dataset: Dataset;
    readonly run: CognifyRun;
    readonly pending: readonly StoredDocument[];
    readonly fault: ModelFault;
  },
): RunEnd {
  for (const document of failed.pending) document.chunks = [];
  failed.dataset.progress = undefined;
  const state = { status: "DATASET_PROCESSING_ERRORED", errorClass: failed.fault.errorClass } as const;
  server.store.recordRun(failed.dataset, runOf(failed.run), state);
  return { isGood: false, fault: failed.fault };
}

function runOf(run: CognifyRun) {
  return { id: run.id, pipeline: "cognify_pipeline" } as const;
}

function doneOf(dataset: Dataset): readonly string[] {
  return dataset.documents.filter((document) => document.isCompleted).map(({ id }) => id);
}
