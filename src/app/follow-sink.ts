import { type AccountKey, DEFAULT_CONNECTION } from "../account.ts";
import { assert } from "../assert.ts";
import { withTimeout } from "../clock.ts";
import { Fault } from "../faults.ts";
import type { AdoptedEntry } from "../memory/ledger.ts";
import type { ListedDocument, Memory } from "../memory/memory.ts";
import { randomSecret } from "../random.ts";
import type { SealedStore } from "../sealed-store.ts";
import type { AppDeps, Parts } from "./parts.ts";

/** Name under which the engine remembers which sink its ledger speaks of. Nothing, or an empty text: of none. */
const SINK_IDENTITY = `${DEFAULT_CONNECTION}:sink-identity`;
/** Name under which it remembers the pass that began last. Never written again by that pass, so it shows a loss meanwhile. */
const SINK_PASS = `${DEFAULT_CONNECTION}:sink-pass`;
const PASS_NAME_BYTES = 8;
/** Accounts adopted and enqueued in one step: some 20 ms of an engine's time. */
const PAGE = 500;
/** How long the sink may take to name itself or to list one page. */
const SINK_MS_MAX = 60_000;

/** What following the sink works on: three of the engine's ports, and the sink. */
export interface FollowedParts {
  readonly engine: Pick<Parts["engine"], "sealed" | "ledger" | "queue">;
  readonly memory: Pick<Memory, "identity" | "list">;
}

/** What following the sink needs. */
export interface FollowDeps extends Pick<AppDeps, "clock" | "log"> {
  /** Whether the ledger may be made to speak of another sink than before: not while a process works with that one. */
  readonly mayReplace: () => Promise<boolean>;
}

/** One pass over all accounts. */
interface Pass {
  readonly parts: FollowedParts;
  readonly deps: FollowDeps;
  readonly signal: AbortSignal;
}

/**
 * Makes the ledger speak of the sink that is there, and says whether it does now. Nothing to do where it does already.
 * - A sink that was made anew (a lost or replaced file) has none of the documents: what the ledger knows of it is forgotten.
 * - An engine that knows no sink is new, or lost all that it had: what the sink lists is taken into the ledger.
 * Either way each account is then synced behind live work; after a loss of the engine that writes only what differs, and
 * removes what is gone. May be called at any time, beside workers and other callers: it changes no entry that a worker wrote.
 * Survives a crash at any point, as the sink is remembered last. False = the engine lost everything once more, or another
 * process began after us: to be called again. Throws Fault STORE_UNAVAILABLE or SINK_…, of which SINK_MISMATCH when the sink
 * is another one than the ledger speaks of and may not replace it.
 */
export async function followSink(parts: FollowedParts, deps: FollowDeps, signal: AbortSignal): Promise<boolean> {
  const { sealed } = parts.engine;
  const identity = await identityOf(parts, deps, signal);
  const known = await knownSink(sealed);
  if (identity === known) return true;
  if (known !== undefined && !(await deps.mayReplace())) throw new Fault("SINK_MISMATCH", "following the memory");

  const pass = randomSecret(PASS_NAME_BYTES);
  await sealed.write(SINK_PASS, pass);
  await (known === undefined ? rebuild : writeAnew)({ parts, deps, signal });
  // A loss at any time of the pass has taken its name. One that comes between these two lines takes it as well, and is seen
  // by the second look; one that comes later takes the identity.
  if ((await sealed.read(SINK_PASS)) !== pass) return false;
  await sealed.write(SINK_IDENTITY, identity);
  if ((await sealed.read(SINK_PASS)) === pass) return true;
  await sealed.write(SINK_IDENTITY, "");
  return false;
}

/** True when the ledger speaks of the sink that is there now. Throws Fault STORE_UNAVAILABLE or SINK_…. */
export async function isSinkFollowed(
  parts: FollowedParts,
  deps: Pick<FollowDeps, "clock">,
  signal: AbortSignal,
): Promise<boolean> {
  return (await knownSink(parts.engine.sealed)) === (await identityOf(parts, deps, signal));
}

/**
 * True when the ledger speaks of a sink; without asking the sink. False after a total loss of the engine, until `followSink`
 * has ended: an account without an entry may have a document all the same. Throws Fault STORE_UNAVAILABLE.
 */
export async function knowsSink(sealed: Pick<SealedStore, "read">): Promise<boolean> {
  return (await knownSink(sealed)) !== undefined;
}

async function knownSink(sealed: Pick<SealedStore, "read">): Promise<string | undefined> {
  const known = await sealed.read(SINK_IDENTITY);
  return known === "" ? undefined : known;
}

/** Fills the ledger from the sink's listing. Adopted first, then enqueued: a sync that finds no entry would write blindly. */
async function rebuild(pass: Pass): Promise<void> {
  const { ledger } = pass.parts.engine;
  let listed = 0;
  let adopted = 0;
  for await (const page of listing(pass)) {
    if (listed === 0) pass.deps.log.warn({}, "the store knows nothing of what the memory has: rebuilding the ledger");
    listed += page.length;
    adopted += await ledger.adopt(page.map(adoptedOf));
    const accounts = page.map(({ account }) => account);
    await enqueueSyncs(pass, accounts, "the ledger was rebuilt from the memory");
  }
  if (listed > 0) pass.deps.log.warn({ listed, adopted }, "the ledger was rebuilt; every account is compared");
}

/** Has every account written again, as the sink has none of them. */
async function writeAnew(pass: Pass): Promise<void> {
  const { ledger } = pass.parts.engine;
  const forgotten = await ledger.forgetWritten();
  pass.deps.log.warn({ accounts: forgotten }, "the memory was made anew: every account is written again");
  let page = await ledger.list({ limit: PAGE });
  while (page.length > 0) {
    const present = page.filter(({ state }) => state !== "removed").map(({ account }) => account);
    await enqueueSyncs(pass, present, "the memory was made anew");
    const after = page.at(-1)?.account;
    page = after === undefined ? [] : await ledger.list({ after, limit: PAGE });
  }
}

async function enqueueSyncs(
  { parts, deps, signal }: Pass,
  accounts: readonly AccountKey[],
  note: string,
): Promise<void> {
  signal.throwIfAborted();
  const receivedAt = deps.clock.now();
  await parts.engine.queue.enqueue(
    accounts.map((key) => ({ lane: "sync", key, rank: "background", delayMs: 0, reason: { note, receivedAt } })),
  );
}

/** The sink's documents, a page at a time. */
async function* listing({ parts, deps, signal }: Pass): AsyncGenerator<readonly ListedDocument[]> {
  for (let after: string | undefined; ; ) {
    const options = { ...(after === undefined ? {} : { after }), limit: PAGE };
    const page = await asked(deps, signal, (bounded) => parts.memory.list(options, bounded));
    const cursor = page.at(-1)?.cursor;
    if (cursor === undefined) return;
    assert(cursor !== after, "a listing goes on");
    after = cursor;
    yield page;
  }
}

function adoptedOf({ account, sinkRef, title, fingerprint = "", isIndexed }: ListedDocument): AdoptedEntry {
  return { account, sinkRef, title, fingerprint, isIndexed };
}

function identityOf({ memory }: FollowedParts, deps: Pick<FollowDeps, "clock">, signal: AbortSignal): Promise<string> {
  return asked(deps, signal, (bounded) => memory.identity(bounded));
}

/** Asks the sink, within a bound. */
async function asked<T>(
  deps: Pick<FollowDeps, "clock">,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await withTimeout(deps.clock, { ms: SINK_MS_MAX, signal }, work);
  } catch (error) {
    if (signal.aborted || !(error instanceof DOMException && error.name === "TimeoutError")) throw error;
    throw new Fault("SINK_UNREACHABLE", "asking the sink what it has", { cause: error });
  }
}
