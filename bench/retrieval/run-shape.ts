import type { MemoryDocument } from "../../src/account.ts";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import { median } from "../statistics.ts";
import type { Change, ChangeKind, Corpus } from "./corpus.ts";
import { type Dataset, openDataset, type SearchKind } from "./dataset.ts";
import { ANSWERS_MAX, mergeRanks, type Question, recallOf } from "./questions.ts";
import { accountIdOfName, type NamedText, type Shape } from "./shapes.ts";

/** Passages asked for per wanted account, as memhook's own search does (src/memory/cognee/cognee-search.ts). */
const PASSAGES_PER_ANSWER = 3;

/** What a piece of work cost. */
export interface Cost {
  readonly seconds: number;
  /** Processor time of the server. */
  readonly cpuSeconds: number;
  readonly bytes: number;
  readonly chatCalls: number;
  readonly embeddingCalls: number;
  /** Texts that were embedded. */
  readonly embeddedTexts: number;
}

/** A kind of search, or both of them merged by rank. */
export type AnswerKind = SearchKind | "merged";

/** Recall of one question by one kind of search. */
export interface Answer {
  readonly question: Question;
  readonly kind: AnswerKind;
  readonly recall: number;
}

/** The server that is measured, and what it used so far. */
export interface Measured {
  readonly server: CogneeServer;
  usage(): Pick<Cost, "cpuSeconds" | "chatCalls" | "embeddingCalls" | "embeddedTexts">;
}

/** All that was measured of a shape. */
export interface ShapeResult {
  readonly name: string;
  readonly documents: number;
  readonly chunks: number;
  readonly load: Cost;
  /** One entry a set of questions. */
  readonly answers: readonly (readonly Answer[])[];
  /** Milliseconds of one search, the median of all. */
  readonly searchMs: Readonly<Record<SearchKind, number>>;
  readonly changes: Readonly<Record<ChangeKind, readonly Cost[]>>;
}

/** A dataset as it is filled: what it holds, by document name. */
interface Filled {
  readonly dataset: Dataset;
  readonly shape: Shape;
  readonly held: Map<string, { readonly dataId: string; readonly text: string }>;
}

/** Loads the corpus in one shape into a dataset of its own, asks, changes, and counts what each step cost. */
export async function runShape(
  measured: Measured,
  shape: Shape,
  { corpus, questions }: { readonly corpus: Corpus; readonly questions: readonly (readonly Question[])[] },
): Promise<ShapeResult> {
  const dataset = await openDataset(measured.server, `retrieval_${shape.name.replace(/[^a-z0-9]+/g, "_")}`);
  const filled: Filled = { dataset, shape, held: new Map() };
  const texts = corpus.documents.flatMap((document) => shape.texts(document));
  const load = await costOf(measured, async () => {
    await addTexts(filled, texts);
    return bytesOf(texts);
  });
  const answers: (readonly Answer[])[] = [];
  const times: SearchTimes = { CHUNKS: [], CHUNKS_LEXICAL: [] };
  for (const set of questions) answers.push(await askAll(dataset, set, times));
  const searchMs = { CHUNKS: median(times.CHUNKS), CHUNKS_LEXICAL: median(times.CHUNKS_LEXICAL) };
  const chunks = (await dataset.passages()).length;
  const changes: Record<ChangeKind, Cost[]> = { field: [], note: [], name: [] };
  for (const change of corpus.changes) {
    changes[change.kind].push(await costOf(measured, () => applyDocument(filled, change.document)));
    await proveSearchable(dataset, change);
  }
  return { name: shape.name, documents: texts.length, chunks, load, answers, searchMs, changes };
}

/** Does work that tells how many bytes it sent. */
async function costOf({ usage }: Measured, work: () => Promise<number>): Promise<Cost> {
  const before = usage();
  const startedAt = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = usage();
  return {
    seconds,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    bytes,
    chatCalls: after.chatCalls - before.chatCalls,
    embeddingCalls: after.embeddingCalls - before.embeddingCalls,
    embeddedTexts: after.embeddedTexts - before.embeddedTexts,
  };
}

async function addTexts({ dataset, shape, held }: Filled, texts: readonly NamedText[]): Promise<void> {
  const ids = await dataset.add(texts);
  for (const { name, text } of texts) held.set(name, { dataId: ids.get(name) ?? "", text });
  await dataset.index(shape.index);
}

/** Brings the dataset up to an account's new document with as few calls as its shape allows. Gives the bytes sent. */
async function applyDocument(filled: Filled, document: MemoryDocument): Promise<number> {
  const { dataset, shape, held } = filled;
  const texts = shape.texts(document);
  const changed = texts.filter(({ name, text }) => held.has(name) && held.get(name)?.text !== text);
  const added = texts.filter(({ name }) => !held.has(name));
  if (shape.update === "anew") {
    for (const { name } of changed) await dataset.remove(held.get(name)?.dataId ?? "");
    await addTexts(filled, [...changed, ...added]);
  } else {
    for (const text of changed) await updateText(filled, text);
    if (added.length > 0) await addTexts(filled, added);
  }
  return bytesOf([...changed, ...added]);
}

async function updateText({ dataset, held }: Filled, text: NamedText): Promise<void> {
  const dataId = held.get(text.name)?.dataId ?? "";
  const status = await dataset.update(dataId, text);
  if (status !== "incremental") throw new Error(`an update of ${text.name} became ${status}`);
  held.set(text.name, { dataId, text: text.text });
}

/** What was not searchable would have cost too little. */
async function proveSearchable(dataset: Dataset, { marker, kind }: Change): Promise<void> {
  const passages = await dataset.passages();
  if (!passages.some(({ text }) => text.includes(marker))) throw new Error(`a change is not searchable: ${kind}`);
}

/** Milliseconds of each search. */
type SearchTimes = Readonly<Record<SearchKind, number[]>>;

async function askAll(
  dataset: Dataset,
  questions: readonly Question[],
  times: SearchTimes,
): Promise<readonly Answer[]> {
  const search = async (query: string, kind: SearchKind): Promise<readonly string[]> => {
    const startedAt = performance.now();
    const passages = await dataset.search({ query, kind, topK: ANSWERS_MAX * PASSAGES_PER_ANSWER });
    times[kind].push(performance.now() - startedAt);
    return passages.flatMap(({ documentName }) => accountIdOfName(documentName) ?? []);
  };
  const answers: Answer[] = [];
  for (const question of questions) {
    const near = await search(question.text, "CHUNKS");
    const worded = await search(question.text, "CHUNKS_LEXICAL");
    const found = { CHUNKS: near, CHUNKS_LEXICAL: worded, merged: mergeRanks([near, worded]) };
    for (const kind of ["CHUNKS", "CHUNKS_LEXICAL", "merged"] as const) {
      answers.push({ question, kind, recall: recallOf(question.right, found[kind]) });
    }
  }
  return answers;
}

function bytesOf(texts: readonly NamedText[]): number {
  return texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
}
