import type { MutantGroup } from "../mutants.ts";
import type { RedisSuite } from "./redis-suites.ts";

/** Guarantees among processes, and where answers or the store are lost. */
export const PROCESS_MUTANTS: readonly MutantGroup<RedisSuite>[] = [
  {
    suite: "counters",
    mutants: [
      {
        name: "additions are lost at closing",
        file: "redis-engine.ts",
        find: "      await counters.flush();\n",
        replace: "",
      },
      {
        name: "additions are never written while nobody closes",
        file: "redis-counters.ts",
        find: "if (pending.size > 0) time();",
        replace: "",
      },
    ],
  },
  {
    suite: "duties",
    mutants: [
      {
        name: "a duty is taken from who has it",
        file: "lua/hold-duty.lua",
        find: "if held and held[1] ~= ARGV[3] and held[2] > M.at then return 0 end\n",
        replace: "",
      },
    ],
  },
  {
    suite: "engine",
    part: "loses what it knew",
    mutants: [
      {
        name: "a claim made again after a fail-over has the same token",
        file: "lua/claim.lua",
        find: "local token = M.totals.token * M.NONCES + nonce",
        replace: "local token = M.totals.token * M.NONCES",
      },
      {
        name: "the store's epoch is ignored",
        file: "lua/lib/held-job.lua",
        find: " or epoch ~= M.totals.epoch",
        replace: "",
      },
      { name: "a full server lets no work end", file: "lua/settle.lua", find: "M.ending()\n", replace: "" },
      {
        name: "the store's epoch is ignored for plain jobs",
        file: "lua/lib/plain-jobs.lua",
        find: "ending.epoch ~= M.totals.epoch or ",
        replace: "",
      },
      {
        name: "only the first of a turn hears that the store is away",
        file: "script-turn.ts",
        find: "for (const request of requests) request.reject(error);",
        replace: "for (const request of requests.slice(0, 1)) request.reject(error);",
      },
      {
        name: "additions of an outage are lost",
        file: "redis-counters.ts",
        find: "for (const [name, by] of written) add(name, by);",
        replace: "",
      },
    ],
  },
  {
    suite: "engine",
    part: "an answer is lost",
    mutants: [
      {
        name: "a claim whose answer was lost is kept until it expires",
        file: "lua/claim.lua",
        find: "M.giveBackLost(owner, ARGV[7])\n",
        replace: "",
      },
      {
        name: "a claim whose answer was lost spends the attempt",
        file: "lua/lib/lost-leases.lua",
        find: "        job.attempt = job.attempt - 1\n",
        replace: "",
      },
      {
        name: "a lost claim takes the process's other leases along",
        file: "lua/lib/lost-leases.lua",
        find: "local record = lost[tonumber(name) % M.NONCES] and M.claimRecord(name)",
        replace: "local record = M.claimRecord(name)",
      },
      {
        name: "a lost claim takes another process's leases along",
        file: "lua/lib/lost-leases.lua",
        find: "if record and record[3] == owner then",
        replace: "if record then",
      },
      {
        name: "a lost claim is forgotten where the next one fails as well",
        file: "redis-queue.ts",
        find: "[...this.#lost, ...lost, nonce]",
        replace: "[...this.#lost, nonce]",
      },
      {
        name: "a claim whose answer was lost is not remembered",
        file: "redis-queue.ts",
        find: "if (error instanceof Fault) this.#lost",
        replace: "if (!(error instanceof Fault)) this.#lost",
      },
    ],
  },
  {
    suite: "engine",
    part: "several processes",
    mutants: [
      {
        name: "a key that resembles another is taken for it",
        file: "lua/lib/dedup.lua",
        find: " or M.hashOf(record) ~= event.hash then",
        replace: " then",
      },
      {
        name: "a process that begins takes the leases of others",
        file: "lua/begin-worker.lua",
        find: "if record[3] == ARGV[2] then",
        replace: "if true then",
      },
      {
        name: "arriving work wakes nobody",
        file: "lua/lib/flush-jobs.lua",
        find: "if lanes ~= '' then redis.call('PUBLISH', M.key('wake'), lanes) end",
        replace: "",
      },
      {
        name: "a lost wake-up is waited for",
        file: "work-bells.ts",
        find: "const LOOK_MS = 500;",
        replace: "const LOOK_MS = 60_000;",
      },
      {
        name: "a bell wakes nobody",
        file: "work-bells.ts",
        find: "for (const wake of [...waiters]) wake();",
        replace: "for (const wake of [...waiters].slice(1)) wake();",
      },
      {
        name: "a duty of a dead process is never free",
        file: "lua/hold-duty.lua",
        find: " and held[2] > M.at then",
        replace: " then",
      },
      {
        name: "a duty that was given back stays taken",
        file: "lua/hold-duty.lua",
        find: "if leaseMs == 0 then redis.call('HDEL', M.key('duties'), ARGV[2])",
        replace: "if leaseMs == 0 then return 1",
      },
    ],
  },
  {
    suite: "engine",
    part: "clock is the server",
    mutants: [
      {
        name: "an event from the future outlives the maximum wait",
        file: "lua/lib/hold.lua",
        find: "math.min(M.at, struct.unpack('>I6', body) + M.totals.shift)",
        replace: "struct.unpack('>I6', body) + M.totals.shift",
      },
      {
        name: "a process's own clock rules",
        file: "script-turn.ts",
        find: 'return this.#clock === systemClock ? "" : String(this.#clock.now());',
        replace: 'return this.#clock === systemClock && this.#isClosed ? "" : String(this.#clock.now());',
      },
      {
        name: "a backoff ends by the clock of another",
        file: "redis-queue.ts",
        find: "Math.max(0, (settlement.dueAt ?? now) - now)",
        replace: "Math.max(0, (settlement.dueAt ?? now) - Math.min(now, 1_760_000_000_000))",
      },
    ],
  },
  {
    suite: "engine",
    part: "engine's turns",
    mutants: [
      {
        name: "each request of a turn is told the first one's outcome",
        file: "script-turn.ts",
        find: "told.slice(from, from + request.items)",
        replace: "told.slice(0, request.items)",
      },
      {
        name: "answers are shifted where requests have many items",
        file: "script-turn.ts",
        find: "from += request.items;",
        replace: "from += 1;",
      },
      {
        name: "requests of a turn overtake others of another kind",
        file: "script-turn.ts",
        find: "const last = this.#calls.at(-1);",
        replace: "const last = this.#calls.findLast((call) => call.shared === shared);",
      },
      {
        name: "a call grows without bound",
        file: "script-turn.ts",
        find: "last.items + items <= ITEMS_MAX && ",
        replace: "",
      },
    ],
  },
];
