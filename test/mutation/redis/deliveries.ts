import type { MutantGroup } from "../mutants.ts";
import type { RedisSuite } from "./redis-suites.ts";

/** Guarantees of taking events in and joining them. */
export const DELIVERY_MUTANTS: readonly MutantGroup<RedisSuite>[] = [
  {
    suite: "queue",
    part: ": deliveries",
    mutants: [
      {
        name: "no dedup",
        file: "lua/lib/dedup.lua",
        find: "if not record or M.hashOf(record) ~= event.hash then return false end",
        replace: "do return false end",
      },
      {
        name: "an event is a duplicate for ever",
        file: "lua/lib/dedup.lua",
        find: "return math.abs(event.received - M.totals.shift - struct.unpack('>I6', record, 7)) < window",
        replace: "return true",
      },
      {
        name: "a replay does not know what the outage began with",
        file: "lua/lib/dedup.lua",
        find: "math.abs(event.received - M.totals.shift - ",
        replace: "math.abs(M.now - ",
      },
      {
        name: "duplicates inside of one turn are not seen",
        file: "lua/lib/dedup.lua",
        find: "  M.known[field] = seq\n",
        replace: "",
      },
      {
        name: "a step forgets which events it took",
        file: "lua/deliver.lua",
        find: "M.callMany('HSET', 'dedup', M.learned)\n",
        replace: "",
      },
      {
        name: "a filtered event is not remembered",
        file: "lua/deliver.lua",
        find: "    M.remember(event, seq)\n    M.count('events_filtered')",
        replace: "    M.count('events_filtered')",
      },
      {
        name: "a filtered event is worked on",
        file: "lua/deliver.lua",
        find: "if event.flags == 1 then",
        replace: "if event.flags == 7 then",
      },
      {
        name: "capacity is not checked",
        file: "lua/deliver.lua",
        find: "countNew(events) > room then",
        replace: "false then",
      },
      {
        name: "capacity counts duplicates and filtered events",
        file: "lua/deliver.lua",
        find: "if #events > room and countNew(events) > room then",
        replace: "if #events > room then",
      },
      {
        name: "capacity counts an event that a delivery names twice",
        file: "lua/deliver.lua",
        find: "(seen[event.hash] or M.isKnown(event, window))",
        replace: "M.isKnown(event, window)",
      },
      {
        name: "deliveries of one turn pass the capacity together",
        file: "lua/deliver.lua",
        find: "local answers = {}\nfor index, events in ipairs(deliveries) do\n  local room = events.isAcknowledged and #events or math.max(0, capacity - M.totals.events)",
        replace:
          "local answers, before = {}, M.totals.events\nfor index, events in ipairs(deliveries) do\n  local room = events.isAcknowledged and #events or math.max(0, capacity - before)",
      },
      {
        name: "what was acknowledged before is refused for lack of room",
        file: "lua/deliver.lua",
        find: "events.isAcknowledged and #events or ",
        replace: "",
      },
      {
        name: "part of a refused delivery is taken",
        file: "lua/deliver.lua",
        find: "answers[index] = 'F'",
        replace: "for each = 1, room do take(events[each]) end\n    answers[index] = 'F'",
      },
      {
        name: "accepted events are not counted by label",
        file: "lua/deliver.lua",
        find: "  M.count('events_accepted:' .. event.label)\n",
        replace: "",
      },
      {
        name: "capacity leaks with each plain run",
        file: "lua/lib/plain-jobs.lua",
        find: "  M.add('events', -all)\n",
        replace: "",
      },
    ],
  },
  {
    suite: "queue",
    part: ": joining",
    mutants: [
      {
        name: "an event during a run is settled by that run",
        file: "lua/lib/hold.lua",
        find: "if job.state == M.LEASED then",
        replace: "if job.state == 9 then",
      },
      {
        name: "memhook's own work waits more than once",
        file: "lua/lib/hold.lua",
        find: "  if wasThere then return end\n",
        replace: "",
      },
      {
        name: "no maximum wait",
        file: "lua/lib/joining.lua",
        find: "math.min(M.at + joining.delay, first + rules.maxWait)",
        replace: "M.at + joining.delay",
      },
      {
        name: "new events wait behind an old backoff",
        file: "lua/lib/joining.lua",
        find: "mayPutOff and due or math.min(run.due, due)",
        replace: "mayPutOff and due or run.due",
      },
      {
        name: "an event puts a failing job off",
        file: "lua/lib/joining.lua",
        find: "rules.isFirstWait and joining.delay > 0",
        replace: "joining.delay > 0",
      },
      {
        name: "an urgent event waits with its job",
        file: "lua/lib/joining.lua",
        find: "  run.rank = math.min(run.rank, joining.rank)\n",
        replace: "",
      },
      {
        name: "the rest after a run is ignored by new events",
        file: "lua/lib/hold.lua",
        find: "restUntil = M.restUntil(address)",
        replace: "restUntil = 0",
      },
      {
        name: "the rest after a run is ignored by what joined meanwhile",
        file: "lua/lib/complete.lua",
        find: "math.max(next.due, M.restUntil(address))",
        replace: "next.due",
      },
      {
        name: "urgent work waits for the rest",
        file: "lua/lib/joining.lua",
        find: "joining.rank == M.URGENT and M.at or",
        replace: "false or",
      },
      {
        name: "a rest ends with its generation",
        file: "lua/lib/rests.lua",
        find: "for page = generation - 1, generation do",
        replace: "for page = generation, generation do",
      },
      {
        name: "an event during a run causes no further run",
        file: "lua/lib/complete.lua",
        find: "if not next then return",
        replace: "if true then return",
      },
      {
        name: "older events of a run count as synced",
        file: "lua/lib/complete.lua",
        find: "isAnEvent and M.SUPERSEDED",
        replace: "isAnEvent and M.SYNCED",
      },
      {
        name: "what arrived during a failing run waits for the backoff",
        file: "lua/lib/endings.lua",
        find: "job.next and M.at or due)",
        replace: "due)",
      },
      {
        name: "a failed run loses what joined it",
        file: "lua/lib/leases.lua",
        find: "M.mergedRun(job.run, job.next, due)",
        replace: "M.mergedRun(job.run, nil, due)",
      },
      {
        name: "capacity leaks with each completed run",
        file: "lua/lib/complete.lua",
        find: "  M.add('events', -run.events)\n",
        replace: "",
      },
    ],
  },
];
