import type { Clock } from "../../clock.ts";
import type { Dataset, Metadata, OperationName, PipelineName, RunRow, RunStatus, StoredDocument } from "./dataset.ts";
import { contentHash, nameUuid, newUuid } from "./identifiers.ts";
import { UtcStamps } from "./utc-stamp.ts";

/** Datasets of one server; as many as a long test run makes. */
const DATASETS_MAX = 10_000;

/** Documents of one dataset; the real server was measured with some 200. */
const DOCUMENTS_MAX = 100_000;

/** Lines of runs kept of one dataset; a run has two, a search one. */
const RUN_ROWS_MAX = 10_000;

/** What a document is made of. */
export interface NewDocument {
  readonly name: string;
  readonly bytes: Buffer;
  readonly label: string | null;
  readonly metadata: Metadata | undefined;
  readonly nodeSet: readonly string[];
}

/** All that the server keeps on its disk: it survives a crash. */
export class Store {
  readonly ownerId: string;
  readonly ownerEmail: string;
  readonly #datasets = new Map<string, Dataset>();
  readonly #stamps: UtcStamps;

  constructor(clock: Clock, ownerEmail: string) {
    this.ownerEmail = ownerEmail;
    this.ownerId = nameUuid(ownerEmail);
    this.#stamps = new UtcStamps(clock);
  }

  /** Datasets in the order of their making. */
  datasets(): readonly Dataset[] {
    return [...this.#datasets.values()];
  }

  dataset(id: string): Dataset | undefined {
    return this.#datasets.get(id);
  }

  named(name: string): Dataset | undefined {
    return this.#datasets.get(this.#idOf(name));
  }

  /** Makes an empty dataset; one of the same name has the same id, whatever was there before. */
  createDataset(name: string): Dataset {
    if (this.#datasets.size >= DATASETS_MAX) throw new RangeError(`more than ${DATASETS_MAX} datasets`);
    const dataset: Dataset = {
      ...{
        id: this.#idOf(name),
        name,
        createdAt: this.#stamps.next(),
        documents: [],
        runRows: [],
        statuses: new Map(),
      },
      ...{ descriptions: new Map(), progress: undefined, hasGraph: false, isBroken: false },
    };
    this.#datasets.set(dataset.id, dataset);
    return dataset;
  }

  deleteDataset(dataset: Dataset): void {
    this.#datasets.delete(dataset.id);
  }

  addDocument(dataset: Dataset, { name, bytes, label, metadata, nodeSet }: NewDocument): StoredDocument {
    if (dataset.documents.length >= DOCUMENTS_MAX) throw new RangeError(`more than ${DOCUMENTS_MAX} documents`);
    const createdAt = this.#stamps.next();
    const document: StoredDocument = {
      ...{ id: newUuid(), datasetId: dataset.id, createdAt, updatedAt: this.#stamps.next(), name, bytes },
      ...{ hash: contentHash(bytes), label, metadata, nodeSet, isCompleted: false, isTorn: false, chunks: [] },
    };
    dataset.documents.push(document);
    return document;
  }

  /** Gives a document another text and name; label, metadata and tags stay as they are. */
  replaceText(document: StoredDocument, { name, bytes }: Pick<NewDocument, "name" | "bytes">): void {
    document.name = name;
    document.bytes = bytes;
    document.hash = contentHash(bytes);
    this.touch(document);
  }

  /** The row was written, whatever was written. */
  touch(document: StoredDocument): void {
    document.updatedAt = this.#stamps.next();
  }

  deleteDocument(dataset: Dataset, document: StoredDocument): void {
    const place = dataset.documents.indexOf(document);
    if (place >= 0) dataset.documents.splice(place, 1);
  }

  /** Writes the state that a run came to, and makes it the dataset's. */
  recordRun(
    dataset: Dataset,
    run: { readonly id: string; readonly pipeline: PipelineName },
    state: { readonly status: RunStatus; readonly errorClass?: string },
  ): void {
    dataset.statuses.set(run.pipeline, state.status);
    const createdAt = this.#stamps.next();
    this.#addRow(dataset, {
      ...{ id: newUuid(), runId: run.id, name: run.pipeline, status: state.status, createdAt },
      startedAt: dataset.runRows.findLast(({ runId }) => runId === run.id)?.startedAt ?? createdAt,
      isEnded: !["DATASET_PROCESSING_STARTED", "DATASET_PROCESSING_INITIATED"].includes(state.status),
      errorClass: state.errorClass ?? null,
    });
  }

  /** Writes that a call was done, or failed. */
  recordOperation(dataset: Dataset, name: OperationName, errorClass: string | null): void {
    const createdAt = this.#stamps.next();
    const ids = { id: newUuid(), runId: newUuid() };
    this.#addRow(dataset, { ...ids, name, status: null, createdAt, startedAt: createdAt, isEnded: true, errorClass });
  }

  #addRow(dataset: Dataset, row: RunRow): void {
    dataset.runRows.push(row);
    if (dataset.runRows.length > RUN_ROWS_MAX) dataset.runRows.shift();
  }

  #idOf(name: string): string {
    return nameUuid(`${name}${this.ownerId}`);
  }
}
