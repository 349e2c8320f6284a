import type { CogneeDataset } from "./cognee-dataset.ts";
import { WRITE_MS_MAX } from "./cognee-session.ts";
import { type GraphReply, graphReply } from "./cognee-wire.ts";

/** Something that documents mention, as the model described it when it last read one of them. */
export interface Entity {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Documents that mention it, by their ids. */
  readonly documents: ReadonlySet<string>;
}

/** What of the graph is needed to find words of a document that is gone. */
export interface Graph {
  readonly entities: readonly Entity[];
  /** Passages of each document, by their ids. */
  readonly passages: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The whole graph; there is no smaller question. Throws Fault SINK_…, also where it is larger than replies may be. */
export async function readGraph(dataset: CogneeDataset, signal: AbortSignal): Promise<Graph> {
  const rest = { method: "GET", timeoutMs: WRITE_MS_MAX, doing: "reading the graph" } as const;
  return graphOf(await dataset.ask(graphReply, (id) => ({ ...rest, path: `/datasets/${id}/graph` }), signal));
}

/** A passage `is_part_of` its document and `contains` entities. */
function graphOf({ nodes, edges }: GraphReply): Graph {
  const documentOf = new Map<string, string>();
  const passages = new Map<string, Set<string>>();
  for (const { source, target, label } of edges) {
    if (label !== "is_part_of") continue;
    documentOf.set(source, target);
    passages.set(target, (passages.get(target) ?? new Set()).add(source));
  }
  const documents = new Map<string, Set<string>>();
  for (const { source, target, label } of edges) {
    const document = documentOf.get(source);
    if (label === "contains" && document !== undefined)
      documents.set(target, (documents.get(target) ?? new Set()).add(document));
  }
  const entities = nodes
    .filter(({ type }) => type === "Entity")
    .map(({ id, label, properties: { description } }) => ({
      ...{ id, name: label, description: description ?? "" },
      documents: documents.get(id) ?? new Set<string>(),
    }));
  return { entities, passages };
}
