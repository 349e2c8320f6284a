import { z } from "zod";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";

/** Node's fetch gives up after 300 s without an answer; the longest load measured takes a third of that. */
const CALL_MS_MAX = 290_000;
/** More passages than any dataset here has: such a search tells all of them. */
const PASSAGES_ALL = 10_000;
/** Marks of runs asked for: a dataset here has a dozen at most. */
const RUN_MARKS_MAX = 500;
/** Longest text of a refusal in a message. */
const REFUSAL_LENGTH_MAX = 1_000;

/** A document as it is sent. */
export interface NamedText {
  /** Of its document, without an ending. */
  readonly name: string;
  readonly text: string;
}

/** One passage found. */
export interface Passage {
  readonly documentName: string;
  readonly text: string;
}

/** One dataset, called as by a program written for this by hand: plain fetch, nothing of the sink's code. Each call throws when it is refused. */
export interface HandDataset {
  readonly id: string;
  /** Stores documents, not yet searchable; their ids by name. */
  add(texts: readonly NamedText[]): Promise<ReadonlyMap<string, string>>;
  /** Makes all that is pending searchable; answers when it is. */
  cognify(): Promise<void>;
  /** Replaces the text of an indexed document; searchable afterwards. Gives what Cognee says it did. */
  update(dataId: string, text: NamedText): Promise<string>;
  /** Every passage that there is. */
  passages(): Promise<readonly Passage[]>;
  /** Names of documents that no run has taken yet. */
  pending(): Promise<readonly string[]>;
  /** Runs of a pipeline that were begun on it, as the server tells. */
  runs(pipeline: "cognify_pipeline" | "incremental_update_pipeline"): Promise<number>;
  /** Deletes it with all that it has. */
  delete(): Promise<void>;
}

const made = z.object({ id: z.string() });
const added = z.object({ data_ingestion_info: z.array(z.object({ data_id: z.string() })) });
const updated = z.object({ status: z.string() });
const found = z.array(z.object({ search_result: z.array(z.object({ document_name: z.string(), text: z.string() })) }));
const processing = z.object({ items: z.array(z.object({ name: z.string(), completed: z.boolean() })) });
const runMarks = z.array(z.object({ pipeline_run_id: z.string().nullable() }));

/** Opens a dataset by its name; makes it when it is missing. */
export async function openByHand(server: CogneeServer, name: string): Promise<HandDataset> {
  const { id } = made.parse(await call(server, { method: "POST", path: "/datasets", json: { name } }));
  return {
    id,
    add: async (texts) => {
      const form = new FormData();
      form.append("datasetId", id);
      for (const text of texts) appendText(form, text);
      const { data_ingestion_info: rows } = added.parse(await call(server, { method: "POST", path: "/add", form }));
      if (rows.length !== texts.length) throw new Error(`${rows.length} documents of ${texts.length} were added`);
      return new Map(texts.map((text, index) => [text.name, rows[index]?.data_id ?? ""]));
    },
    cognify: async () => {
      await call(server, { method: "POST", path: "/cognify", json: { datasetIds: [id] } });
    },
    update: async (dataId, text) => {
      const form = new FormData();
      appendText(form, text);
      const path = `/update?data_id=${dataId}&dataset_id=${id}`;
      return updated.parse(await call(server, { method: "PATCH", path, form })).status;
    },
    passages: () => searchByHand(server, { datasetIds: [id], query: "account", topK: PASSAGES_ALL }),
    pending: async () => {
      const { items } = processing.parse(
        await call(server, { method: "GET", path: `/datasets/${id}/processing-status` }),
      );
      return items.filter(({ completed }) => !completed).map(({ name: of }) => of);
    },
    runs: async (pipeline) => {
      const path = `/activity/pipeline-runs?dataset_id=${id}&pipeline_name=${pipeline}&limit=${RUN_MARKS_MAX}`;
      const marks = runMarks.parse(await call(server, { method: "GET", path }));
      return new Set(marks.map(({ pipeline_run_id: run }) => run)).size;
    },
    delete: async () => {
      await call(server, { method: "DELETE", path: `/datasets/${id}` });
    },
  };
}

/** A question to several datasets at once, by the nearness of vectors. */
export interface HandQuestion {
  readonly datasetIds: readonly string[];
  readonly query: string;
  readonly topK: number;
}

/** Asks; the passages of all datasets. */
export async function searchByHand(server: CogneeServer, question: HandQuestion): Promise<readonly Passage[]> {
  const json = { searchType: "CHUNKS", ...question };
  const reply = await call(server, { method: "POST", path: "/search", json });
  const passages = found.parse(reply).flatMap((entry) => entry.search_result);
  return passages.map(({ document_name: documentName, text }) => ({ documentName, text }));
}

function appendText(form: FormData, { name, text }: NamedText): void {
  form.append("data", new Blob([text], { type: "text/plain" }), `${name}.txt`);
}

/** One call; a body is either JSON or a form. */
interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
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
