import { type Call, integerQuery, uuidParam, uuidsQuery } from "./call.ts";
import type { Dataset, PipelineName, RunRow, StoredDocument } from "./dataset.ts";
import { JsonInput } from "./json-input.ts";
import { type CogneeReply, classRefusal, ok } from "./reply.ts";
import { permitted } from "./server-process.ts";
import type { Store } from "./store.ts";

/** Rows of a page of the listing: a client that asks for no more believes that this is all. */
const PAGE_DEFAULT = 100;
const PAGE_MAX = 1000;

/** Farthest begin of a page. */
const OFFSET_MAX = 1_000_000;

/** Lines of a page of the pipeline runs. */
const RUNS_PAGE_DEFAULT = 50;

const PIPELINES: readonly PipelineName[] = ["add_pipeline", "cognify_pipeline", "incremental_update_pipeline"];

/** `GET /datasets`. */
export async function listDatasets({ server }: Call): Promise<CogneeReply> {
  return ok(server.store.datasets().map((dataset) => datasetRow(dataset, server.store.ownerId)));
}

/** `POST /datasets`: the one of that name, made if need be. Only the answer that makes it has a zone in its time. */
export async function createDataset({ server, body }: Call): Promise<CogneeReply> {
  const name = new JsonInput(body).requiredText("name");
  const existing = server.store.named(name);
  if (existing !== undefined) return ok(datasetRow(existing, server.store.ownerId));
  const row = datasetRow(server.store.createDataset(name), server.store.ownerId);
  return ok({ ...row, createdAt: `${row.createdAt}Z` });
}

/** `GET /datasets/:dataset_id/data`: a page of documents, newest first; before 1.6 all of them, the largest first. */
export async function listDocuments(call: Call): Promise<CogneeReply> {
  if (!call.server.ways.hasPages)
    return ok(largestFirst(permitted(call.server.store, uuidParam(call, "dataset_id"), "read")).map(documentRow));
  const limit = integerQuery(call, "limit", { absent: PAGE_DEFAULT, min: 1, max: PAGE_MAX });
  const offset = integerQuery(call, "offset", { absent: 0, min: 0, max: OFFSET_MAX });
  const { documents } = permitted(call.server.store, uuidParam(call, "dataset_id"), "read");
  return ok(
    documents
      .toReversed()
      .slice(offset, offset + limit)
      .map(documentRow),
  );
}

/** `GET /datasets/:dataset_id/data/count`. */
export async function countDocuments(call: Call): Promise<CogneeReply> {
  return ok({ count: permitted(call.server.store, uuidParam(call, "dataset_id"), "read").documents.length });
}

/** `GET /datasets/:dataset_id/processing-status`: the truth about what is pending, all of it in one answer. */
export async function processingStatus(call: Call): Promise<CogneeReply> {
  const { documents } = permitted(call.server.store, uuidParam(call, "dataset_id"), "read");
  const completed = documents.filter(({ isCompleted }) => isCompleted).length;
  return ok({
    ...{ total: documents.length, completed, pending: documents.length - completed },
    items: documents.map(({ id, name, isCompleted }) => ({ id, name, completed: isCompleted })),
  });
}

/** `GET /datasets/:dataset_id/data/:data_id/raw`: the stored text as a file. */
export async function rawDocument(call: Call): Promise<CogneeReply> {
  const dataset = permitted(call.server.store, uuidParam(call, "dataset_id"), "read");
  const documentId = uuidParam(call, "data_id");
  const document = dataset.documents.find(({ id }) => id === documentId);
  if (document === undefined)
    throw classRefusal(404, "DataNotFoundError", `Data (${documentId}) not found in dataset (${dataset.id}).`);
  return { status: 200, text: document.bytes.toString() };
}

/** `GET /datasets/status`: the state of the latest run. One pipeline: a flat map; several: one a dataset. Never run: no key. */
export async function statuses(call: Call): Promise<CogneeReply> {
  const asked = call.query.getAll("pipeline");
  const pipelines =
    asked.length === 0 ? (["cognify_pipeline"] as const) : PIPELINES.filter((name) => asked.includes(name));
  const [only] = pipelines;
  const answer: Record<string, unknown> = {};
  for (const { id, statuses: states } of askedDatasets(call)) {
    const known = pipelines.filter((name) => states.has(name));
    if (known.length === 0) continue;
    const isFlat = asked.length <= 1 && only !== undefined;
    answer[id] = isFlat ? states.get(only) : Object.fromEntries(known.map((name) => [name, states.get(name)]));
  }
  return ok(answer);
}

/** `GET /datasets/status/progress`: the state of the latest cognify with how far it is, null before its first document. */
export async function progress(call: Call): Promise<CogneeReply> {
  const answer: Record<string, unknown> = {};
  for (const { id, statuses: states, progress: reached } of askedDatasets(call)) {
    const status = states.get("cognify_pipeline");
    if (status === undefined) continue;
    const told = reached && {
      ...{ completed_items: reached.completedItems, total_items: reached.totalItems, current_stage: reached.stage },
    };
    answer[id] = { status, progress: told ?? null };
  }
  return ok(answer);
}

/** `GET /activity/pipeline-runs`: one line for each state of a run, one for each search and delete, newest first. Before 1.6 no more can be asked. */
export async function pipelineRuns(call: Call): Promise<CogneeReply> {
  const { store, ways } = call.server;
  const asked = ways.hasPages ? call : { ...call, query: new URLSearchParams() };
  const limit = integerQuery(asked, "limit", { absent: RUNS_PAGE_DEFAULT, min: 1, max: PAGE_MAX });
  const offset = integerQuery(asked, "offset", { absent: 0, min: 0, max: OFFSET_MAX });
  const ids = uuidsQuery(call, "dataset_id");
  const pipeline = asked.query.get("pipeline_name");
  const datasets = ids.length === 0 ? store.datasets() : ids.map((id) => permitted(store, id, "read"));
  const rows = datasets.flatMap((dataset) =>
    dataset.runRows
      .filter((row) => pipeline === null || (row.status !== null && row.name === pipeline))
      .map((row) => runRow(store, dataset, row)),
  );
  rows.sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  return ok(rows.slice(offset, offset + limit));
}

/** The document's notes as the listing and the pieces tell them: the caller's own, the server's, and the tags. */
export function shownMetadata({ metadata, nodeSet, name }: StoredDocument): Readonly<Record<string, unknown>> {
  return {
    ...metadata,
    _cognee: { source_uri: `file:///uploads/${name}.txt` },
    ...(nodeSet.length === 0 ? {} : { node_set: nodeSet }),
  };
}

function askedDatasets(call: Call): readonly Dataset[] {
  const ids = uuidsQuery(call, "dataset");
  return ids.length === 0 ? call.server.store.datasets() : ids.map((id) => permitted(call.server.store, id, "read"));
}

function runRow(store: Store, dataset: Dataset, row: RunRow) {
  const isOperation = row.status === null;
  return {
    ...{ id: row.id, kind: isOperation ? "operation" : "pipeline", pipeline_name: isOperation ? null : row.name },
    ...{ status: row.status, dataset_id: dataset.id, dataset_name: dataset.name },
    ...{ owner_id: store.ownerId, owner_email: store.ownerEmail, created_at: row.createdAt },
    ...{ pipeline_run_id: row.runId, operation_name: row.name, origin: "api" },
    ...{ outcome: row.isEnded ? (row.errorClass === null ? "succeeded" : "failed") : null, background: null },
    ...{ error_class: row.errorClass, tokens_in: null, tokens_out: null, embedding_tokens: null },
    ...{ started_at: row.startedAt, ended_at: row.isEnded ? row.createdAt : null, user_id: store.ownerId },
    ...{ session_id: null, parent_operation_id: null },
  };
}

function datasetRow({ id, name, createdAt }: Dataset, ownerId: string) {
  return { id, name, createdAt, updatedAt: null, ownerId };
}

function documentRow(document: StoredDocument) {
  const { id, name, createdAt, updatedAt, datasetId, label, hash, bytes } = document;
  return {
    ...{ id, name, createdAt, updatedAt, extension: "txt", mimeType: "text/plain" },
    rawDataLocation: `file:///data/text_${hash}.txt`,
    ...{ datasetId, label, externalMetadata: shownMetadata(document), dataSize: bytes.length },
  };
}

function largestFirst({ documents }: Dataset): readonly StoredDocument[] {
  return documents.toSorted((one, other) => other.bytes.length - one.bytes.length);
}
