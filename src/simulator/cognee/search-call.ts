import type { Call } from "./call.ts";
import type { Dataset } from "./dataset.ts";
import { JsonInput } from "./json-input.ts";
import { askEmbedding } from "./model.ts";
import { type CogneeReply, classRefusal, internalError, ok, Refusal } from "./reply.ts";
import { findIn, type Question } from "./search-hits.ts";
import { assertWhole, permitted, type ServerProcess } from "./server-process.ts";

const TOP_K_DEFAULT = 15;

/** What 1.6.5 can be asked for; the stand-in answers those that need no chat with a model. */
const SEARCH_TYPES = [
  ...["SUMMARIES", "CHUNKS", "RAG_COMPLETION", "HYBRID_COMPLETION", "GRAPH_COMPLETION"],
  ...["GRAPH_COMPLETION_DECOMPOSITION", "GRAPH_SUMMARY_COMPLETION", "CYPHER", "NATURAL_LANGUAGE"],
  ...["GRAPH_COMPLETION_COT", "GRAPH_COMPLETION_CONTEXT_EXTENSION", "FEELING_LUCKY", "TEMPORAL", "CODING_RULES"],
  ...["CHUNKS_LEXICAL", "AGENTIC_COMPLETION", "CODE", "GRAPH_REPORT", "BROAD", "SKILLS", "TRIPLET_COMPLETION"],
];

/** `POST /search`: the nearest pieces of each dataset, whether they match or not. */
export async function search({ server, body }: Call): Promise<CogneeReply> {
  const input = new JsonInput(body);
  const ids = input.uuids("datasetIds") ?? [];
  const names = input.texts("datasets") ?? [];
  const question = questionOf(input);
  const datasets = datasetsOf(server, ids, names);
  try {
    const found = searchAll(server, datasets, question);
    for (const dataset of datasets) server.store.recordOperation(dataset, "search", null);
    return ok(found);
  } catch (error) {
    if (error instanceof Refusal)
      for (const dataset of datasets) server.store.recordOperation(dataset, "search", error.errorClass);
    throw error;
  }
}

function searchAll(server: ServerProcess, datasets: readonly Dataset[], question: Question): readonly unknown[] {
  if (question.topK < 1) throw classRefusal(422, "QueryValidationError", "top_k must be a positive integer.");
  for (const dataset of datasets) assertWhole(dataset);
  const cold = datasets.filter((dataset) => isCold(dataset, question));
  if (cold.length === datasets.length) throw classRefusal(404, "NoDataError", coldMessage(datasets));
  if (question.query === "") throw internalError("query_vector can not be None");
  if (question.type !== "CHUNKS_LEXICAL") askEmbedding(server, question.query);
  if (!["CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"].includes(question.type))
    throw internalError("The stand-in has no model: it answers CHUNKS, SUMMARIES and CHUNKS_LEXICAL.");
  return datasets.map((dataset) => ({
    ...{ dataset_id: dataset.id, dataset_name: dataset.name, dataset_tenant_id: null },
    ...(cold.includes(dataset)
      ? { search_result: [], error: coldReason(dataset) }
      : { search_result: findIn(dataset, question, server.ways) }),
  }));
}

/** Never cognified; or, for a search that reads the graph itself, with nothing in the graph. */
function isCold({ hasGraph, documents }: Dataset, { type }: Question): boolean {
  return !hasGraph || (type === "CHUNKS_LEXICAL" && documents.every(({ chunks }) => chunks.length === 0));
}

function coldReason({ documents }: Dataset): string {
  return documents.length === 0
    ? "no data has been added; add data and run cognify before searching."
    : `holds ${documents.length} data item(s) but its knowledge graph is empty; run cognify on this dataset before searching.`;
}

function coldMessage(datasets: readonly Dataset[]): string {
  const reasons = datasets.map((dataset) => `'${dataset.name}' (id: ${dataset.id}): ${coldReason(dataset)}`);
  if (reasons.length === 1) return `No searchable memory in dataset ${reasons[0]}`;
  return [`No searchable memory in any of the ${reasons.length} searched datasets:`, ...reasons].join("\n- ");
}

function questionOf(input: JsonInput): Question {
  const query = input.requiredText("query");
  const type = input.text("searchType") ?? "HYBRID_COMPLETION";
  const topK = input.integer("topK", TOP_K_DEFAULT);
  if (!SEARCH_TYPES.includes(type))
    throw input.refuse({
      type: "enum",
      loc: ["body", "searchType"],
      msg: "Input should be a search type",
      input: type,
    });
  return { query, type, topK, tags: input.texts("nodeName") ?? [] };
}

/** By ids, which win, or by names; without either, every dataset. */
function datasetsOf(server: ServerProcess, ids: readonly string[], names: readonly string[]): readonly Dataset[] {
  if (ids.length > 0) return ids.map((id) => permitted(server.store, id, "read"));
  if (names.length === 0) return server.store.datasets();
  return names.map((name) => {
    const dataset = server.store.named(name);
    if (dataset === undefined) throw classRefusal(404, "DatasetNotFoundError", `Dataset(s) not found: '${name}'.`);
    return dataset;
  });
}
