import type { Chunk, Dataset, StoredDocument } from "./dataset.ts";
import { shownMetadata } from "./dataset-calls.ts";
import { nameUuid } from "./identifiers.ts";
import type { Ways } from "./version-ways.ts";
import { type Ranked, rankByWords } from "./word-ranking.ts";

/** Characters of a summary. */
const SUMMARY_LENGTH = 200;

/** What is asked of a search. */
export interface Question {
  readonly query: string;
  readonly type: string;
  readonly topK: number;
  readonly tags: readonly string[];
}

/** A stored piece with the document that it is of. */
interface Entry {
  readonly chunk: Chunk;
  readonly document: StoredDocument;
  readonly index: number;
  readonly words: Chunk["words"];
}

/** The pieces of a dataset that are nearest to a question, nearest first. */
export function findIn(
  dataset: Dataset,
  { query, type, topK, tags }: Question,
  { tellsMetadata }: Pick<Ways, "tellsMetadata">,
): readonly unknown[] {
  const entries = dataset.documents
    .filter(({ nodeSet }) => tags.length === 0 || tags.some((tag) => nodeSet.includes(tag)))
    .flatMap((document) => document.chunks.map((chunk, index) => ({ chunk, document, index, words: chunk.words })));
  return rankByWords(query, entries)
    .slice(0, topK)
    .map((ranked) => hit(ranked, type))
    .map((found) => (tellsMetadata ? found : { ...found, external_metadata: undefined }));
}

/** One hit; each kind of search has a shape of its own. */
function hit({ entry, distance }: Ranked<Entry>, type: string) {
  const { chunk } = entry;
  const always = {
    ...{ created_at: chunk.createdAt, updated_at: chunk.createdAt, version: 1, ontology_valid: false },
    belongs_to_set: entry.document.nodeSet,
  };
  switch (type) {
    case "CHUNKS_LEXICAL": // A node of the graph: no score.
      return { ...always, id: chunk.id, type: "DocumentChunk", text: chunk.text, ...sourceOf(entry) };
    case "SUMMARIES": {
      // It names the piece, not the document.
      const source = { document_id: null, document_name: null, chunk_index: null, external_metadata: null };
      return {
        ...always,
        ...summaryOf(chunk),
        type: "IndexSchema",
        ...source,
        source_chunk_id: chunk.id,
        score: distance,
      };
    }
    default: // A score is a distance: small is near.
      return {
        ...{ ...always, id: chunk.id, type: "IndexSchema", text: chunk.text, ...sourceOf(entry) },
        ...{ source_chunk_id: null, score: distance },
      };
  }
}

function sourceOf({ chunk, document, index }: Entry) {
  return {
    ...{ document_id: chunk.documentId, document_name: chunk.documentName, chunk_index: index },
    external_metadata: JSON.stringify(shownMetadata(document)),
  };
}

/** The summary of a piece: a model that answers at once gives the beginning of the text. */
export function summaryOf({ id, text }: Chunk): { readonly id: string; readonly text: string } {
  return { id: nameUuid(`summary of ${id}`), text: text.slice(0, SUMMARY_LENGTH) };
}
