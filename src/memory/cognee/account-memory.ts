import type { AccountKey } from "../../account.ts";
import { Fault } from "../../faults.ts";
import { mapAtOnce } from "../../map-at-once.ts";
import {
  LIST_LIMIT_MAX,
  type ListedDocument,
  type Memory,
  type PutRequest,
  type PutResult,
  type RemoveResult,
} from "../memory.ts";
import { AccountDatasets } from "./account-datasets.ts";
import { CogneeDataset } from "./cognee-dataset.ts";
import { searchDocuments } from "./cognee-search.ts";
import { WRITE_MS_MAX } from "./cognee-session.ts";
import { OPENING, openDatasetMemory, type SharedCognee } from "./dataset-memory.ts";
import { documentName } from "./document-name.ts";

/** Accounts whose datasets are written at the same time: datasets do not wait for each other, and Cognee has one process. */
const WRITTEN_AT_ONCE = 2;
/** Datasets read at the same time. */
const READ_AT_ONCE = 4;
/** How long a write waits for a run of its dataset, which nobody else begins: it is that of a process or server that was killed. */
const PATIENCE_MS = 10_000;
/** How long an account waits whose dataset a person must mend, before it is tried again. */
const MEND_WAIT_MS = 60_000;

/**
 * The memory in a dataset for each account, so that nothing of one can live on in another's: forgetting is deleting its dataset. Dearer in all
 * else (docs/cognee.md): each change has an index run of its own, which `put` waits for, and a search opens every dataset.
 */
export function openAccountMemory(shared: SharedCognee, base: string): Memory {
  const datasets = new AccountDatasets(shared.session, base);
  // Empty: it stands for all, and tells whether the server is the one that has them.
  const anchor = openDatasetMemory(shared, { name: base });
  const existing = (account: AccountKey, id: string) =>
    openDatasetMemory(shared, { name: datasets.nameOf(account), id });

  return {
    kind: "cognee",
    put: (requests, signal) =>
      mapAtOnce(requests, WRITTEN_AT_ONCE, (request) =>
        ofOneAccount(() =>
          putOne(
            openDatasetMemory(shared, { name: datasets.nameOf(request.document.account), patienceMs: PATIENCE_MS }),
            request,
            signal,
          ),
        ),
      ),
    remove: async (accounts, signal) => {
      signal.throwIfAborted();
      if (accounts.length === 0) return [];
      const known = await datasets.all(signal);
      return mapAtOnce(accounts, WRITTEN_AT_ONCE, ({ account }) =>
        ofOneAccount(() => forgetOne({ shared, datasets }, { account, id: known.get(account) }, signal)),
      );
    },
    flush: async (signal) => {
      signal.throwIfAborted();
      return []; // What was put is searchable.
    },
    search: (query, { limit }, signal) => searchDocuments(datasets, { query, limit }, signal),
    read: async (account, signal) => {
      signal.throwIfAborted();
      const id = (await datasets.all(signal)).get(account);
      return id === undefined ? undefined : unlessGone(existing(account, id).read(account, signal), undefined);
    },
    list: async ({ after, limit }, signal) => {
      signal.throwIfAborted();
      const behind = [...(await datasets.all(signal))].filter(
        ([account]) => after === undefined || documentName(account) > after,
      );
      const wanted = Math.min(limit, LIST_LIMIT_MAX);
      const listed: ListedDocument[] = [];
      while (listed.length < wanted && behind.length > 0) {
        const next = behind.splice(0, wanted - listed.length);
        const found = await mapAtOnce(next, READ_AT_ONCE, ([account, id]) =>
          unlessGone(existing(account, id).list({ limit: LIST_LIMIT_MAX }, signal), []),
        );
        listed.push(...found.flat());
      }
      return listed;
    },
    identity: async (signal) => {
      await assertSupported(shared, signal);
      return `${await anchor.identity(signal)}/account`;
    },
    probe: async (signal, wish) => {
      signal.throwIfAborted();
      await assertSupported(shared, signal);
      await anchor.probe(signal, wish);
    },
    close: async () => undefined,
  };
}

/** Deletes the dataset of an account, if there is one, and looks whether anything is left. */
async function forgetOne(
  { shared, datasets }: { readonly shared: SharedCognee; readonly datasets: AccountDatasets },
  { account, id }: { readonly account: AccountKey; readonly id: string | undefined },
  signal: AbortSignal,
): Promise<RemoveResult> {
  const name = datasets.nameOf(account);
  if (id !== undefined) {
    const path = `/datasets/${id}`;
    const call = { method: "DELETE", path, timeoutMs: WRITE_MS_MAX, doing: "deleting a dataset" } as const;
    await unlessGone(
      new CogneeDataset(shared.session, { name, id }, OPENING).send(() => call, signal),
      undefined,
    );
  }
  const looked = [
    { place: "listing", found: Number((await datasets.all(signal)).has(account)) },
    ...(id === undefined ? [] : await datasets.left(id, signal)),
  ];
  const still = looked.filter(({ found }) => found > 0).map(({ place }) => place);
  if (still.length === 0) return { outcome: "removed", forgetting: { looked, repaired: [], left: [] } };
  const detail = `still in ${still.join(", ")}`;
  return { outcome: "failed", fault: new Fault("SINK_WRITE_FAILED", "forgetting an account", { detail }) };
}

/** A Cognee before 1.6 is not known to do it: it was not measured. */
async function assertSupported({ health }: SharedCognee, signal: AbortSignal): Promise<void> {
  if ((await health.capabilities(signal)).tellsIndexed) return;
  const detail = "COGNEE_DATASET_PER=account needs Cognee 1.6 or newer";
  throw new Fault("SINK_UNAVAILABLE", "opening the datasets of accounts", { detail });
}

/** Puts, and makes it searchable. A document that breaks the run has nobody beside it, so nobody is looked for. */
async function putOne(memory: Memory, request: PutRequest, signal: AbortSignal): Promise<PutResult> {
  const [result] = await memory.put([request], signal);
  if (result?.outcome === "failed") return result;
  if (result === undefined) throw new Fault("UNEXPECTED", "writing a document: no result");
  if (!result.isIndexed) await memory.flush(signal);
  return { ...result, isIndexed: true };
}

/** A fault of this account alone as its outcome: its neighbours go on. Throws those of the whole. */
async function ofOneAccount<Result>(
  work: () => Promise<Result>,
): Promise<Result | { readonly outcome: "failed"; readonly fault: Fault }> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === "SINK_REFUSED" || error.code === "SINK_BUSY") return { outcome: "failed", fault: error };
    if (error.code !== "SINK_DAMAGED") throw error;
    const doing = "opening the dataset of an account";
    const fault = new Fault("SINK_ACCOUNT_DAMAGED", doing, { cause: error, retryAfterMs: MEND_WAIT_MS });
    return { outcome: "failed", fault };
  }
}

/** Of a dataset that was deleted meanwhile Cognee says that it is forbidden. */
async function unlessGone<Result, Other>(call: Promise<Result>, otherwise: Other): Promise<Result | Other> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Fault && error.code === "SINK_FORBIDDEN") return otherwise;
    throw error;
  }
}
