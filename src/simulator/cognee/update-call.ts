import { parseNodeSet } from "./add-form.ts";
import { type Call, uuidQuery } from "./call.ts";
import { changeChunks, describeEntities } from "./chunks.ts";
import { beginRun, doRun } from "./cognify-run.ts";
import type { Dataset, StoredDocument } from "./dataset.ts";
import { storedName } from "./document-name.ts";
import { contentHash, newUuid } from "./identifiers.ts";
import { askModel } from "./model.ts";
import { type CogneeReply, classRefusal, invalidRequest, ok } from "./reply.ts";
import { assertWhole, type ServerProcess } from "./server-process.ts";
import { flagOf, missing, notBoolean, parseUploadForm, type Upload } from "./upload-form.ts";

/** Why a document was rebuilt rather than changed in place. */
const FALLBACK_DETAIL = {
  disabled: "chunk_level_diff=False was requested",
  unsupported_metadata: "chunk-level update does not reconcile node_set or document metadata",
  unsupported_backend: "the dataset has no graph yet",
  no_baseline: "the document has no stored chunks in the graph (not cognified yet?)",
  chunks_not_tiling: "the stored chunks do not make up the stored text",
} as const;

type FallbackReason = keyof typeof FALLBACK_DETAIL;

interface Update {
  readonly dataset: Dataset;
  readonly document: StoredDocument;
  readonly upload: Upload;
  readonly nodeSet: readonly string[] | undefined;
  readonly isDiffWanted: boolean;
  readonly startedAt: number;
}

/** `PATCH /update`: gives one document another text. In place where it can; else rebuilt, which loses metadata and tags. */
export async function update(call: Call): Promise<CogneeReply> {
  const { server } = call;
  const ids = { document: uuidQuery(call, "data_id"), dataset: uuidQuery(call, "dataset_id") };
  const isDiffWanted = diffWanted(call.query.get("chunk_level_diff"));
  const form = await parseUploadForm(call.body, call.header("content-type") ?? "");
  const [upload, ...more] = form.files;
  if (upload === undefined) throw invalidRequest(missing(["body", "data"], null), form.sent);
  if (more.length > 0)
    throw classRefusal(
      415,
      "IngestionError",
      `update() replaces exactly one document; got a list of ${form.files.length} items.`,
    );
  assertWhole(targetOf(server, ids).dataset);
  return server.locks.hold(ids.dataset, async () => {
    const target = targetOf(server, ids); // It may have been deleted while this call waited.
    const options = { upload, nodeSet: parseNodeSet(form), isDiffWanted, startedAt: server.clock.now() };
    return apply(server, { ...target, ...options });
  });
}

/** An unknown dataset, a forbidden one and an unknown document look alike. */
function targetOf(server: ServerProcess, ids: { readonly dataset: string; readonly document: string }) {
  const dataset = server.store.dataset(ids.dataset);
  const document = dataset?.documents.find(({ id }) => id === ids.document);
  if (dataset !== undefined && document !== undefined) return { dataset, document };
  throw classRefusal(
    404,
    "UpdateTargetNotFoundError",
    `No document found to update: data_id '${ids.document}' does not exist in dataset '${ids.dataset}'.`,
  );
}

async function apply(server: ServerProcess, update: Update): Promise<CogneeReply> {
  server.life.reach("update-before-writes");
  const reason = fallbackReason(update);
  if (reason !== undefined) return rebuild(server, update, reason);
  if (contentHash(update.upload.bytes) === update.document.hash) return ok(unchanged(server, update));
  return change(server, update);
}

function fallbackReason({ dataset, document, nodeSet, isDiffWanted }: Update): FallbackReason | undefined {
  if (!isDiffWanted) return "disabled";
  if (nodeSet !== undefined) return "unsupported_metadata";
  if (!dataset.hasGraph) return "unsupported_backend";
  if (document.isTorn) return "chunks_not_tiling";
  return document.isCompleted && document.chunks.length > 0 ? undefined : "no_baseline";
}

function unchanged(server: ServerProcess, update: Update) {
  const kept = update.document.chunks.length;
  return { ...resultOf(server, update, "unchanged"), ...counted({ kept, total: kept }) };
}

/** Only what differs goes to the model; label, metadata and tags stay. A model that fails leaves all as it was. */
async function change(server: ServerProcess, update: Update): Promise<CogneeReply> {
  const { dataset, document, upload } = update;
  const run = { id: newUuid(), pipeline: "incremental_update_pipeline" } as const;
  server.store.recordRun(dataset, run, { status: "DATASET_PROCESSING_STARTED" });
  await server.life.wait(server.knobs.delayMs + server.latency.updateMs);
  const text = upload.bytes.toString();
  const fault = text === "" ? undefined : askModel(server, text);
  if (fault !== undefined) {
    server.store.recordRun(dataset, run, { status: "DATASET_PROCESSING_ERRORED", errorClass: fault.errorClass });
    throw fault.onUpdate;
  }
  const { chunks, added, deleted, kept } = changeChunks(document, text, server.clock.now());
  if (server.life.isArmed("update-writing")) {
    document.chunks = [...document.chunks, ...chunks.filter((chunk) => !document.chunks.includes(chunk))];
    document.isTorn = true;
  }
  server.life.reach("update-writing");
  document.chunks = chunks;
  describeEntities(dataset, added);
  server.store.replaceText(document, { name: storedName(upload.fileName), bytes: upload.bytes });
  server.store.recordRun(dataset, run, { status: "DATASET_PROCESSING_COMPLETED" });
  server.counts.documentsUpdated += 1;
  server.life.reach("update-before-answer");
  const counts = counted({ regions: 1, added: added.length, deleted, kept, total: chunks.length });
  return ok({ ...resultOf(server, update, "incremental"), ...counts, pipeline_run_id: run.id });
}

/** The document is stored anew and cognified with all else that is pending. The label stays; metadata goes, tags unless they were sent. */
async function rebuild(server: ServerProcess, update: Update, reason: FallbackReason): Promise<CogneeReply> {
  const { dataset, document, upload } = update;
  server.store.recordOperation(dataset, "forget", null);
  document.metadata = undefined;
  document.nodeSet = update.nodeSet ?? [];
  document.isCompleted = false;
  document.isTorn = false;
  document.chunks = [];
  const adding = { id: newUuid(), pipeline: "add_pipeline" } as const;
  server.store.recordRun(dataset, adding, { status: "DATASET_PROCESSING_STARTED" });
  server.store.replaceText(document, { name: storedName(upload.fileName), bytes: upload.bytes });
  server.store.recordRun(dataset, adding, { status: "DATASET_PROCESSING_COMPLETED" });
  const run = beginRun(server, dataset);
  server.life.reach("rebuild");
  const end = await doRun(server, dataset, run);
  if (!end.isGood) throw end.fault.onUpdate;
  server.life.reach("update-before-answer");
  const result = { ...resultOf(server, update, "full_rebuild"), ...counted(undefined), pipeline_run_id: run.id };
  return ok({ ...result, fallback: { reason, detail: FALLBACK_DETAIL[reason] } });
}

function resultOf(
  server: ServerProcess,
  update: Update,
  status: "incremental" | "unchanged" | "full_rebuild" | "failed",
) {
  return {
    ...{ status, data_id: update.document.id, dataset_id: update.dataset.id },
    duration_seconds: (server.clock.now() - update.startedAt) / 1000,
    ...{ pipeline_run_id: null, fallback: null, error: null },
  };
}

/** The counters of pieces, which a full rebuild leaves null. */
function counted(counts: Readonly<Record<string, number>> | undefined) {
  const count = (name: string) => (counts === undefined ? null : (counts[name] ?? 0));
  return {
    ...{ regions: count("regions"), deleted_chunks: count("deleted"), added_chunks: count("added") },
    ...{ reused_chunks: count("reused"), kept_chunks: count("kept"), reindexed_chunks: count("reindexed") },
    ...{ redated_chunks: count("redated"), total_chunks: count("total") },
  };
}

function diffWanted(text: string | null): boolean {
  const flag = text === null ? true : flagOf(text);
  if (flag === undefined) throw invalidRequest(notBoolean(["query", "chunk_level_diff"], text), null);
  return flag;
}
