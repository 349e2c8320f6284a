import type { MutantGroup } from "../mutants.ts";
import type { RedisSuite } from "./redis-suites.ts";

/** Guarantees of the ledger. */
export const LEDGER_MUTANTS: readonly MutantGroup<RedisSuite>[] = [
  {
    suite: "ledger",
    part: ": the way of a write",
    mutants: [
      {
        name: "an intent forgets the sink's id",
        file: "lua/intend.lua",
        find: "r = was.r, m = was.m",
        replace: "r = '', m = was.m",
      },
      {
        name: "what is about to be written counts as indexed",
        file: "lua/mark-indexed.lua",
        find: "entry.s == M.STORED",
        replace: "entry.s ~= M.REMOVED",
      },
      {
        name: "an outcome that is announced breaks its neighbours",
        file: "redis-ledger.ts",
        find: "packed(intents, writeIntent)",
        replace: "packed(intents as readonly LedgerOutcome[], writeOutcome)",
      },
    ],
  },
  {
    suite: "ledger",
    part: ": distrust",
    mutants: [
      {
        name: "a lease from before ends a distrust",
        file: "lua/lib/ledger.lua",
        find: "entry.k < before.k",
        replace: "false",
      },
      {
        name: "a distrusted account keeps its fingerprint",
        file: "lua/distrust.lua",
        find: "f = '', r = was.r",
        replace: "f = was.f or '', r = was.r",
      },
    ],
  },
  {
    suite: "ledger",
    part: ": adopting",
    mutants: [
      {
        name: "adopting overwrites what is there",
        file: "lua/adopt.lua",
        find: "if not M.entryAt(each.account) then",
        replace: "if true then",
      },
      {
        name: "only the first page of accounts is forgotten",
        file: "redis-ledger.ts",
        find: 'isFirst || after !== ""; isFirst',
        replace: "isFirst; isFirst",
      },
      {
        name: "only the first page of accounts is marked as indexed",
        file: "redis-ledger.ts",
        find: "from < accounts.length; from += STEP_ENTRIES",
        replace: "from < 1; from += STEP_ENTRIES",
      },
      {
        name: "only the first page of accounts is searched by state",
        file: "redis-ledger.ts",
        find: "while (entries.length > 0) {",
        replace: "if (entries.length > 0) {",
      },
    ],
  },
  {
    suite: "ledger",
    part: ": fencing",
    mutants: [
      {
        name: "the ledger is written without a right",
        file: "lua/lib/ledger.lua",
        find: "if not M.heldJob('s' .. request.account, request.epoch, request.id, request.token) then return false end",
        replace: "",
      },
      {
        name: "an older snapshot replaces a newer one",
        file: "lua/lib/ledger.lua",
        find: "return not was or request.readAt >= was.ra or request.token > was.k",
        replace: "return true",
      },
      {
        name: "a clock that was set back makes a later lease stale",
        file: "lua/lib/ledger.lua",
        find: " or request.token > was.k",
        replace: "",
      },
      {
        name: "a turn is sent in the wrong order",
        file: "script-turn.ts",
        find: "for (const call of calls) call.send();",
        replace: "for (const call of calls.toReversed()) call.send();",
      },
    ],
  },
  {
    suite: "ledger",
    part: ": children",
    mutants: [
      {
        name: "a child that moved tells nobody",
        file: "lua/lib/children.lua",
        find: "        lost[#lost + 1] = owner\n",
        replace: "",
      },
      {
        name: "a displaced account is told twice",
        file: "lua/lib/children.lua",
        find: "if owner and not displaced[owner] then",
        replace: "if owner then",
      },
      {
        name: "a child set is taken for unchanged after a child moved away and back",
        file: "lua/record.lua",
        find: "if loser then loser.h, M.written[account] = '', true end",
        replace: "",
      },
      {
        name: "a child that is gone stays with its account",
        file: "lua/lib/children.lua",
        find: "      M.parentSets[record], M.parentsGone[record] = nil, true\n",
        replace: "",
      },
      {
        name: "an account takes along children that moved elsewhere",
        file: "lua/lib/children.lua",
        find: "if not isChild[record] and M.owners[record] == account then",
        replace: "if not isChild[record] then",
      },
      {
        name: "an account names children that moved elsewhere",
        file: "lua/list-children.lua",
        find: " and M.owners[record] == ARGV[2]",
        replace: "",
      },
      {
        name: "reading a record under its account does not close its dead letter",
        file: "lua/record.lua",
        find: "  healRouted(outcome)\n",
        replace: "",
      },
    ],
  },
  {
    suite: "ledger",
    part: ": reads",
    mutants: [
      {
        name: "the figures of the ledger drift",
        file: "lua/lib/ledger.lua",
        find: "if e.was then M.add('a' .. e.was, -1) else",
        replace: "if e.was then local _ = e else",
      },
    ],
  },
];
