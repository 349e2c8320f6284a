import type { z } from "zod";
import type { SearchPayloadDTO } from "./api.generated.ts";
import { type CogneeDataset, translated } from "./cognee-dataset.ts";
import { CogneeRefusal } from "./cognee-faults.ts";
import type { CogneeCall } from "./cognee-session.ts";
import { type Passage, passagesReply, traceReply } from "./cognee-wire.ts";

/** Kinds of search that need no chat with a model. */
export const SEARCH_KINDS = ["CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];

/** Documents and passages by their ids. */
export interface Traces {
  readonly documents: ReadonlySet<string>;
  readonly passages: ReadonlySet<string>;
}

/** A question. The nearest `topK` passages come back even where none matches. */
export interface Question {
  readonly query: string;
  readonly topK: number;
}

/** Searches of a dataset. All throw Fault SINK_… */
export class CogneePassages {
  readonly #dataset: CogneeDataset;

  constructor(dataset: CogneeDataset) {
    this.#dataset = dataset;
  }

  /** The passages nearest to a question by their vectors (`CHUNKS`) or by their words (`CHUNKS_LEXICAL`), nearest first. */
  async nearest(
    question: Question & { readonly kind: "CHUNKS" | "CHUNKS_LEXICAL" },
    signal: AbortSignal,
  ): Promise<readonly Passage[]> {
    const reply = await this.#search(passagesReply, question, signal);
    return reply.flatMap(({ search_result: found }) => found ?? []);
  }

  /** How much of what is nearest to a question is of these documents, or sums up one of these passages. */
  async count(question: Question & { readonly kind: SearchKind }, of: Traces, signal: AbortSignal): Promise<number> {
    const reply = await this.#search(traceReply, question, signal);
    const found = reply.flatMap(({ search_result: each }) => each ?? []);
    const isOf = ({ document_id: document, source_chunk_id: passage }: (typeof found)[number]) =>
      of.documents.has(document ?? "") || of.passages.has(passage ?? "");
    return found.filter(isOf).length;
  }

  /** Nothing where nothing was ever indexed. */
  async #search<Schema extends z.ZodType>(
    schema: Schema,
    wish: Question & { readonly kind: SearchKind },
    signal: AbortSignal,
  ): Promise<z.infer<Schema>> {
    const call = searchCall(wish);
    try {
      return await this.#dataset.tryAsk(schema, call, signal);
    } catch (error) {
      const hasNothing = error instanceof CogneeRefusal && error.status === 404 && error.errorClass === "NoDataError";
      if (hasNothing) return schema.parse([]);
      throw translated(error, call("").doing);
    }
  }
}

/** The call that asks for passages; it opens the dataset's store. */
export function searchCall({ kind, query, topK }: Question & { readonly kind: SearchKind }) {
  return (id: string): CogneeCall => ({
    ...({ method: "POST", path: "/search", doing: "searching" } as const),
    json: { query, searchType: kind, datasetIds: [id], topK } satisfies SearchPayloadDTO,
  });
}
