import type { AccountKey } from "../../account.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { SealedStore } from "../../sealed-store.ts";
import {
  type FlushKeeper,
  LIST_LIMIT_MAX,
  type ListedDocument,
  type Memory,
  type ProbeWish,
  type PutRequest,
  type PutResult,
  type RefusedDocument,
  type RemoveResult,
  type SearchHit,
  type StoredDocument,
} from "../memory.ts";
import { withTitles } from "./before-titles.ts";
import { CogneeDataset, type DatasetPlace } from "./cognee-dataset.ts";
import { CogneeDocuments } from "./cognee-documents.ts";
import { CogneeIndex } from "./cognee-index.ts";
import { CogneePassages, searchCall } from "./cognee-passages.ts";
import { searchDocuments } from "./cognee-search.ts";
import type { CogneeSession } from "./cognee-session.ts";
import { DatasetGate } from "./dataset-gate.ts";
import { DocumentDirectory } from "./document-directory.ts";
import { documentName } from "./document-name.ts";
import { forgetDocuments } from "./forget-documents.ts";
import type { HourlyBudget } from "./hourly-budget.ts";
import { type IndexDeps, type PendingDocument, runIndex } from "./index-run.ts";
import { brokenByOthers, isolate } from "./isolate.ts";
import { RefusedDocuments } from "./refused-documents.ts";
import type { ServerHealth } from "./server-health.ts";
import { writeDocuments } from "./write-documents.ts";

/** Opens the store of the dataset, without the model. */
export const OPENING = searchCall({ kind: "CHUNKS_LEXICAL", query: "a", topK: 1 });

/** How long writes wait for an index run: below what any batch may take, with the 290 s that beginning one may wait. */
const PATIENCE_MS = 240_000;

/** What all datasets of a sink have in common. */
export interface SharedCognee {
  readonly session: CogneeSession;
  readonly health: ServerHealth;
  readonly clock: Clock;
  readonly log: Log;
  /** Where all processes look what breaks the index. */
  readonly notes: SealedStore;
  /** Undefined = no bound. */
  readonly budget: HourlyBudget | undefined;
  /** Counts documents and runs, by name. */
  readonly count: (deltas: Readonly<Record<string, number>>) => void;
}

/** Which dataset, and how it is shared. */
export interface MemoryPlace extends DatasetPlace {
  /** How long writes wait for an index run of others; default PATIENCE_MS. */
  readonly patienceMs?: number;
}

/** The memory in one dataset of Cognee, one text document an account. Nothing is asked of the server before the first call. */
export function openDatasetMemory(shared: SharedCognee, place: MemoryPlace): Memory {
  return new DatasetMemory(shared, place);
}

class DatasetMemory implements Memory {
  readonly kind = "cognee";
  readonly #shared: SharedCognee;
  readonly #name: string;
  readonly #dataset: CogneeDataset;
  readonly #documents: CogneeDocuments;
  readonly #index: CogneeIndex;
  readonly #passages: CogneePassages;
  readonly #directory: DocumentDirectory;
  readonly #refused: RefusedDocuments;
  readonly #gate: DatasetGate;
  #hasListed = false;

  constructor(shared: SharedCognee, place: MemoryPlace) {
    const { session, health, notes, clock } = shared;
    this.#shared = shared;
    this.#name = place.name;
    this.#dataset = new CogneeDataset(session, place, OPENING);
    this.#documents = new CogneeDocuments(this.#dataset, (signal) => health.capabilities(signal));
    this.#index = new CogneeIndex(this.#dataset);
    this.#passages = new CogneePassages(this.#dataset);
    this.#directory = new DocumentDirectory(this.#documents);
    this.#refused = new RefusedDocuments(notes, { dataset: place.name, clock });
    this.#gate = new DatasetGate({
      ...{ clock, patienceMs: place.patienceMs ?? PATIENCE_MS },
      isRunning: (signal) => this.#index.isRunning(signal),
      isSearching: () => this.#refused.isSearching(),
      progress: (signal) => this.#documents.progress(signal),
      begin: (signal) => this.#index.begin(signal),
    });
  }

  async put(requests: readonly PutRequest[], signal: AbortSignal): Promise<readonly PutResult[]> {
    signal.throwIfAborted();
    if (requests.length === 0) return [];
    await this.#shared.health.assertUsable(signal);
    return this.#gate.write(() => this.#write(requests, signal), signal);
  }

  async remove(
    accounts: readonly { readonly account: AccountKey; readonly sinkRef?: string }[],
    signal: AbortSignal,
  ): Promise<readonly RemoveResult[]> {
    signal.throwIfAborted();
    if (accounts.length === 0) return [];
    const runWhole = async (inner: AbortSignal) => {
      const run = await runIndex(this.#indexDeps, inner);
      if (run.outcome === "broken")
        throw new Fault("SINK_UNAVAILABLE", "indexing documents", { detail: "a document breaks it" });
    };
    const deps = {
      ...{ dataset: this.#dataset, documents: this.#documents, index: this.#index },
      ...{ passages: this.#passages, directory: this.#directory, runIndex: runWhole },
    };
    // Alone, as a repair runs the index; and never while a search has documents out, which it would bring back.
    return this.#gate.alone(() => forgetDocuments(deps, accounts, signal), signal);
  }

  async flush(signal: AbortSignal, keeper?: FlushKeeper): Promise<readonly RefusedDocument[]> {
    signal.throwIfAborted();
    return this.#gate.run(async () => {
      await this.#refused.ended(); // Of one that was killed in the middle.
      const run = await runIndex(this.#indexDeps, signal);
      return run.outcome === "indexed" ? [] : this.#isolate(run.pending, keeper, signal);
    }, signal);
  }

  search(query: string, { limit }: { readonly limit: number }, signal: AbortSignal): Promise<readonly SearchHit[]> {
    return searchDocuments(withTitles(this.#passages, this.#directory), { query, limit }, signal);
  }

  async read(account: AccountKey, signal: AbortSignal): Promise<StoredDocument | undefined> {
    signal.throwIfAborted();
    const stored = await this.#readKnown(account, signal);
    if (stored !== undefined) return stored;
    await this.#directory.refresh(signal); // Another process may have put it, or put it anew.
    return this.#readKnown(account, signal);
  }

  async list(
    { after, limit }: { readonly after?: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly ListedDocument[]> {
    signal.throwIfAborted();
    // One picture for a whole pass, so that it is whole: Cognee's own pages move while documents come and go.
    if (after === undefined || !this.#hasListed) await this.#directory.refresh(signal);
    this.#hasListed = true;
    const all = this.#directory.all();
    const behind = all.filter(({ account }) => after === undefined || documentName(account) > after);
    return behind.slice(0, Math.min(limit, LIST_LIMIT_MAX)).map(({ account, dataId, title, isIndexed }) => ({
      ...{ account, sinkRef: dataId, title: title ?? "", isIndexed },
      cursor: documentName(account),
    }));
  }

  async identity(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    return this.#dataset.identity(signal);
  }

  async probe(signal: AbortSignal, wish?: ProbeWish): Promise<void> {
    signal.throwIfAborted();
    await this.#shared.health.prove(signal, wish);
    await this.#dataset.probe(signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  get #indexDeps(): IndexDeps {
    const { clock, log, count } = this.#shared;
    return {
      ...{ documents: this.#documents, index: this.#index, directory: this.#directory, clock, log },
      prove: this.#prove,
      observe: ({ documents, ms, hasFailed }) => {
        const took = Math.round(ms);
        count({
          ...{ index_runs: 1, index_ms: took },
          ...(hasFailed ? { index_runs_failed: 1 } : { index_documents: documents }),
        });
        const outcome = hasFailed ? "failed" : "indexed";
        log.info({ dataset: this.#name, documents, ms: took, outcome }, "index run");
      },
    };
  }

  /** Throws the fault that is no document's: a model that does not answer, a store that is torn. */
  readonly #prove = async (signal: AbortSignal): Promise<void> => {
    await this.#shared.health.proveModel(signal);
    await this.#dataset.proveStore(signal);
  };

  /** Writes what is known to break no run, as far as the budget goes. */
  async #write(requests: readonly PutRequest[], signal: AbortSignal): Promise<readonly PutResult[]> {
    const { budget, count } = this.#shared;
    const breaking = await this.#refused.take(requests.map(({ document }) => document));
    const wanted = requests.filter(({ document }) => !breaking.has(document.account));
    const granted = await budget?.take(wanted.length);
    const taken = wanted.slice(0, granted?.count);
    const deps = { documents: this.#documents, directory: this.#directory, prove: this.#prove };
    const results = await writeDocuments(deps, taken, signal);
    const stored = taken.filter((_, index) => results[index]?.outcome === "stored");
    count({
      sink_documents: stored.length,
      sink_bytes: stored.reduce((sum, { document }) => sum + Buffer.byteLength(document.text), 0),
    });
    return requests.map((request) => {
      const result = results[taken.indexOf(request)];
      if (result !== undefined) return result;
      const isLeft = !breaking.has(request.document.account);
      return { outcome: "failed", fault: isLeft ? overBudget(granted?.retryAfterMs ?? 0) : breaksIndex() };
    });
  }

  /** Finds what breaks the run, when its caller can keep what is set aside meanwhile. All others are told first, and wait. */
  async #isolate(
    pending: readonly PendingDocument[],
    keeper: FlushKeeper | undefined,
    signal: AbortSignal,
  ): Promise<readonly RefusedDocument[]> {
    const accounts = pending.flatMap(({ account }) => account ?? []);
    if (accounts.length === 0) throw brokenByOthers(pending);
    if (keeper === undefined) throw breaksIndex();
    const { log } = this.#shared;
    log.warn({ dataset: this.#name, documents: accounts.length }, "a document breaks the index run: looking for it");
    const announce = () => this.#refused.searching();
    await announce();
    try {
      await this.#directory.refresh(signal);
      await keeper.setAside(accounts);
      const breaking = await isolate({ ...this.#indexDeps, announce }, pending, signal);
      await this.#refused.found(breaking);
      return breaking.map(({ account }) => ({ account, fault: breaksIndex() }));
    } finally {
      await this.#refused.ended();
    }
  }

  async #readKnown(account: AccountKey, signal: AbortSignal): Promise<StoredDocument | undefined> {
    const [known] = this.#directory.of(account);
    const text = known === undefined ? undefined : await this.#documents.text(known.dataId, signal);
    if (known === undefined || text === undefined) return undefined;
    return { account, sinkRef: known.dataId, title: known.title ?? "", text };
  }
}

function overBudget(retryAfterMs: number): Fault {
  return new Fault("SINK_OVER_BUDGET", "writing a document", { retryAfterMs, detail: "COGNIFY_BUDGET_PER_HOUR" });
}

function breaksIndex(): Fault {
  return new Fault("SINK_REFUSED", "indexing a document", { detail: "Cognee cannot build its index with it" });
}
