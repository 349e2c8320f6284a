import { type AccountKey, DEFAULT_CONNECTION } from "../account.ts";
import { assert } from "../assert.ts";
import { withTimeout } from "../clock.ts";
import { asFault, Fault, type FaultCode } from "../faults.ts";
import type { AdoptedEntry } from "../memory/ledger.ts";
import type { ListedDocument, Memory } from "../memory/memory.ts";
import { randomSecret } from "../random.ts";
import type { SealedStore } from "../sealed-store.ts";
import type { AppDeps, Parts } from "./parts.ts";

/** Name under which the engine remembers which sink its ledger speaks of. Nothing, or an empty text: of none. */
const SINK_IDENTITY = `${DEFAULT_CONNECTION}:sink-identity`;
/** Stands there while one sink replaces another. No sink is named so. */
const CHANGING = "changing";
/**
 * Name under which it remembers the pass that began last, and for which sink. Never written again by that pass, so it shows a loss
 * meanwhile; and from then on every other sink sees that the ledger is no longer its own.
 */
const SINK_PASS = `${DEFAULT_CONNECTION}:sink-pass`;
const PASS_NAME_BYTES = 8;
/** Behind the pass's own name and a space stands the sink's. */
const PASS_PREFIX_LENGTH = 2 * PASS_NAME_BYTES + 1;
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
  /** Whether the ledger may be taken from the sink that it is of: not while a process works with that one. Undefined = it is nobody's. */
  readonly mayReplace: (owner: string | undefined) => Promise<boolean>;
}

/** Whose the ledger is, as one sink sees it. `becoming ours` = it is being filled from us, or will be as soon as somebody can. */
export type Standing = "ours" | "becoming ours" | "nobody's" | "another's";

/** What the engine remembers of sinks. */
interface SinkNames {
  /** The one that the ledger speaks of. */
  readonly known: string | undefined;
  /** The one that a pass began for last. */
  readonly following: string | undefined;
}

/** One pass over all accounts. */
interface Pass {
  readonly parts: FollowedParts;
  readonly deps: FollowDeps;
  readonly signal: AbortSignal;
}

/**
 * Makes the ledger speak of the sink that is there, and says whether it does now. Nothing to do where it does already.
 * - A sink that was made anew (a lost or replaced file) has none of the documents: what the ledger knows of another is forgotten. One that was in use before has some: they are looked at.
 * - An engine that knows no sink is new, or lost all that it had: what the sink lists is taken into the ledger.
 * Either way each account is then synced behind live work; after a loss of the engine that writes only what differs, and
 * removes what is gone. May be called at any time, beside workers and other callers: it changes no entry that a worker of this sink
 * wrote, and whoever works with another sees from its first step on that the ledger is no longer theirs (`knowsSink`).
 * Survives a crash at any point, as the sink is remembered last. False = the engine lost everything once more, or another
 * process began after us: to be called again. Throws Fault STORE_UNAVAILABLE or SINK_…, of which SINK_MISMATCH when the sink
 * is another one than the ledger speaks of and may not replace it.
 */
export async function followSink(parts: FollowedParts, deps: FollowDeps, signal: AbortSignal): Promise<boolean> {
  const { sealed } = parts.engine;
  const identity = await sinkIdentity(parts, deps, signal);
  const names = await sinkNames(sealed);
  const standing = standingOf(identity, names);
  if (standing === "ours") return true;
  if (standing !== "becoming ours" && !(await deps.mayReplace(names.following ?? names.known))) {
    throw new Fault("SINK_MISMATCH", "following the memory");
  }
  const isReplacing = standing === "another's" || names.known !== undefined;
  const pass = newPass(identity);
  // First: were it our name from before, the ledger would count as ours in the middle.
  if (isReplacing) await sealed.write(SINK_IDENTITY, CHANGING);
  await sealed.write(SINK_PASS, pass);
  const work = { parts, deps, signal };
  if (isReplacing) {
    await writeAnew(work);
    await lookAgain(work);
  } else await rebuild(work);
  // A loss at any time of the pass has taken its name. One that comes between these two lines takes it as well, and is seen
  // by the second look; one that comes later takes the identity.
  if ((await sealed.read(SINK_PASS)) !== pass) return false;
  await sealed.write(SINK_IDENTITY, identity);
  const last = await sealed.read(SINK_PASS);
  if (last === pass) return true;
  // Another's pass is marked by itself. One of ours after a loss has yet to end.
  if ((followingOf(last) ?? identity) === identity) await sealed.write(SINK_IDENTITY, "");
  return false;
}

/** True when the ledger speaks of the sink that is there now. Throws Fault STORE_UNAVAILABLE or SINK_…. */
export async function isSinkFollowed(
  parts: FollowedParts,
  deps: Pick<FollowDeps, "clock">,
  signal: AbortSignal,
): Promise<boolean> {
  return (await readStanding(parts.engine.sealed, await sinkIdentity(parts, deps, signal))) === "ours";
}

/** Whose the ledger is, seen by the sink of that identity; without asking it. Throws Fault STORE_UNAVAILABLE. */
export async function readStanding(sealed: Pick<SealedStore, "read">, identity: string): Promise<Standing> {
  return standingOf(identity, await sinkNames(sealed));
}

/**
 * True when the ledger speaks of a sink; without asking the sink. False after a total loss of the engine, until `followSink`
 * has ended: an account without an entry may have a document all the same. Throws Fault STORE_UNAVAILABLE.
 */
export async function knowsSink(sealed: Pick<SealedStore, "read">): Promise<boolean> {
  const { known } = await sinkNames(sealed);
  return known !== undefined && known !== CHANGING;
}

/** A process's own sink, watched beside its work on a store that others share. */
export interface OwnSink {
  /**
   * What the processor asks before it writes, and after: `knowsSink`, of this sink. A ledger that is nobody's is named ours first, so that no
   * other sink takes for its own what is recorded next. Throws Fault SINK_MISMATCH when the ledger is another's, or STORE_UNAVAILABLE.
   */
  knows(): Promise<boolean>;
  /**
   * SINK_MISMATCH when the ledger is another's, or why the sink could not be asked who it is; without waiting for one that was not asked yet. Throws
   * Fault STORE_UNAVAILABLE.
   */
  trouble(): Promise<FaultCode | undefined>;
}

/** Watches whether the ledger is of the sink that this process has. The sink names itself once, when it is first asked for. */
export function ownSink(parts: FollowedParts, deps: Pick<FollowDeps, "clock">): OwnSink {
  const { sealed } = parts.engine;
  const { signal } = new AbortController(); // The asking has a bound of its own.
  let asking: Promise<string> | undefined;
  let identity: string | undefined;
  let fault: FaultCode | undefined;
  const ask = () => {
    asking ??= sinkIdentity(parts, deps, signal).then(
      (named) => {
        identity = named;
        fault = undefined;
        return named;
      },
      (error: unknown) => {
        asking = undefined; // It was away: to be asked again.
        fault = asFault(error, "asking the sink who it is").code;
        throw error;
      },
    );
    return asking;
  };
  return {
    knows: async () => {
      const own = identity ?? (await ask());
      let standing = await readStanding(sealed, own);
      if (standing === "nobody's") {
        await sealed.write(SINK_PASS, newPass(own));
        standing = await readStanding(sealed, own);
      }
      if (standing === "another's") throw new Fault("SINK_MISMATCH", "working for the memory");
      return standing === "ours";
    },
    trouble: async () => {
      if (identity !== undefined)
        return (await readStanding(sealed, identity)) === "another's" ? "SINK_MISMATCH" : undefined;
      ask().catch(() => undefined); // Whoever works with the sink tells of it.
      return fault;
    },
  };
}

async function sinkNames(sealed: Pick<SealedStore, "read">): Promise<SinkNames> {
  const [known, pass] = await Promise.all([sealed.read(SINK_IDENTITY), sealed.read(SINK_PASS)]);
  return { known: known === "" ? undefined : known, following: followingOf(pass) };
}

/** The sink that a pass is for. Undefined = there was none, or one of a release whose passes named no sink. */
function followingOf(pass: string | undefined): string | undefined {
  return pass?.slice(PASS_PREFIX_LENGTH) || undefined;
}

function newPass(identity: string): string {
  return `${randomSecret(PASS_NAME_BYTES)} ${identity}`;
}

function standingOf(identity: string, { known, following }: SinkNames): Standing {
  if (following !== undefined && following !== identity) return "another's";
  if (known === identity) return "ours";
  if (following === identity) return "becoming ours";
  return known === undefined ? "nobody's" : "another's";
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

/** A memory that was in use before has documents still, perhaps of accounts that are gone: each is looked at, and none is added twice. */
async function lookAgain(pass: Pass): Promise<void> {
  for await (const page of listing(pass)) {
    const accounts = page.map(({ account }) => account);
    await pass.parts.engine.ledger.distrust(accounts);
    await enqueueSyncs(pass, accounts, "the memory has a document from before");
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

/** Asks the sink who it is. Throws Fault SINK_…. */
export function sinkIdentity(
  { memory }: FollowedParts,
  deps: Pick<FollowDeps, "clock">,
  signal: AbortSignal,
): Promise<string> {
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
