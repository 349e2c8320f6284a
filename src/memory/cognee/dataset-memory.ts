import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { SealedStore } from "../../sealed-store.ts";
import {
  type FlushKeeper,
  LIST_LIMIT_MAX,
  type Memory,
  type PutRequest,
  type PutResult,
  type RefusedDocument,
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
import { type IndexDeps, runIndex } from "./index-run.ts";
import { isolate } from "./isolate.ts";
import { RefusedDocuments } from "./refused-documents.ts";
import type { ServerHealth } from "./server-health.ts";
import { writeDocuments } from "./write-documents.ts";

/** Opens the store of the dataset, without the model. */
export const OPENING = searchCall({ kind: "CHUNKS_LEXICAL", query: "a", topK: 1 });

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

/** The memory in one dataset of Cognee, one text document an account. Nothing is asked of the server before the first call. */
export function openDatasetMemory(shared: SharedCognee, place: DatasetPlace): Memory {
  const { session, health, clock, log, notes, budget, count } = shared;
  const { name } = place;
  const dataset = new CogneeDataset(session, place, OPENING);
  const documents = new CogneeDocuments(dataset, (signal) => health.capabilities(signal));
  const index = new CogneeIndex(dataset);
  const passages = new CogneePassages(dataset);
  const directory = new DocumentDirectory(documents);
  const refused = new RefusedDocuments(notes, { dataset: name, clock });
  const isRunning = async (signal: AbortSignal) => (await index.isRunning(signal)) || (await refused.isSearching());
  const gate = new DatasetGate({ clock, isRunning });
  const prove = async (signal: AbortSignal) => {
    await health.proveModel(signal);
    await dataset.proveStore(signal);
  };
  const indexDeps: IndexDeps = {
    ...{ documents, index, directory, clock, log, prove },
    observe: ({ documents: taken, ms, hasFailed }) => {
      count({
        index_runs: 1,
        index_ms: Math.round(ms),
        ...(hasFailed ? { index_runs_failed: 1 } : { index_documents: taken }),
      });
      log.info(
        { dataset: name, documents: taken, ms: Math.round(ms), outcome: hasFailed ? "failed" : "indexed" },
        "index run",
      );
    },
  };

  const runWhole = async (signal: AbortSignal) => {
    const run = await runIndex(indexDeps, signal);
    if (run.outcome === "broken")
      throw new Fault("SINK_UNAVAILABLE", "indexing documents", { detail: "a document breaks it" });
  };

  const forgetDeps = { dataset, documents, index, passages, directory, runIndex: runWhole };

  const put = async (requests: readonly PutRequest[], signal: AbortSignal): Promise<readonly PutResult[]> => {
    signal.throwIfAborted();
    if (requests.length === 0) return [];
    await health.assertUsable(signal);
    return gate.write(async () => {
      const breaking = await refused.take(requests.map(({ document }) => document));
      const wanted = requests.filter(({ document }) => !breaking.has(document.account));
      const granted = await budget?.take(wanted.length);
      const taken = wanted.slice(0, granted?.count);
      const results = await writeDocuments({ documents, directory, prove }, taken, signal);
      count({
        sink_documents: results.filter(({ outcome }) => outcome === "stored").length,
        sink_bytes: taken.reduce((sum, { document }) => sum + Buffer.byteLength(document.text), 0),
      });
      return requests.map((request) => {
        const result = results[taken.indexOf(request)];
        if (result !== undefined) return result;
        const isLeft = !breaking.has(request.document.account);
        return { outcome: "failed", fault: isLeft ? overBudget(granted?.retryAfterMs ?? 0) : breaksIndex() };
      });
    }, signal);
  };

  /** Finds what breaks the run, when its caller can keep what is set aside meanwhile. */
  const flush = async (signal: AbortSignal, keeper?: FlushKeeper): Promise<readonly RefusedDocument[]> => {
    const run = await runIndex(indexDeps, signal);
    if (run.outcome === "indexed") return [];
    const accounts = run.pending.flatMap(({ account }) => account ?? []);
    if (keeper === undefined || accounts.length === 0) throw breaksIndex();
    log.warn({ dataset: name, documents: accounts.length }, "a document breaks the index run: looking for it");
    await directory.refresh(signal);
    await keeper.setAside(accounts);
    const announce = () => refused.searching();
    let breaking: Awaited<ReturnType<typeof isolate>> = [];
    try {
      breaking = await isolate({ ...indexDeps, announce }, run.pending, signal);
    } finally {
      await refused.found(breaking);
    }
    return breaking.map(({ account }) => ({ account, fault: breaksIndex() }));
  };

  return {
    kind: "cognee",
    put,
    remove: async (accounts, signal) => {
      signal.throwIfAborted();
      // Alone, as a repair runs the index.
      return gate.run(() => forgetDocuments(forgetDeps, accounts, signal), signal);
    },
    flush: async (signal, keeper) => {
      signal.throwIfAborted();
      return gate.run(() => flush(signal, keeper), signal);
    },
    search: (query, { limit }, signal) => searchDocuments(withTitles(passages, directory), { query, limit }, signal),
    read: async (account, signal) => {
      signal.throwIfAborted();
      const readKnown = async () => {
        const [known] = directory.of(account);
        const text = known === undefined ? undefined : await documents.text(known.dataId, signal);
        return known === undefined || text === undefined
          ? undefined
          : { account, sinkRef: known.dataId, title: known.title ?? "", text };
      };
      const stored = await readKnown();
      if (stored !== undefined) return stored;
      await directory.refresh(signal); // Another process may have put it, or put it anew.
      return readKnown();
    },
    list: async ({ after, limit }, signal) => {
      signal.throwIfAborted();
      // One picture for a whole pass, so that it is whole: Cognee's own pages move while documents come and go.
      if (after === undefined) await directory.refresh(signal);
      const behind = directory.all().filter(({ account }) => after === undefined || documentName(account) > after);
      return behind.slice(0, Math.min(limit, LIST_LIMIT_MAX)).map(({ account, dataId, title, isIndexed }) => ({
        ...{ account, sinkRef: dataId, title: title ?? "", isIndexed },
        cursor: documentName(account),
      }));
    },
    identity: async (signal) => {
      signal.throwIfAborted();
      return dataset.identity(signal);
    },
    probe: async (signal) => {
      signal.throwIfAborted();
      await health.prove(signal);
      await dataset.probe(signal);
    },
    close: async () => undefined,
  };
}

function overBudget(retryAfterMs: number): Fault {
  return new Fault("SINK_OVER_BUDGET", "writing a document", { retryAfterMs, detail: "COGNIFY_BUDGET_PER_HOUR" });
}

function breaksIndex(): Fault {
  return new Fault("SINK_REFUSED", "indexing a document", { detail: "Cognee cannot build its index with it" });
}
