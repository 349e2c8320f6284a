import { z } from "zod";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import type { IndexOptions, NamedText } from "./shapes.ts";

/** Node's fetch gives up after 300 s without an answer; the longest load measured takes a third of that. */
const CALL_MS_MAX = 290_000;
/** More passages than any dataset here has: such a search tells all of them. */
const PASSAGES_ALL = 10_000;

/** Longest text of a refusal in a message. */
const REFUSAL_LENGTH_MAX = 1_000;

/** How passages are ranked: by nearness of their vectors, or by BM25 on their words. */
export type SearchKind = "CHUNKS" | "CHUNKS_LEXICAL";

/** One passage found, nearest first. */
export interface Passage {
  readonly documentName: string;
  readonly text: string;
}

/** A dataset of its own on a real Cognee, with the calls that the evaluation makes. Each throws when it is refused. */
export interface Dataset {
  /** Stores documents, not yet searchable; their ids by name. */
  add(texts: readonly NamedText[]): Promise<ReadonlyMap<string, string>>;
  /** Makes all that is pending searchable; answers when it is. */
  index(options: IndexOptions): Promise<void>;
  /** Replaces the text of an indexed document; searchable afterwards. Gives what Cognee says it did. */
  update(dataId: string, text: NamedText): Promise<string>;
  remove(dataId: string): Promise<void>;
  search(question: { readonly query: string; readonly kind: SearchKind; readonly topK: number }): Promise<Passage[]>;
  /** Every passage that there is. */
  passages(): Promise<Passage[]>;
}

const dataset = z.object({ id: z.string() });
const added = z.object({ data_ingestion_info: z.array(z.object({ data_id: z.string() })) });
const updated = z.object({ status: z.string() });
const found = z.array(z.object({ search_result: z.array(z.object({ document_name: z.string(), text: z.string() })) }));

/** Makes a dataset. */
export async function openDataset(server: CogneeServer, name: string): Promise<Dataset> {
  const { id } = dataset.parse(await call(server, { method: "POST", path: "/datasets", json: { name } }));
  const search: Dataset["search"] = async ({ query, kind, topK }) => {
    const json = { query, searchType: kind, datasetIds: [id], topK };
    const reply = await call(server, { method: "POST", path: "/search", json });
    const passages = found.parse(reply).flatMap((entry) => entry.search_result);
    return passages.map(({ document_name: documentName, text }) => ({ documentName, text }));
  };
  return {
    add: async (texts) => {
      const form = new FormData();
      form.append("datasetId", id);
      for (const text of texts) appendText(form, text);
      const { data_ingestion_info: rows } = added.parse(await call(server, { method: "POST", path: "/add", form }));
      if (rows.length !== texts.length) throw new Error(`${rows.length} documents of ${texts.length} were added`);
      return new Map(texts.map((text, index) => [text.name, rows[index]?.data_id ?? ""]));
    },
    index: async (options) => {
      await call(server, { method: "POST", path: "/cognify", json: { datasetIds: [id], ...options } });
    },
    update: async (dataId, text) => {
      const form = new FormData();
      appendText(form, text);
      const path = `/update?data_id=${dataId}&dataset_id=${id}`;
      return updated.parse(await call(server, { method: "PATCH", path, form })).status;
    },
    remove: async (dataId) => {
      await call(server, { method: "DELETE", path: `/datasets/${id}/data/${dataId}` });
    },
    search,
    passages: () => search({ query: "account", kind: "CHUNKS", topK: PASSAGES_ALL }),
  };
}

function appendText(form: FormData, { name, text }: NamedText): void {
  form.append("data", new Blob([text], { type: "text/plain" }), `${name}.txt`);
}

/** One call; a body is either JSON or a form. */
interface Call {
  readonly method: "POST" | "PATCH" | "DELETE";
  /** Behind `/api/v1`, with its query. */
  readonly path: string;
  readonly json?: Readonly<Record<string, unknown>>;
  readonly form?: FormData;
}

async function call(server: CogneeServer, { method, path, json, form }: Call): Promise<unknown> {
  const body = json === undefined ? form : JSON.stringify(json);
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { "x-api-key": server.apiKey, ...(json === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(CALL_MS_MAX),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, REFUSAL_LENGTH_MAX)}`);
  return JSON.parse(text);
}
