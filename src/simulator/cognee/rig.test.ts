import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { type ManualClock, manualClock } from "../../clock.ts";
import { type CogneeStandIn, type CogneeStandInOptions, startCogneeStandIn } from "./cognee-stand-in.ts";

/** A server that is asked: the stand-in, or the real one. */
export interface Target {
  readonly url: string;
  readonly apiKey: string;
  readonly username: string;
  readonly password: string;
}

/** What a call answered. `body` is undefined when it was empty. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of many shapes; a wrong guess fails the test.
  readonly body: any;
}

export interface CallOptions {
  readonly json?: unknown;
  readonly form?: FormData;
  /** Sent besides the API key; an empty `x-api-key` sends none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A file to upload: name and text. */
export type File = readonly [name: string, text: string];

/** Fields of a form; a list repeats the field. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** Plain calls of a server, as a person would make them by hand. */
export interface Caller {
  readonly target: Target;
  /** `path` begins behind `/api/v1`; one that begins with `//` begins behind the origin. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Makes a dataset that nobody else uses. */
  dataset(): Promise<string>;
  add(dataset: string, files: readonly File[], fields?: Fields): Promise<Answer>;
  /** Adds and gives the ids by position. */
  added(dataset: string, files: readonly File[], fields?: Fields): Promise<readonly string[]>;
  cognify(dataset: string): Promise<Answer>;
  update(place: Place, file: File, options?: { readonly query?: string; readonly fields?: Fields }): Promise<Answer>;
  // biome-ignore lint/suspicious/noExplicitAny: as for Answer.
  rows(dataset: string): Promise<readonly any[]>;
  pending(dataset: string): Promise<number>;
  search(dataset: string, query: string, options?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Texts that a search for chunks finds. */
  texts(dataset: string, query: string): Promise<readonly string[]>;
}

/** A document in its dataset. */
export interface Place {
  readonly dataset: string;
  readonly document: string;
}

/** An id that nothing has. */
export const NOWHERE = "11111111-1111-4111-8111-111111111111";

/** Registers a check that holds of the server, whichever it is. */
export type Check = (name: string, run: (caller: Caller) => Promise<void>) => void;

/** Registers checks as tests of one server. */
export function checksOf(open: (t: TestContext) => Promise<Target>): Check {
  return (name, run) => {
    test(name, async (t) => run(callerOf(await open(t))));
  };
}

/** A stand-in on a clock that stands still, closed when the test ends. */
export async function openStandIn(
  t: TestContext,
  options: Partial<CogneeStandInOptions> = {},
): Promise<{ readonly standIn: CogneeStandIn; readonly clock: ManualClock; readonly caller: Caller }> {
  const clock = manualClock();
  const standIn = await startCogneeStandIn({ clock, ...options });
  t.after(() => standIn.close());
  return { standIn, clock, caller: callerOf(standIn) };
}

/** Calls of one server. */
export function callerOf(target: Target): Caller {
  const caller: Caller = {
    target,
    call: async (method, path, { json, form, headers = {} } = {}) => {
      // No pool: a connection kept from before a crash would fail the first call after it.
      const sent = new Headers({ connection: "close", "x-api-key": target.apiKey, ...headers });
      if (sent.get("x-api-key") === "") sent.delete("x-api-key");
      if (json !== undefined && !sent.has("content-type")) sent.set("content-type", "application/json");
      const body = json === undefined ? form : typeof json === "string" ? json : JSON.stringify(json);
      const url = path.startsWith("//") ? `${target.url}${path.slice(1)}` : `${target.url}/api/v1${path}`;
      return answerOf(await fetch(url, { method, headers: sent, ...(body === undefined ? {} : { body }) }));
    },
    dataset: async () =>
      (await caller.call("POST", "/datasets", { json: { name: `facts_${randomUUID().slice(0, 13)}` } })).body.id,
    add: (dataset, files, fields = {}) =>
      caller.call("POST", "/add", { form: formOf(files, { datasetId: dataset, ...fields }) }),
    added: async (dataset, files, fields) => {
      const { status, body } = await caller.add(dataset, files, fields);
      assert.equal(status, 200, JSON.stringify(body));
      return body.data_ingestion_info.map((report: { data_id: string }) => report.data_id);
    },
    cognify: (dataset) => caller.call("POST", "/cognify", { json: { datasetIds: [dataset] } }),
    update: ({ dataset, document }, file, { query = "", fields = {} } = {}) =>
      caller.call("PATCH", `/update?dataset_id=${dataset}&data_id=${document}${query}`, {
        form: formOf([file], fields),
      }),
    rows: async (dataset) => (await caller.call("GET", `/datasets/${dataset}/data?limit=1000`)).body,
    pending: async (dataset) => (await caller.call("GET", `/datasets/${dataset}/processing-status`)).body.pending,
    search: (dataset, query, options = {}) =>
      caller.call("POST", "/search", { json: { query, datasetIds: [dataset], searchType: "CHUNKS", ...options } }),
    texts: async (dataset, query) => {
      const { status, body } = await caller.search(dataset, query);
      assert.equal(status, 200, JSON.stringify(body));
      return body[0].search_result.map((hit: { text: string }) => hit.text.trim());
    },
  };
  return caller;
}

/** Turns of the event loop that something may take to come true. */
const TURNS_MAX = 100_000;

/** Waits until something is true: turns of the event loop, no time. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; !isTrue(); turn += 1) {
    assert.ok(turn < TURNS_MAX, `did not come true: ${isTrue}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A multipart form with files under `data`. */
export function formOf(files: readonly File[], fields: Fields = {}): FormData {
  const form = new FormData();
  for (const [name, text] of files) form.append("data", new Blob([text], { type: "text/plain" }), name);
  for (const [name, value] of Object.entries(fields)) for (const each of [value].flat()) form.append(name, each);
  return form;
}

/** Reads a response whole. */
async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : isJson ? JSON.parse(text) : text,
  };
}
