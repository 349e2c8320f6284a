import type { MutantGroup } from "../mutants.ts";
import type { RedisSuite } from "./redis-suites.ts";

/** Guarantees of claims, leases and how they end. */
export const CLAIM_MUTANTS: readonly MutantGroup<RedisSuite>[] = [
  {
    suite: "queue",
    part: ": order",
    mutants: [
      {
        name: "urgent work waits in line",
        file: "lua/claim.lua",
        find: "claimRank(0) or claimRank(1) or claimRank(2)",
        replace: "claimRank(2) or claimRank(1) or claimRank(0)",
      },
      {
        name: "later jobs never come due",
        file: "lua/lib/due-jobs.lua",
        find: "'-inf', M.at, 'LIMIT'",
        replace: "'-inf', 0, 'LIMIT'",
      },
      {
        name: "due times are ignored",
        file: "lua/lib/due-jobs.lua",
        find: "'-inf', M.at, 'LIMIT'",
        replace: "'-inf', '+inf', 'LIMIT'",
      },
      {
        name: "who has been due for longer does not go first",
        file: "lua/lib/due-jobs.lua",
        find: "other.run.due < job.run.due",
        replace: "false",
      },
      {
        name: "a claim hands out more than its limit",
        file: "lua/claim.lua",
        find: "while taken < limit and not isOver do",
        replace: "while taken < limit + 1 and not isOver do",
      },
      {
        name: "one key is leased twice in one claim",
        file: "lua/lib/due-jobs.lua",
        find: "if job and job.state == M.READY and job.run.rank == rank then",
        replace: "if job and job.run.rank == rank then",
      },
      {
        name: "what is put back goes behind what became due after it",
        file: "lua/lib/flush-jobs.lua",
        find: "if run.due == M.at and",
        replace: "if run.due <= M.at and",
      },
      {
        name: "a key that was urgent takes its old place in line",
        file: "lua/lib/flush-jobs.lua",
        find: " and not M.isOutdated(list, address) then",
        replace: " then",
      },
      {
        name: "a job keeps its old due time as well",
        file: "lua/lib/flush-jobs.lua",
        find: "  if was == M.LATER then redis.call('ZREM', M.key('later:' .. lane .. job.wasRank), address) end\n  if job.state == M.LEASED then",
        replace: "  if job.state == M.LEASED then",
      },
    ],
  },
  {
    suite: "queue",
    part: ": waiting for work",
    mutants: [
      {
        name: "waiting does not end at a due time",
        file: "work-bells.ts",
        find: "Math.min(leftMs - passedMs, dueInMs - passedMs, LOOK_MS)",
        replace: "leftMs - passedMs",
      },
      {
        name: "waiting does not end when a lease lapses",
        file: "lua/next-due.lua",
        find: "if lapse[2] then due = M.earliest(due, tonumber(lapse[2])) end\n",
        replace: "",
      },
    ],
  },
  {
    suite: "queue",
    part: ": durability",
    mutants: [
      {
        name: "closing does not wait for steps in flight",
        file: "script-turn.ts",
        find: "    await Promise.allSettled(this.#underWay);\n",
        replace: "",
      },
    ],
  },
  {
    suite: "lease",
    part: ": leases",
    mutants: [
      {
        name: "the fencing token is not compared",
        file: "lua/lib/held-job.lua",
        find: " or job.lease.token ~= token then",
        replace: " then",
      },
      {
        name: "the fencing token of a plain job is not compared",
        file: "lua/lib/plain-jobs.lua",
        find: " or token ~= ending.token",
        replace: "",
      },
      {
        name: "an expired lease settles",
        file: "lua/lib/held-job.lua",
        find: "return job.lease.expires > M.at and job or nil",
        replace: "return job",
      },
      {
        name: "an expired lease of a plain job settles",
        file: "lua/lib/plain-jobs.lua",
        find: " or expires <= M.at",
        replace: "",
      },
      { name: "expired leases are never reclaimed", file: "lua/claim.lua", find: "M.reclaimLapsed()\n", replace: "" },
      {
        name: "a prolonged lease ends with those of its claim",
        file: "lua/lib/lost-leases.lua",
        find: "if job.lease.expires > M.at then",
        replace: "if false then",
      },
      {
        name: "a prolonged lease never ends",
        file: "lua/lib/lost-leases.lua",
        find: "if next then redis.call('ZADD', M.key('claims'), next, name) else M.removeClaim(name) end",
        replace: "M.removeClaim(name)",
      },
      {
        name: "the leases of a dead process stay until they expire",
        file: "lua/begin-worker.lua",
        find: "if record[3] == ARGV[2] then",
        replace: "if false then",
      },
    ],
  },
  {
    suite: "lease",
    part: ": attempts and losses",
    mutants: [
      {
        name: "a job that lost two workers takes its neighbours along",
        file: "lua/claim.lua",
        find: "isOver = job.losses >= LOSSES_ALONE",
        replace: "isOver = false",
      },
      {
        name: "a job that lost two workers goes along with those before it",
        file: "lua/claim.lua",
        find: "if isOver and taken > 0 then break end",
        replace: "",
      },
      {
        name: "attempts are not counted",
        file: "lua/claim.lua",
        find: "job.state, job.attempt, job.lease = M.LEASED, job.attempt + 1, its",
        replace: "job.state, job.attempt, job.lease = M.LEASED, math.max(1, job.attempt), its",
      },
      {
        name: "a lost worker spends the attempt",
        file: "lua/lib/leases.lua",
        find: "  job.attempt = job.attempt - 1\n",
        replace: "",
      },
      {
        name: "a crash loop never ends",
        file: "lua/lib/leases.lua",
        find: "if job.losses >= M.LOSSES_MAX then",
        replace: "if false then",
      },
      {
        name: "a job that lost many workers does not wait",
        file: "lua/lib/leases.lua",
        find: " + M.lossDelay(job.losses)",
        replace: "",
      },
      {
        name: "a success keeps the attempts of what failed before",
        file: "lua/lib/complete.lua",
        find: "job.attempt, job.losses, job.failures = 0, 0, nil",
        replace: "job.losses = 0",
      },
      {
        name: "a release spends the attempt",
        file: "lua/lib/endings.lua",
        find: "  job.attempt = job.attempt - 1\n",
        replace: "",
      },
      {
        name: "losses are counted on after a settle",
        file: "lua/lib/endings.lua",
        find: "M.addFailure(job, failure), 0",
        replace: "M.addFailure(job, failure), job.losses",
      },
    ],
  },
  {
    suite: "lease",
    part: ": passing on",
    mutants: [
      {
        name: "a pass turns the order of events around",
        file: "lua/lib/endings.lua",
        find: "for index = #records, 1, -1 do",
        replace: "for index = 1, #records do",
      },
      {
        name: "a pass makes events young",
        file: "lua/lib/endings.lua",
        find: "first = run.first, event = run.event",
        replace: "first = M.at, event = M.at",
      },
      {
        name: "the figures drift with each pass",
        file: "lua/lib/endings.lua",
        find: "  M.add(M.UNSETTLED[to.address:sub(1, 1)], run.count)\n",
        replace: "",
      },
      {
        name: "a stale settle enqueues work",
        file: "lua/settle.lua",
        find: "  if isPlain or job then\n    for _, wish",
        replace: "  if true then\n    for _, wish",
      },
    ],
  },
  {
    suite: "lease",
    part: ": clocks",
    mutants: [
      {
        name: "after a jump back of the clock real changes are duplicates",
        file: "lua/lib/dedup.lua",
        find: "math.abs(event.received - M.totals.shift - struct.unpack('>I6', record, 7))",
        replace: "(event.received - M.totals.shift - struct.unpack('>I6', record, 7))",
      },
      {
        name: "a clock that was set back strands work",
        file: "lua/lib/store.lua",
        find: "if M.now + M.totals.shift < M.totals.clock - 1000 then",
        replace: "if false then",
      },
    ],
  },
];
