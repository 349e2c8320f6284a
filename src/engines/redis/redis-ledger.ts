import { hash } from "node:crypto";
import { z } from "zod";
import { type AccountKey, recordKey, recordOf } from "../../account.ts";
import { assert } from "../../assert.ts";
import type { Ledger, LedgerEntry, LedgerIntent, LedgerOutcome, LedgerWritten } from "../../memory/ledger.ts";
import { LEDGER_STATES, ledgerStateCode } from "./codes.ts";
import type { Reply } from "./connection.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { jobIdParts } from "./redis-queue.ts";
import { joinJson, letters, type SharedScript } from "./script-turn.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** Entries handled in one step of a pass over all. */
const STEP_ENTRIES = 500;

/** An entry as lua/lib/ledger.lua keeps it. */
const entrySchema = z.object({
  s: z.number(),
  f: z.string(),
  r: z.string().optional(),
  ra: z.number(),
  wa: z.number(),
  m: z.number().optional(),
  t: z.string(),
  c: z.number(),
});

/** The ledger on Redis. Rights are checked in the script that writes. */
export function createLedger({ turn }: EngineDeps, key: (name: string) => string): Ledger {
  const many = async (name: string, fields: readonly string[]): Promise<readonly Reply[]> => {
    if (fields.length === 0) return [];
    const reply = await turn.command("HMGET", [key(name), ...fields]);
    assert(Array.isArray(reply), "HMGET answers a list");
    return reply;
  };
  const page = async (state: string, after: string, limit: number) =>
    entriesOf(await turn.run(SCRIPTS["list-entries"], [state, after, String(limit)]));
  return {
    read: async (accounts) => {
      const found = await many("ledger", accounts);
      return new Map(accounts.flatMap((account, at) => pairOf(account, found[at])));
    },
    intend: (intents) => turn.share(INTEND, Buffer.from(intents.map(packed).join(",")), intents.length),
    record: (outcomes) => turn.share(RECORD, Buffer.from(outcomes.map(packed).join(",")), outcomes.length),
    markIndexed: async (accounts) => {
      for (let from = 0; from < accounts.length; from += STEP_ENTRIES) {
        await turn.run(SCRIPTS["mark-indexed"], [JSON.stringify(accounts.slice(from, from + STEP_ENTRIES))]);
      }
    },
    adopt: async (entries) => {
      const wanted = entries.map(({ account, fingerprint, sinkRef, title, isIndexed }) => {
        return { a: account, f: fingerprint, r: sinkRef, t: title, isIndexed };
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
    inState: (state, limit) => page(String(ledgerStateCode(state)), "", limit),
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

const INTEND: SharedScript<"written" | "stale"> = {
  script: SCRIPTS.intend,
  settings: [],
  join: joinJson,
  answers: (reply) => letters(reply).map((letter) => (letter === "w" ? "written" : "stale")),
};

const RECORD: SharedScript<LedgerWritten> = {
  script: SCRIPTS.record,
  settings: [],
  join: joinJson,
  answers: (reply) => answersSchema.parse(JSON.parse(String(reply))).map(writtenOf),
};

const answersSchema = z.array(z.union([z.literal(false), z.array(z.string())]));

function writtenOf(answer: false | readonly string[]): LedgerWritten {
  if (answer === false) return { outcome: "stale" };
  return { outcome: "written", displaced: answer.map((account) => account as AccountKey) }; // Owners of records are accounts.
}

/** An intent or outcome as the scripts read it; the token as text, for Lua's JSON keeps 14 digits. */
function packed(request: LedgerIntent | LedgerOutcome): string {
  const { right, account, verb, fingerprint, title, readAt } = request;
  const [epoch, id] = jobIdParts(right.jobId);
  const intent = {
    a: account,
    epoch,
    id,
    k: String(right.token),
    put: verb === "put",
    f: fingerprint,
    t: title,
    ra: readAt,
  };
  if (!("children" in request)) return JSON.stringify(intent);
  const children = [...new Set(request.children.map(recordKey))].sort();
  const h = hash("sha256", children.join("\n"), "base64url");
  return JSON.stringify({
    ...intent,
    r: request.sinkRef,
    m: request.modifiedAt,
    isIndexed: request.isIndexed,
    children,
    h,
  });
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
  const { s, f, r, ra, wa, m, t, c } = entrySchema.parse(JSON.parse(String(stored)));
  const state = LEDGER_STATES[s];
  assert(state !== undefined, `${s} stands for a state`);
  return {
    account,
    state,
    fingerprint: f,
    ...(r === undefined ? {} : { sinkRef: r }),
    readAt: ra,
    writtenAt: wa,
    ...(m === undefined ? {} : { modifiedAt: m }),
    title: t,
    childCount: c,
  };
}
