import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { type AccountKey, accountKey, type MemoryDocument } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { openCogneeMemory } from "../../src/memory/cognee/cognee-memory.ts";
import { SEARCH_KINDS, type SearchKind } from "../../src/memory/cognee/cognee-passages.ts";
import type { CogneeCredentials } from "../../src/memory/cognee/cognee-session.ts";
import { documentName } from "../../src/memory/cognee/document-name.ts";
import type { Memory, PutRequest, PutResult } from "../../src/memory/memory.ts";
import { type CogneeStandIn, startCogneeStandIn } from "../../src/simulator/cognee/cognee-stand-in.ts";
import type { CogneeServer } from "../cognee/cognee-server.ts";
import { textsByName } from "./texts-by-name.ts";

const never = new AbortController().signal;

/** A stand-in for Cognee, and the sink on it. */
export interface CogneeWorld {
  readonly standIn: CogneeStandIn;
  readonly memory: Memory;
  /** What the sink counted, by name. */
  readonly counted: Readonly<Record<string, number>>;
  /** Another process on the same dataset and engine. */
  readonly another: () => Memory;
  /** Calls of the API as somebody else makes them. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<unknown>;
}

/** How the sink signs in; by the key unless told otherwise. */
export interface WorldWish {
  readonly credentials?: CogneeCredentials;
  readonly isByPassword?: boolean;
  readonly isPerAccount?: boolean;
  readonly budgetPerHour?: number;
  readonly patienceMs?: number;
}

/** Opens one, closed again after the test. */
export async function cogneeWorld(t: TestContext, wish: WorldWish = {}): Promise<CogneeWorld> {
  const standIn = await startCogneeStandIn({ clock: systemClock });
  const { url, apiKey, username, password } = standIn;
  const credentials = wish.credentials ?? (wish.isByPassword === true ? { username, password } : { apiKey });
  const counted: Record<string, number> = {};
  const notes = textsByName();
  const count = (deltas: Readonly<Record<string, number>>) => {
    for (const [name, by] of Object.entries(deltas)) counted[name] = (counted[name] ?? 0) + by;
  };
  const { isByPassword: _, credentials: __, ...given } = wish;
  const options = { url, dataset: "crm", credentials, clock: systemClock, log: silentLog, notes, count, ...given };
  const another = () => openCogneeMemory(options);
  const memory = another();
  t.after(async () => {
    await memory.close();
    await standIn.close();
  });
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { "x-api-key": apiKey, "content-type": "application/json" };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return (await fetch(`${url}/api/v1${path}`, init)).json();
  };
  return { standIn, memory, counted, another, call };
}

/** An account's document that keeps an animal. */
export function animalDocument(id: number, animal: string): MemoryDocument {
  const text = `# Company ${id}\n\nCRM account id: ${id}\n\n- Description: keeps a ${animal} in the yard\n`;
  return { account: accountKey(String(id)), title: `Company ${id}`, text, fingerprint: `${id}-${animal}` };
}

/** Documents of companies 1 to `count`, which all keep the same animal. */
export function animalDocuments(count: number, animal: string): readonly MemoryDocument[] {
  return Array.from({ length: count }, (_, index) => animalDocument(index + 1, animal));
}

/** A document that mentions what others mention as well, in words of its own. */
export function sharingDocument(id: number, animal: string): MemoryDocument {
  const document = animalDocument(id, animal);
  return { ...document, text: `${document.text}- Firm_Shared keeps a ${animal} as well\n` };
}

/** A request about which nothing is in doubt. */
export function putOf(document: MemoryDocument, given: Partial<PutRequest> = {}): PutRequest {
  return { document, isUncertain: false, ...given };
}

/** Requests for documents, about which all the same is known. */
export function putsOf(documents: readonly MemoryDocument[], given: Partial<PutRequest> = {}): readonly PutRequest[] {
  return documents.map((document) => putOf(document, given));
}

/** The sink's id of a stored document. */
export function refOf(result: PutResult | undefined): string {
  if (result?.outcome !== "stored") throw new Error(`not stored: ${JSON.stringify(result)}`);
  return result.sinkRef;
}

/** Accounts whose passage holds a word. */
export async function accountsWith(memory: Pick<Memory, "search">, word: string): Promise<readonly AccountKey[]> {
  const hits = await memory.search(word, { limit: 30 }, never);
  return hits.filter(({ snippet }) => snippet.replaceAll("*", "").includes(word)).map(({ account }) => account);
}

/** A dataset of its own on a real server, and the sink on it. */
export interface DatasetWorld {
  readonly memory: Memory;
  /** Another process on the same dataset and engine; with what it fetches by in place of the platform's. */
  readonly another: (given?: { readonly fetch?: typeof fetch }) => Memory;
  /** What the sink counted, by name. */
  readonly counted: Readonly<Record<string, number>>;
  /** A call of the API as somebody else makes it: of the dataset, whose id stands in for `:id`. Throws what Cognee said where it refused. */
  readonly call: (method: string, path: string, body?: (id: string) => unknown) => Promise<unknown>;
}

/** A passage as a search of CHUNKS shows it. */
interface ShownPassage {
  readonly document_name: string;
  readonly text: string;
}

/** One row of a listing, in what is looked at here. */
interface ShownRow {
  readonly id: string;
  readonly name: string;
  readonly rawDataLocation: string;
}

/** Beginning or end of a run, in what is looked at here. */
interface RunMark {
  readonly pipeline_run_id: string;
  readonly status: string;
}

/** Passages asked for: more than any of these tests has. */
const PASSAGES_MAX = 300;
/** How long a real server may take to come to where a test wants it: the first run of a dataset takes 9 s on a busy machine. */
const REACH_MS_MAX = 60_000;
const LOOK_EVERY_MS = 50;

let datasets = 0;

/** What a world is made with. */
export interface DatasetWish {
  /** Default: a name that no other has. */
  readonly dataset?: string;
  /** Its accounts are in datasets of their own, named behind it. */
  readonly isPerAccount?: boolean;
}

/** A name that no other dataset of this run has. */
export function newDataset(): string {
  datasets += 1;
  return `test_${datasets}`;
}

/** Makes one. */
export function datasetWorld(
  { url, apiKey }: Pick<CogneeServer, "url" | "apiKey">,
  wish: DatasetWish = {},
): DatasetWorld {
  const { dataset = newDataset(), isPerAccount = false } = wish;
  const counted: Record<string, number> = {};
  const count = (deltas: Readonly<Record<string, number>>) => {
    for (const [name, by] of Object.entries(deltas)) counted[name] = (counted[name] ?? 0) + by;
  };
  const rest = { clock: systemClock, log: silentLog, notes: textsByName() };
  const options = { url, dataset, isPerAccount, credentials: { apiKey }, ...rest };
  const another: DatasetWorld["another"] = (given = {}) => openCogneeMemory({ ...options, count, ...given });
  const call = async (method: string, path: string, body?: unknown) => {
    const json = body instanceof FormData || body === undefined ? {} : { "content-type": "application/json" };
    const headers = { "x-api-key": apiKey, ...json };
    const sent = body instanceof FormData ? body : JSON.stringify(body);
    const init = { method, headers, ...(body === undefined ? {} : { body: sent }) };
    const response = await fetch(`${url}/api/v1${path}`, init);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const idOf = async () => ((await call("POST", "/datasets", { name: dataset })) as { readonly id: string }).id; // Cognee's documented shape.
  return {
    ...{ memory: another(), another, counted },
    call: async (method, path, body) => {
      const id = await idOf();
      return call(method, path.replace(":id", id), body?.(id));
    },
  };
}

/**
 * Asserts that the dataset holds these documents and nothing else of ours: each once, with its text, in the index, and shown by a search of all
 * passages once with its text, so that neither a twin nor an old text is left.
 */
export async function assertHolds(world: DatasetWorld, documents: readonly MemoryDocument[]): Promise<void> {
  const expected = documents.map((document) => [documentName(document.account), document.text] as const);
  const rows = await rowsOf(world);
  assert.deepEqual(
    rows.map(({ name, rawDataLocation }) => [name, /text_(\w+)\.txt$/.exec(rawDataLocation)?.[1]]).sort(),
    expected.map(([name, text]) => [name, hash("md5", text)]).sort(),
    "each document once, with its text",
  );
  const listed = await world.another().list({ limit: PASSAGES_MAX }, never);
  assert.deepEqual(
    listed.filter(({ isIndexed }) => !isIndexed).map(({ account }) => account),
    [],
    "documents that no run has taken",
  );
  const passages = await passagesOf(world);
  assert.deepEqual(
    passages.map(({ document_name, text }) => [document_name, text.trim()]).sort(),
    expected.map(([name, text]) => [name, text.trim()]).sort(),
    "each text found once",
  );
}

/** Asserts that no document, nothing that a search shows, and nothing in the graph holds a word. */
export async function assertNowhere(world: DatasetWorld, word: string): Promise<void> {
  const found = new Map<string, unknown>([
    ["listing", await rowsOf(world)],
    ["graph", await world.call("GET", "/datasets/:id/graph")],
  ]);
  for (const kind of SEARCH_KINDS) found.set(kind, await shown(world, kind));
  for (const [place, content] of found) assert.ok(!JSON.stringify(content).includes(word), `${word}: ${place}`);
}

/** Asserts that each run of the dataset began after the end of the one before, and all have ended. */
export async function assertOneRunAtATime({ call }: DatasetWorld): Promise<void> {
  const rows = await call("GET", "/activity/pipeline-runs?dataset_id=:id&pipeline_name=cognify_pipeline&limit=500");
  const marks = (rows as readonly RunMark[]).toReversed(); // Cognee's documented shape, newest first.
  let running: string | undefined;
  for (const { pipeline_run_id: run, status } of marks) {
    if (status === "DATASET_PROCESSING_STARTED") {
      assert.equal(running, undefined, `two runs at once: ${JSON.stringify(marks)}`);
      running = run;
    } else {
      assert.equal(run, running, `a run that ended and was not begun: ${JSON.stringify(marks)}`);
      running = undefined;
    }
  }
  assert.ok(marks.length > 0 && running === undefined, "all runs have ended");
}

/** Rows of the dataset, whoever added them. */
export async function rowsOf({ call }: DatasetWorld): Promise<readonly ShownRow[]> {
  return (await call("GET", "/datasets/:id/data?limit=1000")) as readonly ShownRow[]; // Cognee's documented shape.
}

/** All passages that CHUNKS shows, whatever it is asked. */
export async function passagesOf(world: DatasetWorld): Promise<readonly ShownPassage[]> {
  const found = await shown(world, "CHUNKS");
  // Cognee's documented shape.
  return (found as readonly { readonly search_result: readonly ShownPassage[] }[]).flatMap(
    (each) => each.search_result,
  );
}

/** All that a kind of search shows, whatever it is asked. */
function shown({ call }: DatasetWorld, searchType: SearchKind): Promise<unknown> {
  const rest = { query: "keeps", searchType, topK: PASSAGES_MAX };
  return call("POST", "/search", (id) => ({ ...rest, datasetIds: [id] }));
}

/** Adds a file as another client does. */
export function addByHand({ call }: DatasetWorld, fileName: string, text: string): Promise<unknown> {
  return call("POST", "/add", (id) => {
    const form = new FormData();
    form.append("datasetId", id);
    form.append("data", new Blob([text], { type: "text/plain" }), fileName);
    return form;
  });
}

/** Where Ladybug keeps the graph of a dataset. Beside it, with longer names, lies what is not in it yet: what a kill can tear. */
export async function storeFile({ dataDir }: CogneeServer, { memory }: DatasetWorld): Promise<string> {
  const folder = join(dataDir, "system", "databases");
  const [id] = (await memory.identity(never)).split("@");
  const files = await readdir(folder, { recursive: true });
  const store = files.find((file) => file.endsWith(`${id}.lbug`));
  if (store === undefined) throw new Error(`no store of ${id} in ${files.join(", ")}`);
  return join(folder, store);
}

/** Mends torn stores as a person has to: takes away what lies beside them while the server is down, and has all documents indexed anew. */
export async function mendStore(server: CogneeServer, ...worlds: readonly DatasetWorld[]): Promise<void> {
  const stores = await Promise.all(worlds.map((world) => storeFile(server, world)));
  await server.kill();
  for (const store of stores) {
    for (const file of await readdir(dirname(store)))
      if (file.startsWith(`${basename(store)}.`)) await rm(join(dirname(store), file));
  }
  await server.start();
  for (const { call } of worlds) await call("POST", "/forget", (id) => ({ datasetId: id, memoryOnly: true }));
}

/** Waits until something real is as a test wants it. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = systemClock.now() + REACH_MS_MAX;
  while (!(await isSo())) {
    if (systemClock.now() > end) throw new Error(`not after ${REACH_MS_MAX} ms: ${what}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}
