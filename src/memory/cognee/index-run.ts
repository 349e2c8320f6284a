import type { AccountKey } from "../../account.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { CogneeDocuments } from "./cognee-documents.ts";
import type { CogneeIndex } from "./cognee-index.ts";
import type { DocumentDirectory } from "./document-directory.ts";
import { accountOfName } from "./document-name.ts";

/** How often a run is asked whether it has ended; each look takes Cognee 50 to 100 ms. */
const LOOK_EVERY_MS = 500;
/** How often its progress is asked: that answer names every document of the dataset. */
const COUNT_EVERY_MS = 30_000;
/**
 * How long a run may get nowhere. With a model that is away it fails by itself after 280 s (measured); one
 * that says nothing for longer ended with its server.
 */
const STANDSTILL_MS_MAX = 900_000;

/** What an index run works with. */
export interface IndexDeps {
  readonly documents: CogneeDocuments;
  readonly index: CogneeIndex;
  readonly directory: DocumentDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** Throws the fault that is no document's: a model that does not answer, a store that is torn. */
  readonly prove: (signal: AbortSignal) => Promise<void>;
  /** Told of each run that was begun: how many documents were pending and how long it took. */
  readonly observe: (run: { readonly documents: number; readonly ms: number; readonly hasFailed: boolean }) => void;
}

/** How a run over all that was pending ended. */
export type IndexOutcome =
  | { readonly outcome: "indexed" }
  /** Nothing of it was kept, the model answers and the store is whole: one of these documents breaks the run. Cognee does not say which. */
  | { readonly outcome: "broken"; readonly pending: readonly PendingDocument[] };

/** A document that waits for an index run. */
export interface PendingDocument {
  readonly dataId: string;
  readonly name: string;
  readonly account: AccountKey | undefined;
}

/**
 * Runs Cognee's index over all that is pending, if anything is. That the run says it is complete proves nothing: what is asked is whether
 * anything is still pending. Throws Fault SINK_…, of which SINK_MODEL_AWAY and SINK_DAMAGED where the run failed for no document's sake.
 */
export async function runIndex(deps: IndexDeps, signal: AbortSignal): Promise<IndexOutcome> {
  const pending = await pendingOf(deps, signal);
  if (pending.length === 0) return { outcome: "indexed" };
  const startedAt = deps.clock.now();
  await begin(deps, signal);
  const status = await untilEnded(deps, signal);
  const ids = new Set(pending.map(({ dataId }) => dataId));
  const left = (await pendingOf(deps, signal)).filter(({ dataId }) => ids.has(dataId));
  deps.observe({ documents: pending.length, ms: deps.clock.now() - startedAt, hasFailed: left.length > 0 });
  if (left.length === 0) return { outcome: "indexed" };
  await deps.prove(signal);
  if (status === "DATASET_PROCESSING_ERRORED") return { outcome: "broken", pending: left };
  throw new Fault("SINK_UNAVAILABLE", "indexing documents", { detail: `the run ended as ${status ?? "nothing"}` });
}

/** Begins a run. Where the call does not outlast the one before, which somebody began, that is waited for as one of our own. */
async function begin(deps: IndexDeps, signal: AbortSignal): Promise<void> {
  try {
    return await deps.index.begin(signal);
  } catch (error) {
    const hasTimedOut = error instanceof Fault && error.code === "SINK_UNREACHABLE" && !signal.aborted;
    if (!hasTimedOut || !(await deps.index.isRunning(signal))) throw error;
  }
  await untilEnded(deps, signal);
  await deps.index.begin(signal);
}

/** Documents that no run has taken yet. */
export async function pendingOf(
  { documents }: Pick<IndexDeps, "documents">,
  signal: AbortSignal,
): Promise<readonly PendingDocument[]> {
  const rows = await documents.processing(signal);
  return rows
    .filter(({ completed }) => !completed)
    .map(({ id, name }) => ({ dataId: id, name, account: accountOfName(name) }));
}

/** The state in which the run ended. */
async function untilEnded({ documents, index, clock }: IndexDeps, signal: AbortSignal): Promise<string | undefined> {
  let [progress, movedAt, countedAt] = [-1, clock.now(), -Infinity];
  for (;;) {
    const status = await index.status(signal);
    if (status !== "DATASET_PROCESSING_STARTED") return status;
    if (clock.now() - countedAt >= COUNT_EVERY_MS) {
      countedAt = clock.now();
      const now = await documents.progress(signal);
      if (now !== progress) [progress, movedAt] = [now, countedAt];
    }
    if (clock.now() - movedAt > STANDSTILL_MS_MAX) {
      throw new Fault("SINK_UNAVAILABLE", "waiting for an index run", { detail: "no progress" });
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
