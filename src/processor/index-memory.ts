import type { AccountKey } from "../account.ts";
import { asFault } from "../faults.ts";
import type { Lease } from "../queue/queue.ts";
import { type Attempt, failed, syncJob } from "./attempt.ts";
import type { ProcessorOptions, StageDeps, WorkRight } from "./processor-deps.ts";

/** Ledger entries marked per run; more make one more run. Keeps the list in memory at a few MB. */
const MARK_MAX = 10_000;

/**
 * Longest that a run waits for syncs under way in this process, whose documents it then takes along: a run costs seconds beside its documents, and
 * whatever is written during one waits for its end.
 */
const SYNCS_MS_MAX = 10_000;
/** How often it looks whether they have ended. */
const LOOK_EVERY_MS = 50;

/**
 * Makes all that was put searchable, then says so in the ledger. Runs whenever a job asks, also when the ledger shows
 * nothing to mark: a document put during the last flush may have been marked with it by mistake, never left out.
 */
export async function indexMemory(
  deps: StageDeps,
  leases: readonly Lease[],
  right: WorkRight,
): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  for (const lease of leases) {
    try {
      attempts.push(await indexOnce(deps, lease, right));
    } catch (error) {
      if (right.signal.aborted) throw error;
      attempts.push(failed(lease, asFault(error, "indexing the memory")));
    }
  }
  return attempts;
}

async function indexOnce(deps: StageDeps, lease: Lease, right: WorkRight): Promise<Attempt> {
  const { ledger, memory, options, clock } = deps;
  if (options.gatherMs !== undefined && options.gatherMs > 0) await syncsEnded(deps, right.signal);
  const before = await ledger.inState("stored", MARK_MAX);
  right.mustHold();
  // An account that is set aside has its document read, rendered and put once more: the sink's is then only one that may be there.
  const setAside = async (accounts: readonly AccountKey[]) => {
    await ledger.distrust(accounts);
    await deps.queue.enqueue(
      accounts.map((account) => syncJob(lease, account, "set aside to find what breaks the index")),
    );
  };
  const refused = await memory.flush(right.signal, { setAside });
  for (const { account, fault } of refused)
    deps.log.error({ account, error: fault }, "this account's document breaks the index");
  const outside = new Set(refused.map(({ account }) => account));
  await oweRecorded(deps, lease, [...outside]);

  const after = await ledger.read(before.map((entry) => entry.account));
  const same = before.filter(({ account, fingerprint, writtenAt }) => {
    const entry = after.get(account);
    if (outside.has(account) || entry?.state !== "stored") return false;
    return entry.fingerprint === fingerprint && entry.writtenAt === writtenAt;
  });
  await ledger.markIndexed(same.map((entry) => entry.account));

  for (const { account } of same) {
    const changedAt = deps.unindexed.get(account);
    if (changedAt === undefined) continue;
    deps.unindexed.delete(account);
    deps.observe?.("freshness", clock.now() - changedAt);
  }
  const also = before.length < MARK_MAX ? [] : [indexJob(options, clock.now())];
  return { outcome: "done", lease, deed: "indexed", settlement: { verb: "complete", lease, also } };
}

/**
 * Has refused accounts synced that somebody recorded while the search was under way: the sink has their documents no longer, and whoever
 * recorded them has done its job. All others have their job still; one more would try the document again, and search again, for ever.
 */
async function oweRecorded({ ledger, queue }: StageDeps, lease: Lease, refused: readonly AccountKey[]): Promise<void> {
  if (refused.length === 0) return;
  const entries = await ledger.read(refused);
  const recorded = refused.filter((account) => {
    const state = entries.get(account)?.state;
    return state === "stored" || state === "indexed";
  });
  if (recorded.length === 0) return;
  await ledger.distrust(recorded);
  await queue.enqueue(recorded.map((account) => syncJob(lease, account, "recorded while its document was taken out")));
}

/** Where documents are gathered for a run: the syncs under way bring more of them. */
async function syncsEnded({ inFlight, clock }: StageDeps, signal: AbortSignal): Promise<void> {
  const until = clock.now() + SYNCS_MS_MAX;
  while (inFlight.sync > 0 && clock.now() < until) await clock.sleep(LOOK_EVERY_MS, signal);
}

/** The one job of the index lane. Joins silently where it already waits. */
export function indexJob(
  { dataset, gatherMs = 0 }: Pick<ProcessorOptions, "dataset" | "gatherMs">,
  receivedAt: number,
) {
  return {
    lane: "index",
    key: dataset,
    rank: "live",
    delayMs: gatherMs,
    reason: { note: "documents to index", receivedAt },
  } as const;
}
