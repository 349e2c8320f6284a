import { hash } from "node:crypto";
import { type AccountKey, recordKey, recordOf } from "../../account.ts";
import { assert } from "../../assert.ts";
import type {
  Ledger,
  LedgerEntry,
  LedgerIntent,
  LedgerOutcome,
  LedgerState,
  LedgerWritten,
} from "../../memory/ledger.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { LEDGER_STATES, ledgerStateCode } from "./codes.ts";
import type { Reply } from "./connection.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { jobIdParts } from "./redis-queue.ts";
import { letters, type SharedScript } from "./script-turn.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** Entries handled in one step of a pass over all. */
const STEP_ENTRIES = 500;
/** States of which the store keeps no order (lua/lib/ledger.lua). */
const UNORDERED: ReadonlySet<LedgerState> = new Set(["indexed", "intended"]);

/** The ledger on Redis. Rights are checked in the script that writes. */
export function createLedger({ turn }: EngineDeps, key: (name: string) => string): Ledger {
  const many = async (name: string, fields: readonly string[]): Promise<readonly Reply[]> => {
    if (fields.length === 0) return [];
    const reply = await turn.command("HMGET", [key(name), ...fields]);
    assert(Array.isArray(reply), "HMGET answers a list");
    return reply;
  };
  const page: Page = async (state, after, limit) =>
    entriesOf(await turn.run(SCRIPTS["list-entries"], [state, after, String(limit)]));
  return {
    read: async (accounts) => {
      const found = await many("ledger", accounts);
      return new Map(accounts.flatMap((account, at) => pairOf(account, found[at])));
    },
    intend: (intents) => turn.share(INTEND, packed(intents, writeIntent), intents.length),
    record: (outcomes) => turn.share(RECORD, packed(outcomes, writeOutcome), outcomes.length),
    markIndexed: async (accounts) => {
      for (let from = 0; from < accounts.length; from += STEP_ENTRIES) {
        await turn.run(SCRIPTS["mark-indexed"], [JSON.stringify(accounts.slice(from, from + STEP_ENTRIES))]);
      }
    },
    adopt: async (entries) => {
      const wanted = entries.map(({ account, fingerprint, sinkRef, title, isIndexed }) => {
        return { account, f: fingerprint, r: sinkRef, t: title, isIndexed };
      });
      return Number(await turn.run(SCRIPTS.adopt, [JSON.stringify(wanted)]));
    },
    forgetWritten: async () => {
      let forgotten = 0;
      for (let after = "", isFirst = true; isFirst || after !== ""; isFirst = false) {
        const reply = await turn.run(SCRIPTS["forget-written"], [after, String(STEP_ENTRIES)]);
        assert(Array.isArray(reply), "a step of forgetting answers a list");
        forgotten += Number(reply[0]);
        after = String(reply[1]);
      }
      return forgotten;
    },
    distrust: async (accounts) => {
      await turn.run(SCRIPTS.distrust, [JSON.stringify(accounts)]);
    },
    inState: (state, limit) =>
      UNORDERED.has(state) ? oldestOf(state, page, limit) : page(String(ledgerStateCode(state)), "", limit),
    parents: async (records) => {
      const keys = records.map(recordKey);
      const owners = await many("parents", keys);
      // Only account keys are ever written there.
      return new Map(keys.flatMap((record, at) => (owners[at] ? [[record, String(owners[at]) as AccountKey]] : [])));
    },
    children: async (account, limit) => {
      const records = await turn.run(SCRIPTS["list-children"], [account, String(limit)]);
      assert(Array.isArray(records), "children are a list");
      return records.map((record) => recordOf(String(record)));
    },
    list: ({ after, limit }) => page("", after ?? "", limit),
    totals: async () => {
      const counts = await turn.run(SCRIPTS["ledger-totals"], []);
      assert(Array.isArray(counts), "totals are a list");
      const [intended = 0, stored = 0, indexed = 0, removing = 0, removed = 0] = counts.map(Number);
      return { intended, stored, indexed, removing, removed };
    },
  };
}

/** A page of entries: all, after an account; or those of a state's code. */
type Page = (state: string, after: string, limit: number) => Promise<readonly LedgerEntry[]>;

/** All are looked at, a page at a time. */
async function oldestOf(state: LedgerState, page: Page, limit: number): Promise<readonly LedgerEntry[]> {
  let oldest: readonly LedgerEntry[] = [];
  let entries = await page("", "", STEP_ENTRIES);
  while (entries.length > 0) {
    const found = entries.filter((entry) => entry.state === state);
    oldest = [...oldest, ...found].sort((one, other) => one.writtenAt - other.writtenAt).slice(0, limit);
    entries = await page("", entries.at(-1)?.account ?? "", STEP_ENTRIES);
  }
  return oldest;
}

const INTEND: SharedScript<"written" | "stale"> = {
  script: SCRIPTS.intend,
  settings: [],
  join: Buffer.concat,
  answers: (reply) => letters(reply).map((letter) => (letter === "w" ? "written" : "stale")),
};

const RECORD: SharedScript<LedgerWritten> = {
  script: SCRIPTS.record,
  settings: [],
  join: Buffer.concat,
  answers: (reply) => {
    assert(Array.isArray(reply), "a batch of outcomes is answered by a list");
    return reply.map((answer) => writtenOf(String(answer)));
  },
};

function writtenOf(answer: string): LedgerWritten {
  if (answer === "x") return { outcome: "stale" };
  const displaced = answer === "" ? [] : answer.split("\n");
  return { outcome: "written", displaced: displaced.map((account) => account as AccountKey) }; // Owners of records are accounts.
}

function packed<Request>(requests: readonly Request[], write: (writer: ByteWriter, request: Request) => void): Buffer {
  const writer = new ByteWriter();
  for (const request of requests) write(writer, request);
  return writer.done();
}

/** As lua/intend.lua reads it. */
function writeIntent(writer: ByteWriter, { right, account, verb, readAt, fingerprint, title }: LedgerIntent): void {
  const [epoch, id] = jobIdParts(right.jobId);
  writer.longText(account).u48(epoch).u48(id).u56(right.token);
  writer
    .u8(verb === "put" ? 1 : 0)
    .u48(readAt)
    .longText(fingerprint)
    .longText(title);
}

/** As lua/record.lua reads it. */
function writeOutcome(writer: ByteWriter, outcome: LedgerOutcome): void {
  const { sinkRef, modifiedAt, isIndexed, children } = outcome;
  writeIntent(writer, outcome);
  const records = [...new Set(children.map(recordKey))].sort().join("\n");
  writer.longText(sinkRef ?? "").u48(modifiedAt ?? 0);
  writer.u8(isIndexed ? 1 : 0).longText(hash("sha256", records, "base64url"));
  writer.u32(Buffer.byteLength(records)).text(records);
}

function pairOf(account: AccountKey, stored: Reply | undefined): readonly (readonly [AccountKey, LedgerEntry])[] {
  return stored === null || stored === undefined ? [] : [[account, entryOf(account, stored)]];
}

function entriesOf(reply: Reply): readonly LedgerEntry[] {
  assert(Array.isArray(reply), "entries are a list");
  const entries: LedgerEntry[] = [];
  for (let at = 0; at < reply.length; at += 2) {
    entries.push(entryOf(String(reply[at]) as AccountKey, reply[at + 1] ?? null)); // Only account keys are written there.
  }
  return entries;
}

function entryOf(account: AccountKey, stored: Reply): LedgerEntry {
  assert(Buffer.isBuffer(stored), "an entry is bytes");
  const reader = new ByteReader(stored);
  const code = reader.u8();
  const state = LEDGER_STATES[code];
  assert(state !== undefined, `${code} stands for a state`);
  const [readAt, writtenAt] = [reader.u48(), reader.u48()];
  reader.u56(); // The token of the last write.
  const [modifiedAt, childCount] = [reader.u48(), reader.u32()];
  reader.longText(); // The hash of the children.
  const [fingerprint, sinkRef, title] = [reader.longText(), reader.longText(), reader.longText()];
  return {
    account,
    state,
    fingerprint,
    ...(sinkRef === "" ? {} : { sinkRef }),
    readAt,
    writtenAt,
    ...(modifiedAt === 0 ? {} : { modifiedAt }),
    title,
    childCount,
  };
}
