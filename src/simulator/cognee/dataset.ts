import type { Entity } from "./entities.ts";
import type { WordCounts } from "./word-ranking.ts";

/** Pipelines whose runs a dataset remembers. */
export type PipelineName = "add_pipeline" | "cognify_pipeline" | "incremental_update_pipeline";

/** Calls that the list of runs tells of besides. */
export type OperationName = "search" | "delete" | "forget";

/** States of a run. INITIATED is what add writes before 1.6; 1.6.5 was never seen to. */
export type RunStatus =
  | "DATASET_PROCESSING_INITIATED"
  | "DATASET_PROCESSING_STARTED"
  | "DATASET_PROCESSING_COMPLETED"
  | "DATASET_PROCESSING_ERRORED";

/** The caller's own notes on a document. */
export type Metadata = Readonly<Record<string, unknown>>;

/** A searchable piece of a document's text. The pieces of one document, put together, are its text. */
export interface Chunk {
  readonly id: string;
  readonly documentId: string;
  /** As it was when the piece was written. */
  readonly documentName: string;
  readonly text: string;
  readonly words: WordCounts;
  readonly entities: readonly Entity[];
  readonly createdAt: number;
}

/** One row of the listing, with the bytes that it stands for. */
export interface StoredDocument {
  readonly id: string;
  readonly datasetId: string;
  readonly createdAt: string;
  updatedAt: string;
  name: string;
  bytes: Buffer;
  /** md5 of the bytes. */
  hash: string;
  readonly label: string | null;
  /** Undefined: none was sent, or an update lost it. */
  metadata: Metadata | undefined;
  /** The tags. */
  nodeSet: readonly string[];
  /** The completion mark of cognify. */
  isCompleted: boolean;
  /** Stored pieces that were caught in the middle of a write: they are not the text any more. */
  isTorn: boolean;
  /** What searches find, whatever the row says. */
  chunks: readonly Chunk[];
}

/** One line of the list of runs: a pipeline's run has one for each of its states, an operation has one. */
export interface RunRow {
  readonly id: string;
  readonly runId: string;
  readonly name: PipelineName | OperationName;
  /** Null: an operation. */
  readonly status: RunStatus | null;
  readonly createdAt: string;
  readonly startedAt: string;
  readonly isEnded: boolean;
  /** Class of what made the run fail. */
  readonly errorClass: string | null;
}

/** How far the run of the moment is. */
export interface Progress {
  readonly completedItems: number;
  readonly totalItems: number;
  readonly stage: string;
}

/** A dataset: unit of permission, lock, status and deletion. */
export interface Dataset {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  /** In the order of their coming. */
  readonly documents: StoredDocument[];
  /** Oldest first, at most RUN_ROWS_MAX. */
  readonly runRows: RunRow[];
  /** Latest state by pipeline; never run: absent. */
  readonly statuses: Map<PipelineName, RunStatus>;
  /**
   * Descriptions of entities by name, each of the piece that was written last. A piece that goes leaves them as they are: while another
   * piece mentions the entity, the words of a deleted document can be read in it.
   */
  readonly descriptions: Map<string, string>;
  progress: Progress | undefined;
  /** Some document was cognified here once: there is a graph that can be searched. */
  hasGraph: boolean;
  /** Its graph file is corrupted: what touches it fails until a person mends it. */
  isBroken: boolean;
}
