import type { MutantGroup } from "../mutants.ts";
import type { RedisSuite } from "./redis-suites.ts";

/** Guarantees of dead letters, history and figures. */
export const LETTER_MUTANTS: readonly MutantGroup<RedisSuite>[] = [
  {
    suite: "view",
    part: ": dead letters",
    mutants: [
      {
        name: "a dead letter loses what arrived during its last attempt",
        file: "lua/lib/bury.lua",
        find: "if next then",
        replace: "if false then",
      },
      {
        name: "a dead letter replaces an older one of its key",
        file: "lua/lib/bury.lua",
        find: "if older then",
        replace: "if false then",
      },
      {
        name: "a success does not close the dead letter",
        file: "lua/lib/complete.lua",
        find: "  M.heal(address)\n",
        replace: "",
      },
    ],
  },
  {
    suite: "view",
    part: ": redrive and purge",
    mutants: [
      {
        name: "a redrive keeps the attempts",
        file: "lua/redrive.lua",
        find: "attempt = 0, losses = 0, run = old",
        replace: "attempt = letter.attempt, losses = 0, run = old",
      },
      {
        name: "a redrive forgets the failures",
        file: "lua/redrive.lua",
        find: ", run = old, failures = letter.failures }",
        replace: ", run = old }",
      },
      {
        name: "a redrive into a live job loses the reasons",
        file: "lua/redrive.lua",
        find: "  M.joinChains(run, old, { head",
        replace: "  M.joinChains({}, old, { head",
      },
      {
        name: "a purge makes events live on as superseded",
        file: "lua/purge.lua",
        find: "M.LET_GO",
        replace: "M.SUPERSEDED",
      },
    ],
  },
  {
    suite: "view",
    part: ": history",
    mutants: [
      {
        name: "an event is not found by its id",
        file: "lua/deliver.lua",
        find: "M.flushMarks()\n",
        replace: "",
      },
      {
        name: "waiting and dead events are forgotten with age",
        file: "lua/lib/prune-records.lua",
        find: "if fate == M.QUEUED or fate == M.DEAD then return false end",
        replace: "",
      },
      {
        name: "history is never pruned",
        file: "lua/lib/prune.lua",
        find: "if M.at < M.totals.pruneAt then return end",
        replace: "if M.at > 0 then return end",
      },
      {
        name: "history ends before its day",
        file: "lua/lib/prune.lua",
        find: "window or math.max(window, history))",
        replace: "window or window)",
      },
      {
        name: "dedup ends with history",
        file: "lua/lib/prune.lua",
        find: "window or math.max(window, history))",
        replace: "window or history)",
      },
      {
        name: "an old event's end takes a newer one's dedup key along",
        file: "lua/lib/prune-records.lua",
        find: "if tonumber(redis.call('HGET', M.key('dedup'), field)) == seq then",
        replace: "if true then",
      },
    ],
  },
  {
    suite: "view",
    part: ": figures",
    mutants: [
      {
        name: "the figure of waiting jobs drifts",
        file: "lua/lib/flush-jobs.lua",
        find: "    M.add(M.WAITING[lane], -1)\n",
        replace: "    local _ = lane\n",
      },
      {
        name: "the oldest event's age is not told",
        file: "lua/lib/flush-jobs.lua",
        find: "    M.age(lane, newAge, 1)\n",
        replace: "",
      },
      {
        name: "settled events keep the lag up",
        file: "lua/lib/flush-jobs.lua",
        find: "    M.age(lane, job.wasAge, -1)\n",
        replace: "",
      },
    ],
  },
  {
    suite: "history",
    part: "engine's history",
    mutants: [
      {
        name: "a dead letter grows without bound",
        file: "lua/lib/bury.lua",
        find: "    M.trimReasons(run)\n",
        replace: "",
      },
      {
        name: "a purged letter's events are kept for ever",
        file: "lua/purge.lua",
        find: "M.LET_GO",
        replace: "M.DEAD",
      },
      {
        name: "too much history cuts into the dedup window",
        file: "lua/lib/prune.lua",
        find: "M.totals.rows > rowsMax and window or",
        replace: "M.totals.rows > rowsMax and 0 or",
      },
      {
        name: "the number of rows is not bounded",
        file: "lua/lib/prune.lua",
        find: "M.totals.rows > rowsMax and window or",
        replace: "false or",
      },
      {
        name: "a page that was held is never looked at again",
        file: "lua/lib/prune.lua",
        find: "  M.pruneHeld(cutoff)\n",
        replace: "",
      },
      {
        name: "fates outlive their events",
        file: "lua/lib/prune-records.lua",
        find: "if redis.call('EXISTS', unpack(pages)) == 0 then",
        replace: "if false then",
      },
      {
        name: "ids outlive their events",
        file: "lua/lib/prune-records.lua",
        find: "  M.forgetBeside(page, M.ID_PAGE, M.idPage)\n",
        replace: "",
      },
      {
        name: "dedup keys outlive their events",
        file: "lua/lib/prune-records.lua",
        find: "== seq then redis.call('HDEL', M.key('dedup'), field) end",
        replace: "== seq then return end",
      },
      { name: "tombstones stay for ever", file: "lua/lib/prune.lua", find: "  M.pruneTombstones()\n", replace: "" },
    ],
  },
];
