import type { MemoryDocument } from "../../account.ts";
import { Fault } from "../../faults.ts";
import type { PutRequest, PutResult } from "../memory.ts";
import { translated } from "./cognee-dataset.ts";
import type { CogneeDocuments } from "./cognee-documents.ts";
import { CogneeRefusal } from "./cognee-faults.ts";
import type { DocumentDirectory, KnownDocument } from "./document-directory.ts";

/** Largest text taken, in characters; five times what memhook renders, some 120 chunks for Cognee's model. */
export const COGNEE_TEXT_LENGTH_MAX = 1_000_000;
/** Documents in one request: 3.8 s of Cognee's time (measured). */
const ADD_MAX = 100;

/** What writing works with. */
export interface WriteDeps {
  readonly documents: CogneeDocuments;
  readonly directory: DocumentDirectory;
  /** Throws the fault that is no document's: a model that does not answer, a store that is torn. */
  readonly prove: (signal: AbortSignal) => Promise<void>;
}

/**
 * Writes documents: those that are in the index and keep their title in place, where Cognee can, which spares it most of the work and keeps
 * the id; all others by deleting what is there and adding, in one request for all. Whoever is killed between the two has left nothing: the account is
 * uncertain then, so the next write looks, and adds. One result per request.
 */
export async function writeDocuments(
  deps: WriteDeps,
  requests: readonly PutRequest[],
  signal: AbortSignal,
): Promise<readonly PutResult[]> {
  signal.throwIfAborted();
  const results = new Map<PutRequest, PutResult>();
  const taken = requests.filter((request) => {
    if (request.document.text.length <= COGNEE_TEXT_LENGTH_MAX) return true;
    results.set(request, failed(new Fault("SINK_REFUSED", "writing a document that is too large")));
    return false;
  });
  if (taken.some(({ isUncertain }) => isUncertain)) await deps.documents.settled(signal);
  if (taken.some((request) => mustLook(deps.directory, request))) await deps.directory.refresh(signal);
  const adding: PutRequest[] = [];
  for (const request of taken) {
    const result = await replace(deps, request, signal);
    if (result === undefined) adding.push(request);
    else results.set(request, result);
  }
  for (const together of inAdds(adding)) {
    const added = await addAll(deps, together, signal);
    for (const [index, request] of together.entries()) results.set(request, added[index] ?? failed(noId()));
  }
  return requests.map((request) => results.get(request) ?? failed(noId()));
}

/** Whether Cognee must be asked what it has of the account before it is written. */
function mustLook(directory: DocumentDirectory, { document, sinkRef, isUncertain }: PutRequest): boolean {
  if (isUncertain) return true;
  const [known, ...twins] = directory.of(document.account);
  if (known === undefined) return sinkRef !== undefined;
  // What waits for an index run may have been taken by one of another process.
  return known.dataId !== sinkRef || twins.length > 0 || !known.isIndexed;
}

/** Deals with what is there of the account. Undefined when the document is now to be added. */
async function replace(deps: WriteDeps, request: PutRequest, signal: AbortSignal): Promise<PutResult | undefined> {
  const { directory } = deps;
  const { document, sinkRef } = request;
  const found = directory.of(document.account);
  const kept = found.find(({ dataId }) => dataId === sinkRef) ?? found.find(({ isIndexed }) => isIndexed) ?? found[0];
  for (const twin of found) if (twin !== kept) await remove(deps, twin, signal);
  if (kept === undefined) return undefined;
  // Cognee takes no new metadata for a document, and rebuilds one that is not in the index yet, which loses them.
  if (kept.isIndexed && kept.title === document.title && (await deps.documents.updatesInPlace(signal))) {
    const result = await update(deps, { request, kept }, signal);
    if (result !== undefined) return result;
  }
  await remove(deps, kept, signal);
  return undefined;
}

/** Updates in place. Undefined when the document is gone, or lost its metadata on the way: it is to be added anew. */
async function update(
  deps: WriteDeps,
  { request, kept }: { readonly request: PutRequest; readonly kept: KnownDocument },
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  try {
    const outcome = await deps.documents.update(kept.dataId, request.document, signal);
    return outcome === "updated" ? { outcome: "stored", sinkRef: kept.dataId, isIndexed: true } : undefined;
  } catch (error) {
    return failed(await ownFault(deps, error, signal));
  }
}

/** The fault of one document; throws that of the whole: a model that is away is nobody's fault in particular. */
async function ownFault(deps: WriteDeps, error: unknown, signal: AbortSignal): Promise<Fault> {
  const doing = "updating a document";
  if (!(error instanceof CogneeRefusal) || !isPerhapsOwn(error)) throw translated(error, doing);
  await deps.prove(signal);
  return new Fault("SINK_WRITE_FAILED", doing, { cause: error, detail: error.message });
}

/** What Cognee answers when the model's reply could not be read, the model did not answer, or the store is torn. */
function isPerhapsOwn({ status, errorClass }: CogneeRefusal): boolean {
  return status === 409 || status === 415 || status === 422 || (status === 500 && errorClass === undefined);
}

async function addAll(
  deps: WriteDeps,
  requests: readonly PutRequest[],
  signal: AbortSignal,
): Promise<readonly PutResult[]> {
  const documents = requests.map(({ document }) => document);
  // Each conflict is a document that came to be since we looked: at most one for each of ours.
  for (let tries = 0; tries <= documents.length; tries += 1) {
    const added = await deps.documents.add(documents, signal);
    if (added.outcome === "conflict") {
      await deps.documents.remove(added.dataId, signal);
      continue;
    }
    return idsOf(deps, documents, added.ids, signal);
  }
  throw new Fault("SINK_UNAVAILABLE", "adding documents", { detail: "others add the same" });
}

/**
 * The results of an add. Cognee tells one id for two equal texts of a request though it stores both, tells that of the other document where
 * an equal text is stored already, and older ones tell none: whatever is not plain is looked up by name.
 */
async function idsOf(
  { directory }: WriteDeps,
  documents: readonly MemoryDocument[],
  ids: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<readonly PutResult[]> {
  const isPlain = documents.every(({ account }, index) => {
    const dataId = ids[index];
    if (dataId === undefined || ids.indexOf(dataId) !== index) return false;
    return (directory.accountOf(dataId) ?? account) === account;
  });
  if (!isPlain) await directory.refresh(signal);
  return documents.map(({ account, title }, index) => {
    const dataId = isPlain ? ids[index] : directory.of(account)[0]?.dataId;
    if (dataId === undefined) return failed(new Fault("SINK_REFUSED", "adding a text that another account has"));
    directory.set({ account, dataId, title, isIndexed: false });
    return { outcome: "stored", sinkRef: dataId, isIndexed: false };
  });
}

async function remove({ documents, directory }: WriteDeps, known: KnownDocument, signal: AbortSignal): Promise<void> {
  await documents.remove(known.dataId, signal);
  directory.forget(known.account, known.dataId);
}

function inAdds(requests: readonly PutRequest[]): readonly (readonly PutRequest[])[] {
  const count = Math.ceil(requests.length / ADD_MAX);
  return Array.from({ length: count }, (_, index) => requests.slice(index * ADD_MAX, (index + 1) * ADD_MAX));
}

function failed(fault: Fault): PutResult {
  return { outcome: "failed", fault };
}

function noId(): Fault {
  return new Fault("SINK_WRITE_FAILED", "adding a document", { detail: "Cognee told no id" });
}
