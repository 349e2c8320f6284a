import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type AccountKey, accountKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import type { Crm } from "../../src/crm/crm.ts";
import { type EmbeddedEngine, openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import type { Memory } from "../../src/memory/memory.ts";

/** What the judge looks at, once the process under test has ended. */
export interface Evidence {
  readonly dataDir: string;
  /** The campaign's own record of what was answered 2xx. */
  readonly acknowledged: ReadonlySet<string>;
  /** The CRM read anew, by a client of the judge's own. */
  readonly crm: Crm;
  /** Accounts that exist in the CRM now. */
  readonly accountIds: readonly string[];
}

/** What the judge found. */
export interface Verdict {
  /** One sentence for each thing that is wrong; none = nothing was lost and every account is right. */
  readonly wrongs: readonly string[];
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

/** Compares what is left on disk with the campaign's log of acknowledgements and with the CRM. */
export async function judge(evidence: Evidence): Promise<Verdict> {
  const engine = openEmbeddedEngine({
    path: join(evidence.dataDir, ENGINE_FILE),
    clock: systemClock,
    log: silentLog,
    queue: { capacity: 1_000_000, dedupWindowMs: 3_600_000, maxWaitMs: 60_000 },
  });
  const memory = openEmbeddedMemory({
    path: join(evidence.dataDir, MEMORY_FILE),
    clock: systemClock,
    log: silentLog,
  });
  try {
    const events = await judgeEvents(engine, evidence.acknowledged);
    const queue = await judgeQueue(engine);
    const bugs = await judgeBugs(engine);
    const documents = await judgeDocuments(evidence, memory);
    const gone = await judgeRemoved(evidence, engine, memory);
    const files = [ENGINE_FILE, MEMORY_FILE].flatMap((file) => judgeFile(join(evidence.dataDir, file)));
    return {
      wrongs: [events.wrongs, queue, bugs, documents, gone.wrongs, files].flatMap(firstOnes),
      accountsCompared: evidence.accountIds.length,
      accountsRemoved: gone.removed,
      fates: events.fates,
    };
  } finally {
    await memory.close();
    await engine.close();
  }
}

/** Names of the files in DATA_DIR. */
const ENGINE_FILE = "engine.db";
const MEMORY_FILE = "memory.db";

/** Every acknowledged event must be known, and settled. */
async function judgeEvents(
  engine: EmbeddedEngine,
  acknowledged: ReadonlySet<string>,
): Promise<{ readonly wrongs: string[]; readonly fates: Record<string, number> }> {
  const wrongs: string[] = [];
  const fates: Record<string, number> = {};
  for (const eventId of acknowledged) {
    const records = await engine.view.events(eventId);
    if (records.length === 0) wrongs.push(`event ${eventId} was acknowledged and is lost`);
    for (const record of records) {
      fates[record.fate] = (fates[record.fate] ?? 0) + 1;
      if (record.fate === "queued" || record.fate === "dead") {
        wrongs.push(`event ${eventId} was acknowledged and ended as ${record.fate}`);
      }
    }
  }
  return { wrongs, fates };
}

async function judgeQueue(engine: EmbeddedEngine): Promise<string[]> {
  const wrongs: string[] = [];
  const stats = await engine.view.stats();
  if (stats.size !== 0) wrongs.push(`the queue is drained and still says that ${stats.size} wait`);
  for (const letter of await engine.view.deadLetters({ limit: WRONGS_MAX })) {
    wrongs.push(`dead letter ${letter.key}: ${letter.cause}: ${letter.message}`);
  }
  return wrongs;
}

/** A run in which an invariant broke has failed, though all came out well in the end. */
async function judgeBugs(engine: EmbeddedEngine): Promise<string[]> {
  const bugs = (await engine.counters.read())["faults:UNEXPECTED"] ?? 0;
  return bugs === 0 ? [] : [`${bugs} faults are UNEXPECTED: bugs, which the log tells of`];
}

/** Every account of the CRM must be in the memory exactly as rendering it now gives. */
async function judgeDocuments(evidence: Evidence, memory: Memory): Promise<string[]> {
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
  evidence: Evidence,
  engine: EmbeddedEngine,
  memory: Memory,
): Promise<{ readonly wrongs: string[]; readonly removed: number }> {
  const wrongs: string[] = [];
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
      const stored = await memory.read(entry.account, AbortSignal.timeout(READ_MS_MAX));
      if (stored !== undefined) wrongs.push(`${entry.account} was deleted and is still in the memory`);
    }
    after = entries.at(-1)?.account;
    if (after === undefined || entries.length < LIST_LIMIT) return { wrongs, removed };
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

function firstOnes(wrongs: readonly string[]): readonly string[] {
  const more = wrongs.length - WRONGS_MAX;
  return more > 0 ? [...wrongs.slice(0, WRONGS_MAX), `and ${more} more of the same kind`] : wrongs;
}

function firstDifference(expected: string, actual: string): string {
  const [left, right] = [expected.split("\n"), actual.split("\n")];
  const line = left.findIndex((text, index) => text !== right[index]);
  return `line ${line + 1}: expected ${JSON.stringify(left[line])}, found ${JSON.stringify(right[line])}`;
}
