import { type Call, uuidParam } from "./call.ts";
import type { Chunk, Dataset, StoredDocument } from "./dataset.ts";
import type { Entity } from "./entities.ts";
import { nameUuid } from "./identifiers.ts";
import { type CogneeReply, ok } from "./reply.ts";
import { summaryOf } from "./search-hits.ts";
import { assertWhole, permitted } from "./server-process.ts";

interface Node {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

interface Edge {
  readonly source: string;
  readonly target: string;
  readonly label: string;
}

/** `GET /datasets/:dataset_id/graph`: the whole graph. An entity is there as long as some piece mentions it. */
export async function graph(call: Call): Promise<CogneeReply> {
  const dataset = permitted(call.server.store, uuidParam(call, "dataset_id"), "read");
  assertWhole(dataset);
  const nodes = new Map<string, Node>();
  const edges: Edge[] = [];
  for (const document of dataset.documents) {
    if (document.chunks.length === 0) continue;
    const tags = tagNodes(document);
    const own = [documentNode(document), ...document.chunks.flatMap((chunk) => pieceNodes(document, chunk))];
    const entities = document.chunks.flatMap((chunk) =>
      chunk.entities.flatMap((entity) => entityNodes(dataset, entity)),
    );
    for (const node of [...own, ...tags, ...entities]) nodes.set(node.id, node);
    for (const { id: source } of own)
      edges.push(...tags.map(({ id }) => ({ source, target: id, label: "belongs_to_set" })));
    for (const chunk of document.chunks) edges.push(...pieceEdges(chunk));
  }
  return ok({ nodes: [...nodes.values()], edges: distinct(edges) });
}

function documentNode({ id, name }: StoredDocument): Node {
  return { id, label: name, type: "TextDocument", properties: {} };
}

function tagNodes({ nodeSet }: StoredDocument): readonly Node[] {
  return nodeSet.map((tag) => ({ id: idOf("NodeSet", tag), label: tag, type: "NodeSet", properties: {} }));
}

/** A piece and its summary. */
function pieceNodes(document: StoredDocument, chunk: Chunk): readonly Node[] {
  const { id, text } = chunk;
  const summary = summaryOf(chunk);
  const properties = { text, document_id: document.id, document_name: chunk.documentName };
  return [
    { id, label: `DocumentChunk_${id}`, type: "DocumentChunk", properties },
    {
      ...{ id: summary.id, label: `TextSummary_${summary.id}`, type: "TextSummary" },
      properties: { text: summary.text, source_chunk_id: id },
    },
  ];
}

/** An entity and what it is. */
function entityNodes(dataset: Dataset, { name, kind }: Entity): readonly Node[] {
  const description = dataset.descriptions.get(name) ?? "";
  return [
    { id: idOf("Entity", name), label: name, type: "Entity", properties: { description } },
    { id: idOf("EntityType", kind), label: kind, type: "EntityType", properties: { description: kind } },
  ];
}

/** What ties a piece to its document and to what it mentions; the first that is mentioned knows the others. */
function pieceEdges(chunk: Chunk): readonly Edge[] {
  const first = chunk.entities[0]?.name ?? "";
  return [
    { source: chunk.id, target: chunk.documentId, label: "is_part_of" },
    { source: summaryOf(chunk).id, target: chunk.id, label: "made_from" },
    ...chunk.entities.flatMap(({ name, kind }, index) => [
      { source: chunk.id, target: idOf("Entity", name), label: "contains" },
      { source: idOf("Entity", name), target: idOf("EntityType", kind), label: "is_a" },
      ...(index === 0 ? [] : [{ source: idOf("Entity", first), target: idOf("Entity", name), label: "knows" }]),
    ]),
  ];
}

function distinct(edges: readonly Edge[]): readonly Edge[] {
  return [...new Map(edges.map((edge) => [`${edge.source} ${edge.label} ${edge.target}`, edge])).values()];
}

function idOf(type: string, name: string): string {
  return nameUuid(`${type}:${name}`);
}
