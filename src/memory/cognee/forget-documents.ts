import { type AccountKey, accountIdOf } from "../../account.ts";
import { Fault } from "../../faults.ts";
import type { Forgetting, RemoveResult } from "../memory.ts";
import type { LookedAt } from "../receipts.ts";
import type { CogneeDataset } from "./cognee-dataset.ts";
import type { CogneeDocuments } from "./cognee-documents.ts";
import { type Graph, readGraph } from "./cognee-graph.ts";
import type { CogneeIndex } from "./cognee-index.ts";
import { type CogneePassages, SEARCH_KINDS, type SearchKind } from "./cognee-passages.ts";
import type { DocumentDirectory, KnownDocument } from "./document-directory.ts";
import { documentName } from "./document-name.ts";
import { coverOf, type StaleEntity, sharedEntities, staleEntities } from "./stale-words.ts";

/** Characters of the forgotten text that it is searched by. */
const QUERY_LENGTH = 500;
/** Passages looked through for each question about what was forgotten. */
const TOP_K = 100;
/** Documents that are indexed again to repair descriptions; more would cost more than a dataset of its own. */
const REPAIRED_MAX = 20;
/** One run describes an entity anew; where it took the forgotten document as well, which was still pending, that may have been read last, and one more does. */
const REPAIRS_MAX = 2;
/** Documents whose text is compared with the descriptions of what they share with the forgotten one. */
const COMPARED_MAX = 200;

/** What forgetting works with. */
export interface ForgetDeps {
  readonly dataset: CogneeDataset;
  readonly documents: CogneeDocuments;
  readonly index: CogneeIndex;
  readonly passages: CogneePassages;
  readonly directory: DocumentDirectory;
  /** Runs the index over what is pending. */
  readonly runIndex: (signal: AbortSignal) => Promise<void>;
}

/** What is known of the documents before they go. */
interface Before {
  readonly documents: readonly KnownDocument[];
  readonly ids: ReadonlySet<string>;
  readonly texts: readonly string[];
  /** Undefined where it was too large to be read. */
  readonly graph: Graph | undefined;
}

/**
 * Forgets accounts, looks everywhere whether it did, and repairs what Cognee leaves: the description of an entity that another document
 * mentions as well stays in the words of whichever document the model read last (measured, 1.6.5). One result per account.
 */
export async function forgetDocuments(
  deps: ForgetDeps,
  accounts: readonly { readonly account: AccountKey }[],
  signal: AbortSignal,
): Promise<readonly RemoveResult[]> {
  signal.throwIfAborted();
  if (accounts.length === 0) return [];
  // A twin, or what a lost answer left or is still to leave, must not be missed.
  await deps.documents.settled(signal);
  await deps.directory.refresh(signal);
  const results: RemoveResult[] = [];
  for (const { account } of accounts) results.push(await forget(deps, account, signal));
  return results;
}

/** The repair comes first: what was deleted can no longer be compared, should anything end in between. */
async function forget(deps: ForgetDeps, account: AccountKey, signal: AbortSignal): Promise<RemoveResult> {
  const before = await lookBefore(deps, account, signal);
  const { repaired, left } = await repairDescriptions(deps, before, signal);
  for (const { dataId } of before.documents) {
    await deps.documents.remove(dataId, signal);
    deps.directory.forget(account, dataId);
  }
  const looked = await lookAfter(deps, { account, before }, signal);
  const still = looked.filter(({ found }) => found > 0).map(({ place }) => place);
  if (still.length === 0) return { outcome: "removed", forgetting: { looked, repaired, left } };
  const detail = `still in ${still.join(", ")}`;
  return { outcome: "failed", fault: new Fault("SINK_WRITE_FAILED", "forgetting an account", { detail }) };
}

async function lookBefore(deps: ForgetDeps, account: AccountKey, signal: AbortSignal): Promise<Before> {
  const documents = deps.directory.of(account);
  const texts: string[] = [];
  for (const { dataId } of documents) texts.push((await deps.documents.text(dataId, signal)) ?? "");
  return {
    ...{ documents, texts, ids: new Set(documents.map(({ dataId }) => dataId)) },
    // Also of what waits for the index: a run that was killed leaves what it has written, in the graph and to be found (measured, 1.6.5).
    graph: documents.length > 0 ? await graphIfSmall(deps.dataset, signal) : { entities: [], passages: new Map() },
  };
}

/** The graph, or undefined where it is too large: forgetting must not depend on that. */
async function graphIfSmall(dataset: CogneeDataset, signal: AbortSignal): Promise<Graph | undefined> {
  try {
    return await readGraph(dataset, signal);
  } catch (error) {
    if (error instanceof Fault && error.detail === "reply too large") return undefined;
    throw error;
  }
}

async function repairDescriptions(
  deps: ForgetDeps,
  before: Before,
  signal: AbortSignal,
): Promise<Pick<Forgetting, "repaired" | "left">> {
  if (before.graph === undefined) return { repaired: [], left: ["the graph was too large to be looked through"] };
  const repaired: string[] = [];
  let stale = await staleIn(deps, { graph: before.graph, before }, signal);
  for (let repairs = 0; stale.length > 0 && repairs < REPAIRS_MAX; repairs += 1) {
    const cover = coverOf(stale).slice(0, REPAIRED_MAX);
    for (const dataId of cover) await deps.index.takeOut(dataId, signal);
    await deps.runIndex(signal);
    repaired.push(`${stale.length} descriptions of shared entities, by indexing ${cover.length} other documents again`);
    stale = await staleIn(deps, { graph: await readGraph(deps.dataset, signal), before }, signal);
  }
  return { repaired, left: stale.length === 0 ? [] : [`${stale.length} descriptions of shared entities`] };
}

/** Entities that outlive the documents and are described in their words. */
async function staleIn(
  { documents }: ForgetDeps,
  { graph, before }: { readonly graph: Graph; readonly before: Before },
  signal: AbortSignal,
): Promise<readonly StaleEntity[]> {
  const shared = sharedEntities(graph, before.ids);
  const mentioning = new Set(shared.flatMap(({ documents }) => [...documents]));
  const texts = new Map<string, string>();
  for (const dataId of [...mentioning].slice(0, COMPARED_MAX)) {
    texts.set(dataId, (await documents.text(dataId, signal)) ?? "");
  }
  return staleEntities(shared, { forgotten: before.texts, textOf: (document) => texts.get(document) ?? "" });
}

/** Everywhere that an agent may look, but for where it could not be told whose is what is found. */
async function lookAfter(
  deps: ForgetDeps,
  { account, before }: { readonly account: AccountKey; readonly before: Before },
  signal: AbortSignal,
): Promise<readonly LookedAt[]> {
  await deps.directory.refresh(signal);
  const looked: LookedAt[] = [{ place: "listing", found: deps.directory.of(account).length }];
  for (const kind of SEARCH_KINDS) {
    const found = await countLeft(deps, { kind, account, before }, signal);
    if (found !== undefined) looked.push({ place: kind, found });
  }
  return looked;
}

/**
 * How much of the account a search finds. Undefined for summaries whose passages are not known: they name nothing else. Of documents that were gone
 * before, as after a crash behind the delete, passages tell by their document's name, and the account's CRM id stands in each text.
 */
async function countLeft(
  { passages }: ForgetDeps,
  { kind, account, before }: { readonly kind: SearchKind; readonly account: AccountKey; readonly before: Before },
  signal: AbortSignal,
): Promise<number | undefined> {
  const { ids, graph } = before;
  if (kind === "SUMMARIES" && (ids.size === 0 || graph === undefined)) return undefined;
  const words = before.texts.join(" ").replace(/\s+/g, " ").trim().slice(0, QUERY_LENGTH);
  const asked = { query: words === "" ? accountIdOf(account) : words, topK: TOP_K };
  if (kind !== "SUMMARIES" && ids.size === 0) {
    const found = await passages.nearest({ kind, ...asked }, signal);
    return found.filter(({ document_name: name }) => name === documentName(account)).length;
  }
  const traces = {
    documents: ids,
    passages: new Set([...ids].flatMap((id) => [...(graph?.passages.get(id) ?? [])])),
  };
  return passages.count({ kind, ...asked }, traces, signal);
}
