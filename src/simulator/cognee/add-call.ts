import { type Marks, parseMarks, parseNodeSet } from "./add-form.ts";
import type { Call } from "./call.ts";
import { runReport, startedReport } from "./cognify-run.ts";
import type { Dataset, StoredDocument } from "./dataset.ts";
import { isGuarded, storedName } from "./document-name.ts";
import { contentHash, newUuid, parseUuid } from "./identifiers.ts";
import { notUuid } from "./json-input.ts";
import { type CogneeReply, errorRefusal, internalError, invalidRequest, ok } from "./reply.ts";
import { assertWhole, permitted, type ServerProcess, stillThere } from "./server-process.ts";
import { parseFlag, parseUploadForm, type Upload, type UploadForm } from "./upload-form.ts";

/** `POST /add`: stores files as documents, without a word to the model. Answers by position. */
export async function add({ server, body, header }: Call): Promise<CogneeReply> {
  const form = await parseUploadForm(body, header("content-type") ?? "");
  const isBackground = parseFlag(form, "run_in_background", false);
  if (form.files.length === 0)
    throw errorRefusal(400, "Provide at least one file in 'data' or one entry in 'raw_data'.", null);
  const marks = parseMarks(form, form.files.length);
  const dataset = datasetOf(server, form);
  assertWhole(dataset);
  if (server.ways.resetsAtAdd) resetRuns(server, dataset);
  return server.locks.hold(dataset.id, async (leave) => {
    const present = stillThere(server.store, dataset.id);
    const request = { dataset: present, files: form.files, marks, nodeSet: parseNodeSet(form) ?? [] };
    if (server.ways.guardsNames) refuseExisting(present, form.files);
    if (!isBackground) return ok(await store(server, request));
    leave(store(server, request));
    return ok(startedReport(present, newUuid()));
  });
}

interface AddRequest {
  readonly dataset: Dataset;
  readonly files: readonly Upload[];
  readonly marks: Marks;
  readonly nodeSet: readonly string[];
}

/** The dataset by id, or by name, which makes it where there is none. */
function datasetOf(server: ServerProcess, form: UploadForm): Dataset {
  const id = form.text("datasetId");
  const name = form.text("datasetName");
  if (id !== undefined) {
    const parsed = parseUuid(id);
    if (parsed === undefined) throw invalidRequest(notUuid(["body", "datasetId"], id), form.sent);
    return permitted(server.store, parsed, "write");
  }
  if (name === undefined) throw errorRefusal(400, "Either datasetId or datasetName must be provided.", null);
  if (/[ .]/.test(name)) throw internalError("Dataset name cannot contain spaces or dots.");
  return server.store.named(name) ?? server.store.createDataset(name);
}

/**
 * One file of a guarded kind, whose name some document has with other content, refuses all of the request. Where two documents have the name,
 * even the content of one of them is refused, for the sake of the other.
 */
function refuseExisting(dataset: Dataset, files: readonly Upload[]): void {
  const existing = files
    .filter(({ fileName }) => isGuarded(fileName))
    .flatMap(({ fileName, bytes }) => {
      const name = storedName(fileName);
      const hash = contentHash(bytes);
      return dataset.documents.filter((document) => document.name === name && document.hash !== hash);
    });
  if (existing.length === 0) return;
  const named = existing.map(({ name, id }) => `'${name}.txt' (data_id ${id})`).join(", ");
  throw errorRefusal(
    409,
    "Document already exists; use the update endpoint",
    `POST /api/v1/add does not update documents. ${named} already ${existing.length === 1 ? "exists" : "exist"} in dataset ${dataset.id} with different content. Send the new version to PATCH /api/v1/update.`,
  );
}

/** Without waiting for the lock: a run that is under way no longer seems to be. */
function resetRuns({ store }: ServerProcess, dataset: Dataset): void {
  for (const [pipeline, status] of [...dataset.statuses])
    if (status !== "DATASET_PROCESSING_INITIATED")
      store.recordRun(dataset, { id: newUuid(), pipeline }, { status: "DATASET_PROCESSING_INITIATED" });
}

async function store(server: ServerProcess, request: AddRequest) {
  const { dataset, files, marks, nodeSet } = request;
  const run = { id: newUuid(), pipeline: "add_pipeline" } as const;
  server.store.recordRun(dataset, run, { status: "DATASET_PROCESSING_STARTED" });
  const known = new Map(dataset.documents.map((document) => [document.hash, document]));
  const answered = new Map<string, StoredDocument>();
  const reports: unknown[] = [];
  for (const [index, { fileName, bytes }] of files.entries()) {
    server.life.reach("add", { done: index, total: files.length });
    await server.life.wait(server.latency.addDocumentMs);
    const hash = contentHash(bytes);
    const existing = known.get(hash);
    // Twins in one request become two rows, and the answer tells of one.
    const stored =
      existing ??
      server.store.addDocument(dataset, {
        ...{ name: storedName(fileName) || `text_${hash}`, bytes, nodeSet },
        ...{ label: marks.labels?.[index] ?? null, metadata: marks.metadata?.[index] },
      });
    if (existing === undefined) server.counts.documentsAdded += 1;
    const told = answered.get(hash) ?? stored;
    answered.set(hash, told);
    const status = existing === undefined ? "PipelineRunCompleted" : "PipelineRunAlreadyCompleted";
    reports.push({ run_info: runReport(dataset, { id: run.id, status }), data_id: told.id });
  }
  server.life.reach("add", { done: files.length, total: files.length });
  server.store.recordRun(dataset, run, { status: "DATASET_PROCESSING_COMPLETED" });
  return { ...runReport(dataset, { id: run.id, status: "PipelineRunCompleted" }), data_ingestion_info: reports };
}
