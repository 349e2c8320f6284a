import type { MemoryDocument } from "../../account.ts";
import { Fault } from "../../faults.ts";
import { type IndexDeps, type PendingDocument, runIndex } from "./index-run.ts";

/** So few documents are tried one by one: parting them again would only fail once more. */
const ALONE_MAX = 4;
/** Documents that may each fail alone, as long as none was indexed, before the trouble is taken to be everyone's. */
const SINGLES_FAILED_MAX = 4;

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
 * Finds the documents that break an index run, by running it over groups of the square root of their number, then over those of a group that
 * failed. A failed run takes minutes (254 s, measured) and one over few documents seconds: halving would fail four times for one
 * of sixteen, this fails twice after the first. All others are in the index afterwards; those that break it are no longer in the dataset.
 *
 * Documents are out of the dataset meanwhile, so their accounts must be noted before: a crash must not lose them. Throws Fault SINK_UNAVAILABLE
 * when nothing at all can be indexed, and SINK_MODEL_AWAY.
 */
export async function isolate(
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
  const search: Search = { deps, signal, breaking: [], indexed: 0 };
  for (const group of parted(aside)) await tryGroup(search, group);
  return search.breaking;
}

async function tryGroup(search: Search, group: readonly MemoryDocument[]): Promise<void> {
  const { deps, signal } = search;
  await deps.announce();
  const added = await deps.documents.add(group, signal);
  // Somebody has put a newer text of one of them: its account was noted, and comes again.
  if (added.outcome === "conflict")
    throw new Fault("SINK_UNAVAILABLE", "looking for what breaks the index", { detail: "others write" });
  await deps.directory.refresh(signal);
  const run = await runIndex(deps, signal);
  if (run.outcome === "indexed") {
    search.indexed += group.length;
    return;
  }
  const names = new Set(group.map(({ account }) => account));
  if (run.pending.some(({ account }) => account === undefined || !names.has(account))) {
    throw new Fault("SINK_UNAVAILABLE", "looking for what breaks the index", { detail: "others write" });
  }
  for (const { account, dataId } of run.pending)
    if (account !== undefined) await takeOut(deps, { account, dataId }, signal);
  if (group.length > 1) {
    for (const part of parted(group)) await tryGroup(search, part);
    return;
  }
  search.breaking.push(...group);
  if (search.indexed === 0 && search.breaking.length >= SINGLES_FAILED_MAX) {
    throw new Fault("SINK_UNAVAILABLE", "indexing documents", { detail: "each fails, though the model answers" });
  }
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
