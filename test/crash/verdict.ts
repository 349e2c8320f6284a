import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type AccountKey, accountKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import type { Counters } from "../../src/counters.ts";
import type { Crm } from "../../src/crm/crm.ts";
import { decodeEvent } from "../../src/crm/event.ts";
import { openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import type { Ledger } from "../../src/memory/ledger.ts";
import type { Memory } from "../../src/memory/memory.ts";
import type { EventRecord, QueueView } from "../../src/queue/queue-view.ts";

/** The truth that memhook is compared with. */
export interface Truth {
  /** The campaign's own record of what was answered 2xx. */
  readonly acknowledged: ReadonlySet<string>;
  /** The CRM read anew, by a client of the judge's own. */
  readonly crm: Pick<Crm, "readAccounts">;
  /** Accounts that exist in the CRM now. */
  readonly accountIds: readonly string[];
}

/** What the judge looks at, once the processes under test have ended. */
export interface Evidence extends Truth {
  readonly engine: { readonly view: QueueView; readonly ledger: Ledger; readonly counters: Counters };
  readonly memory: Memory;
  /** SQLite files that must be sound. */
  readonly files: readonly string[];
}

/** What the judge found. */
export interface Verdict {
  /** One sentence for each thing that is wrong; none = nothing was lost and every account is right. */
  readonly wrongs: readonly string[];
  /** Events that were acknowledged and are nowhere. */
  readonly lost: number;
  /** Events that the store has twice, although they came once. */
  readonly takenTwice: number;
  readonly accountsWrong: number;
  readonly accountsCompared: number;
  readonly accountsRemoved: number;
  /** Events by what became of them. */
  readonly fates: Readonly<Record<string, number>>;
}

/** Accounts read from the CRM in one call. */
const READ_BATCH = 50;
/** Ledger entries read at once. */
const LIST_LIMIT = 500;
/** Wrongs of one kind that are told; more would drown the others. */
const WRONGS_MAX = 12;
/** Longest that a read of the truth may take. */
const READ_MS_MAX = 60_000;

/** Judges what `memhook serve` left in its DATA_DIR. */
export async function judgeEmbedded(truth: Truth & { readonly dataDir: string }): Promise<Verdict> {
  const { dataDir } = truth;
  const engine = openEmbeddedEngine({
    path: join(dataDir, ENGINE_FILE),
    clock: systemClock,
    log: silentLog,
    queue: JUDGE_QUEUE,
  });
  const memory = openEmbeddedMemory({ path: join(dataDir, MEMORY_FILE), clock: systemClock, log: silentLog });
  try {
    const files = [ENGINE_FILE, MEMORY_FILE].map((file) => join(dataDir, file));
    return await judge({ ...truth, engine, memory, files });
  } finally {
    await memory.close();
    await engine.close();
  }
}

/** Compares what is left in the store and the memory with the campaign's log of acknowledgements and with the CRM. */
export async function judge(evidence: Evidence): Promise<Verdict> {
  const { engine, acknowledged } = evidence;
  const events = await judgeEvents(engine, acknowledged);
  const queue = await judgeQueue(engine);
  const bugs = await judgeBugs(engine);
  const documents = await judgeDocuments(evidence);
  const gone = await judgeRemoved(evidence);
  const files = evidence.files.flatMap(judgeFile);
  return {
    wrongs: [events.wrongs, queue, bugs, documents, gone.wrongs, files].flatMap(firstOnes),
    lost: events.lost,
    takenTwice: events.takenTwice,
    accountsWrong: documents.length + gone.wrongs.length,
    accountsCompared: evidence.accountIds.length,
    accountsRemoved: gone.removed,
    fates: events.fates,
  };
}

/** The judge only reads: these bound nothing. */
export const JUDGE_QUEUE = { capacity: 1_000_000, dedupWindowMs: 3_600_000, maxWaitMs: 60_000 } as const;
/** Names of the files in DATA_DIR. */
const ENGINE_FILE = "engine.db";
export const MEMORY_FILE = "memory.db";

/** Every acknowledged event must be known, and settled. */
async function judgeEvents(
  engine: Pick<Evidence["engine"], "view">,
  acknowledged: ReadonlySet<string>,
): Promise<Pick<Verdict, "wrongs" | "lost" | "takenTwice" | "fates">> {
  const wrongs: string[] = [];
  let lost = 0;
  let takenTwice = 0;
  const fates: Record<string, number> = {};
  for (const eventId of acknowledged) {
    const records = await engine.view.events(eventId);
    if (records.length === 0) {
      lost += 1;
      wrongs.push(`event ${eventId} was acknowledged and is lost`);
    }
    const changes = new Set(records.map(({ eventId: id, note }) => `${id} ${note}`));
    if (changes.size < records.length) {
      takenTwice += 1;
      if (!records.every(isWithoutKey)) wrongs.push(`event ${eventId} was taken twice: ${JSON.stringify(records)}`);
    }
    for (const record of records) {
      fates[record.fate] = (fates[record.fate] ?? 0) + 1;
      if (record.fate === "queued" || record.fate === "dead") {
        wrongs.push(`event ${eventId} was acknowledged and ended as ${record.fate}`);
      }
    }
  }
  return { wrongs, lost, takenTwice, fates };
}

/**
 * True of an event that nothing tells from another change of its second, as those of the CRM's function for Notes: it has no
 * dedup key. When Redis dies between taking it and saying so, it is spilled as well and replayed, which costs one more sync.
 */
function isWithoutKey({ note }: EventRecord): boolean {
  return decodeEvent(note)?.module === "Notes";
}

async function judgeQueue(engine: Pick<Evidence["engine"], "view">): Promise<string[]> {
  const wrongs: string[] = [];
  const stats = await engine.view.stats();
  if (stats.size !== 0) wrongs.push(`the queue is drained and still says that ${stats.size} wait`);
  for (const letter of await engine.view.deadLetters({ limit: WRONGS_MAX })) {
    wrongs.push(`dead letter ${letter.key}: ${letter.cause}: ${letter.message}`);
  }
  return wrongs;
}

/** A run in which an invariant broke has failed, though all came out well in the end. */
async function judgeBugs(engine: Pick<Evidence["engine"], "counters">): Promise<string[]> {
  const bugs = (await engine.counters.read())["faults:UNEXPECTED"] ?? 0;
  return bugs === 0 ? [] : [`${bugs} faults are UNEXPECTED: bugs, which the log tells of`];
}

/** Every account of the CRM must be in the memory exactly as rendering it now gives. */
export async function judgeDocuments(
  evidence: Pick<Evidence, "accountIds" | "crm" | "memory">,
): Promise<readonly string[]> {
  const { memory } = evidence;
  const wrongs: string[] = [];
  const keys = evidence.accountIds.map((id) => accountKey(id));
  for (let start = 0; start < keys.length; start += READ_BATCH) {
    const batch = keys.slice(start, start + READ_BATCH);
    const reads = await evidence.crm.readAccounts(batch, AbortSignal.timeout(READ_MS_MAX));
    for (const account of batch) {
      const read = reads.get(account);
      if (read?.outcome !== "found") {
        wrongs.push(`the judge could not read ${account}: ${read?.outcome}`);
        continue;
      }
      const expected = renderDocument(read.snapshot, defaultFieldPolicy);
      const stored = await memory.read(account, AbortSignal.timeout(READ_MS_MAX));
      if (stored === undefined) wrongs.push(`${account} is in the CRM and not in the memory`);
      else if (stored.text !== expected.text)
        wrongs.push(`${account} differs: ${firstDifference(expected.text, stored.text)}`);
    }
  }
  return wrongs;
}

/** What the ledger knows and the CRM no longer has must be gone from the memory. */
async function judgeRemoved(
  evidence: Pick<Evidence, "accountIds" | "engine" | "memory">,
): Promise<{ readonly wrongs: string[]; readonly removed: number }> {
  const { engine } = evidence;
  const wrongs = [...(await judgeLeftovers(evidence))];
  const present = new Set<string>(evidence.accountIds.map((id) => accountKey(id)));
  let removed = 0;
  let after: AccountKey | undefined;
  for (;;) {
    const entries = await engine.ledger.list({ ...(after === undefined ? {} : { after }), limit: LIST_LIMIT });
    for (const entry of entries) {
      if (present.has(entry.account)) {
        if (entry.state !== "indexed") wrongs.push(`${entry.account} is still ${entry.state} in the ledger`);
        continue;
      }
      removed += 1;
      if (entry.state !== "removed") wrongs.push(`${entry.account} was deleted and is ${entry.state} in the ledger`);
    }
    after = entries.at(-1)?.account;
    if (after === undefined || entries.length < LIST_LIMIT) return { wrongs, removed };
  }
}

/** No document may be left of an account that is gone, whatever the ledger says. */
export async function judgeLeftovers({
  accountIds,
  memory,
}: Pick<Evidence, "accountIds" | "memory">): Promise<readonly string[]> {
  const present = new Set<string>(accountIds.map((id) => accountKey(id)));
  const wrongs: string[] = [];
  for (let after: string | undefined; ; ) {
    const options = { ...(after === undefined ? {} : { after }), limit: LIST_LIMIT };
    const page = await memory.list(options, AbortSignal.timeout(READ_MS_MAX));
    for (const { account } of page) {
      if (!present.has(account)) wrongs.push(`${account} was deleted and is still in the memory`);
    }
    after = page.at(-1)?.cursor;
    if (after === undefined) return wrongs;
  }
}

/** SQLite's own check of a file. */
function judgeFile(path: string): string[] {
  if (!existsSync(path)) return [`${path} does not exist`];
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const answer = JSON.stringify(database.prepare("PRAGMA integrity_check").all());
    return answer === '[{"integrity_check":"ok"}]' ? [] : [`${path} is damaged: ${answer}`];
  } finally {
    database.close();
  }
}

/** The first wrongs of one kind, and how many more there are. */
export function firstOnes(wrongs: readonly string[]): readonly string[] {
  const more = wrongs.length - WRONGS_MAX;
  return more > 0 ? [...wrongs.slice(0, WRONGS_MAX), `and ${more} more of the same kind`] : wrongs;
}

function firstDifference(expected: string, actual: string): string {
  const [left, right] = [expected.split("\n"), actual.split("\n")];
  const line = left.findIndex((text, index) => text !== right[index]);
  return `line ${line + 1}: expected ${JSON.stringify(left[line])}, found ${JSON.stringify(right[line])}`;
}
