import type { Chunk, Dataset, StoredDocument } from "./dataset.ts";
import { entitiesOf } from "./entities.ts";
import { newUuid } from "./identifiers.ts";
import { countWords } from "./word-ranking.ts";

/** Longest piece in characters: a document of 70 kB was seen to become 8 pieces. */
const CHUNK_LENGTH_MAX = 8_750;

/** What replacing a text changed among its pieces. */
export interface ChunkChange {
  readonly chunks: readonly Chunk[];
  readonly added: readonly Chunk[];
  readonly deleted: number;
  readonly kept: number;
}

/** Puts pieces into the graph: what they mention is described in their words from now on. */
export function describeEntities(dataset: Dataset, chunks: readonly Chunk[]): void {
  for (const { entities } of chunks)
    for (const { name, description } of entities) dataset.descriptions.set(name, description);
}

/** Cuts a whole text into pieces. No text, no piece. */
export function chunksOf(document: StoredDocument, createdAt: number): readonly Chunk[] {
  return piecesOf(document.bytes.toString()).map((text) => chunkOf(document, text, createdAt));
}

/**
 * Cuts a new text for a document whose pieces are `document.chunks`: pieces of the old text at which the new one begins or ends stay as they
 * are, only what lies between is cut anew.
 */
export function changeChunks(document: StoredDocument, text: string, createdAt: number): ChunkChange {
  const old = document.chunks;
  let head = 0;
  let from = 0;
  for (const chunk of old) {
    if (!text.startsWith(chunk.text, from)) break;
    from += chunk.text.length;
    head += 1;
  }
  let tail = 0;
  let to = text.length;
  for (const chunk of old.slice(head).reverse()) {
    if (to - chunk.text.length < from || !text.startsWith(chunk.text, to - chunk.text.length)) break;
    to -= chunk.text.length;
    tail += 1;
  }
  const added = piecesOf(text.slice(from, to)).map((piece) => chunkOf(document, piece, createdAt));
  return {
    chunks: [...old.slice(0, head), ...added, ...old.slice(old.length - tail)],
    added,
    deleted: old.length - head - tail,
    kept: head + tail,
  };
}

/** Whole lines together up to the longest piece; a longer line is cut. */
function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const line of text.split(/(?<=\n)/)) {
    if (piece.length + line.length > CHUNK_LENGTH_MAX) {
      if (piece !== "") pieces.push(piece);
      piece = "";
    }
    let rest = line;
    while (rest.length > CHUNK_LENGTH_MAX) {
      const cut = /[\uD800-\uDBFF]/.test(rest.charAt(CHUNK_LENGTH_MAX - 1)) ? CHUNK_LENGTH_MAX - 1 : CHUNK_LENGTH_MAX;
      pieces.push(rest.slice(0, cut)); // Never between the halves of a character.
      rest = rest.slice(cut);
    }
    piece += rest;
  }
  if (piece !== "") pieces.push(piece);
  return pieces;
}

function chunkOf(document: StoredDocument, text: string, createdAt: number): Chunk {
  return {
    ...{ id: newUuid(), documentId: document.id, documentName: document.name, text },
    ...{ words: countWords(text), entities: entitiesOf(text), createdAt },
  };
}
