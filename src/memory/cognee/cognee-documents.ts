import { accountIdOf, type MemoryDocument } from "../../account.ts";
import { Fault } from "../../faults.ts";
import { RunRecord, writtenAt } from "./before-processing.ts";
import { type CogneeDataset, translated } from "./cognee-dataset.ts";
import { CogneeRefusal } from "./cognee-faults.ts";
import { WRITE_MS_MAX } from "./cognee-session.ts";
import {
  addReply,
  type ListedRow,
  listingReply,
  type ProcessedRow,
  processingReply,
  updateReply,
} from "./cognee-wire.ts";
import { fileName } from "./document-name.ts";
import type { Capabilities } from "./version-capabilities.ts";

/** Rows of one page of the listing: the most that Cognee gives. */
const PAGE = 1_000;
/** Pages of one listing: what the offset that Cognee takes leads to. */
const PAGES_MAX = 1_000;

/** An id that no document has. */
const NO_DOCUMENT = "00000000-0000-0000-0000-000000000000";

/** Each document's id, where Cognee tells one. `conflict`: a document of one of the names is there with another text; nothing was stored. */
export type AddResult =
  | { readonly outcome: "added"; readonly ids: readonly (string | undefined)[] }
  | { readonly outcome: "conflict"; readonly dataId: string };

/** `gone`: there is no such document. `rebuilt`: searchable, but its metadata and tags are lost. */
export type UpdateOutcome = "updated" | "rebuilt" | "gone";

/** The calls on a dataset's documents. All throw Fault SINK_… */
export class CogneeDocuments {
  readonly #dataset: CogneeDataset;
  readonly #capabilities: (signal: AbortSignal) => Promise<Capabilities>;
  readonly #runs: RunRecord;

  constructor(dataset: CogneeDataset, capabilities: (signal: AbortSignal) => Promise<Capabilities>) {
    this.#dataset = dataset;
    this.#capabilities = capabilities;
    this.#runs = new RunRecord(dataset);
  }

  /** All documents, whoever added them. One that comes or goes meanwhile may be missed. Before 1.6 each page is the whole listing. */
  async list(signal: AbortSignal): Promise<readonly ListedRow[]> {
    const doing = "listing documents";
    const rows = new Map<string, ListedRow>();
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const path = (id: string) => `/datasets/${id}/data?limit=${PAGE}&offset=${page * PAGE}`;
      const found = await this.#dataset.ask(listingReply, (id) => ({ method: "GET", path: path(id), doing }), signal);
      const before = rows.size;
      for (const row of found) rows.set(row.id, row);
      if (found.length !== PAGE || rows.size === before) return [...rows.values()];
    }
    throw new Fault("SINK_UNAVAILABLE", doing, { detail: `more than ${PAGE * PAGES_MAX}` });
  }

  /** Every document and whether it is in the index. */
  async processing(signal: AbortSignal): Promise<readonly ProcessedRow[]> {
    if (!(await this.#capabilities(signal)).tellsIndexed)
      return this.#runs.processing((inner) => this.list(inner), signal);
    const doing = "asking what is in the index";
    const call = (id: string) => ({ method: "GET", path: `/datasets/${id}/processing-status`, doing }) as const;
    return (await this.#dataset.ask(processingReply, call, signal)).items;
  }

  /** A number that grows while an index run gets on. */
  async progress(signal: AbortSignal): Promise<number> {
    if (!(await this.#capabilities(signal)).tellsIndexed)
      return (await this.list(signal)).reduce((newest, row) => Math.max(newest, writtenAt(row)), 0);
    return (await this.processing(signal)).filter(({ completed }) => completed).length;
  }

  /** Whether `update` keeps what a document has besides its text. */
  async updatesInPlace(signal: AbortSignal): Promise<boolean> {
    return (await this.#capabilities(signal)).updatesInPlace;
  }

  /** The stored text; undefined when the document is gone. */
  async text(dataId: string, signal: AbortSignal): Promise<string | undefined> {
    const doing = "reading a document";
    const call = (id: string) => ({ method: "GET", path: `/datasets/${id}/data/${dataId}/raw`, doing }) as const;
    try {
      const { body } = await this.#dataset.trySend(call, signal);
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
    } catch (error) {
      if (error instanceof CogneeRefusal && error.status === 404) return undefined;
      throw translated(error, doing);
    }
  }

  /** Stores documents, not yet searchable: all of one request or none. */
  async add(documents: readonly MemoryDocument[], signal: AbortSignal): Promise<AddResult> {
    const doing = "adding documents";
    const call = (id: string) =>
      ({ method: "POST", path: "/add", form: addForm(id, documents), timeoutMs: WRITE_MS_MAX, doing }) as const;
    try {
      const { data_ingestion_info: infos } = await this.#dataset.tryAsk(addReply, call, signal);
      return { outcome: "added", ids: documents.map((_, index) => infos?.[index]?.data_id) };
    } catch (error) {
      const dataId = error instanceof CogneeRefusal && error.status === 409 ? conflictIn(error.text) : undefined;
      if (dataId === undefined) throw translated(error, doing);
      return { outcome: "conflict", dataId };
    }
  }

  /**
   * Replaces an indexed document's text in place; it is searchable afterwards. Throws CogneeRefusal where it may be this one alone that
   * is refused.
   */
  async update(dataId: string, document: MemoryDocument, signal: AbortSignal): Promise<UpdateOutcome> {
    const form = new FormData();
    form.append("data", fileOf(document), fileName(document.account));
    const call = (id: string) =>
      ({
        ...({ method: "PATCH", path: `/update?data_id=${dataId}&dataset_id=${id}` } as const),
        ...{ form, timeoutMs: WRITE_MS_MAX, doing: "updating a document" },
      }) as const;
    try {
      const { status } = await this.#dataset.tryAsk(updateReply, call, signal);
      return status === "full_rebuild" ? "rebuilt" : "updated";
    } catch (error) {
      // Also told of a dataset that is gone: then adding makes it again.
      if (error instanceof CogneeRefusal && error.status === 404) return "gone";
      throw error;
    }
  }

  /**
   * Waits for the end of everything that was sent to the dataset before, by whomever. Cognee looks for documents of the same name before it waits for
   * the dataset's lock: what is added while an add of a client that is gone still waits becomes a twin (measured, 1.6.5). A delete
   * waits for its turn as all writing does; this one deletes nothing, in 0.2 s.
   */
  async settled(signal: AbortSignal): Promise<void> {
    await this.remove(NO_DOCUMENT, signal);
  }

  /** Deletes a document; one that is not there is deleted. */
  async remove(dataId: string, signal: AbortSignal): Promise<void> {
    const doing = "deleting a document";
    const path = (id: string) => `/datasets/${id}/data/${dataId}`;
    await this.#dataset.send((id) => ({ method: "DELETE", path: path(id), timeoutMs: WRITE_MS_MAX, doing }), signal);
  }
}

/** The parts are positional; the lists are one part each, as JSON. */
function addForm(datasetId: string, documents: readonly MemoryDocument[]): FormData {
  const form = new FormData();
  form.append("datasetId", datasetId);
  for (const document of documents) form.append("data", fileOf(document), fileName(document.account));
  form.append("labels", JSON.stringify(documents.map(({ account }) => account)));
  form.append("external_metadata", JSON.stringify(documents.map(metadataOf)));
  return form;
}

/** What Cognee keeps beside the text. Lost when it rebuilds a document, so nothing depends on it but what is shown. */
function metadataOf({ account, title }: MemoryDocument) {
  return { account, account_id: accountIdOf(account), title };
}

function fileOf({ text }: MemoryDocument): Blob {
  return new Blob([text], { type: "text/plain" });
}

/** The id that a 409 names: of the document that stands in the way. */
function conflictIn(text: string): string | undefined {
  return /data_id\s+'?([0-9a-f]{8}-[0-9a-f-]{27})/i.exec(text)?.[1];
}
