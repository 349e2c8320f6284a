import type { MemoryDocument } from "../../account.ts";
import { Fault } from "../../faults.ts";
import { type IndexDeps, type PendingDocument, runIndex } from "./index-run.ts";

/** So few documents are tried one by one: parting them again would only fail once more. */
const ALONE_MAX = 4;
/** Documents that may each fail alone, as long as none was indexed, before the trouble is taken to be everyone's. */
const SINGLES_FAILED_MAX = 4;
/** Documents of others that are named to a person, who has to try them. */
const NAMED_MAX = 3;

/** What the search works with. */
export interface IsolateDeps extends IndexDeps {
  /** Says to all processes that documents are set aside: no one else may write now. Called before each run. */
  readonly announce: () => Promise<void>;
}

/** A search that is under way. */
interface Search {
  readonly deps: IsolateDeps;
  readonly signal: AbortSignal;
  readonly breaking: MemoryDocument[];
  indexed: number;
}

/**
 * Finds the documents that break an index run, by running it over groups of the square root of their number, then over those of the groups that
 * failed. A failed run takes minutes (254 s, measured) and one over few documents seconds: halving would fail four times for one
 * of sixteen, this fails twice after the first. All others are in the index afterwards; those that break it are no longer in the dataset.
 *
 * Documents are out of the dataset meanwhile, so their accounts must be noted before: a crash must not lose them. Throws Fault SINK_UNAVAILABLE
 * when nothing at all can be indexed, or another client's document breaks the run, and SINK_MODEL_AWAY.
 */
export async function isolate(
  deps: IsolateDeps,
  pending: readonly PendingDocument[],
  signal: AbortSignal,
): Promise<readonly MemoryDocument[]> {
  const aside = await setAside(deps, pending, signal);
  const search: Search = { deps, signal, breaking: [], indexed: 0 };
  // All groups before any document alone: where some stand together that break it, others are indexed first, and it is not taken for everyone's trouble.
  for (let groups = parted(aside); groups.length > 0; ) {
    const failed: (readonly MemoryDocument[])[] = [];
    for (const group of groups) if (!(await isIndexed(search, group))) failed.push(group);
    groups = failed.filter((group) => group.length > 1).flatMap(parted);
  }
  return search.breaking;
}

/** Takes all that are ours out of the dataset. Throws when the run breaks without them. */
async function setAside(
  deps: IsolateDeps,
  pending: readonly PendingDocument[],
  signal: AbortSignal,
): Promise<readonly MemoryDocument[]> {
  const aside: MemoryDocument[] = [];
  for (const { account, dataId } of pending) {
    if (account === undefined) continue; // Another client's: not ours to take out.
    const text = await deps.documents.text(dataId, signal);
    const title = deps.directory.of(account)[0]?.title ?? account;
    if (text !== undefined) aside.push({ account, title, text, fingerprint: "" });
    await takeOut(deps, { account, dataId }, signal);
  }
  if (pending.some(({ account }) => account === undefined)) {
    const run = await runIndex(deps, signal);
    if (run.outcome === "broken") throw brokenByOthers(run.pending);
  }
  return aside;
}

/** The fault of documents that are not ours, and that only a person can take out. */
export function brokenByOthers(pending: readonly PendingDocument[]): Fault {
  const ids = pending.slice(0, NAMED_MAX).map(({ dataId }) => dataId);
  const detail = `documents of another client break it, one of: ${ids.join(", ")}`;
  return new Fault("SINK_UNAVAILABLE", "indexing documents", { detail });
}

/** Adds a group and runs the index over it. False when it failed: its documents are out again. */
async function isIndexed(search: Search, group: readonly MemoryDocument[]): Promise<boolean> {
  const { deps, signal } = search;
  await deps.announce();
  const added = await deps.documents.add(group, signal);
  // Somebody has put a newer text of one of them: its account was noted, and comes again.
  if (added.outcome === "conflict") throw othersWrite();
  await deps.directory.refresh(signal);
  const run = await runIndex(deps, signal);
  if (run.outcome === "indexed") {
    search.indexed += group.length;
    return true;
  }
  const names = new Set(group.map(({ account }) => account));
  if (run.pending.some(({ account }) => account === undefined || !names.has(account))) throw othersWrite();
  for (const { account, dataId } of run.pending)
    if (account !== undefined) await takeOut(deps, { account, dataId }, signal);
  if (group.length > 1) return false;
  search.breaking.push(...group);
  if (search.indexed === 0 && search.breaking.length >= SINGLES_FAILED_MAX) {
    if (!(await isControlIndexed(search)))
      throw new Fault("SINK_UNAVAILABLE", "indexing documents", { detail: "each fails, though the model answers" });
    search.indexed += 1;
  }
  return false;
}

/** Indexes one document anew that was in the index before: where that fails as well, the documents are not to blame. */
async function isControlIndexed({ deps, signal }: Search): Promise<boolean> {
  const control = deps.directory.all().find((document) => document.isIndexed);
  if (control === undefined) return false;
  await deps.index.takeOut(control.dataId, signal);
  return (await runIndex(deps, signal)).outcome === "indexed";
}

function othersWrite(): Fault {
  return new Fault("SINK_UNAVAILABLE", "looking for what breaks the index", { detail: "others write" });
}

async function takeOut(
  { documents, directory }: IsolateDeps,
  { account, dataId }: { readonly account: MemoryDocument["account"]; readonly dataId: string },
  signal: AbortSignal,
): Promise<void> {
  await documents.remove(dataId, signal);
  directory.forget(account, dataId);
}

/** In groups of the square root of their number, or one by one. */
function parted(documents: readonly MemoryDocument[]): readonly (readonly MemoryDocument[])[] {
  const size = documents.length <= ALONE_MAX ? 1 : Math.ceil(Math.sqrt(documents.length));
  return Array.from({ length: Math.ceil(documents.length / size) }, (_, index) =>
    documents.slice(index * size, (index + 1) * size),
  );
}
