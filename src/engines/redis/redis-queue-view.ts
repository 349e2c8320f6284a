import { z } from "zod";
import { assert } from "../../assert.ts";
import { isEventOf } from "../../queue/event-id.ts";
import { parseFailures } from "../../queue/failures.ts";
import { LANES, type Lane } from "../../queue/queue.ts";
import type {
  DeadLetter,
  DeadLetterSelection,
  EventRecord,
  JobRecord,
  LaneStats,
  QueueView,
} from "../../queue/queue-view.ts";
import { addressOf, fateOf, LANE_LETTERS, laneOfLetter, rankOf } from "./codes.ts";
import type { Reply, Script } from "./connection.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { idMarks, readBody } from "./reason-body.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** Dead letters handled in one step, so that a redrive of very many does not hold up deliveries. */
const STEP_LETTERS_MAX = 200;
/** Records looked at for one event id at most. */
const EVENTS_LOOKED_AT_MAX = 10_000;
/** Most events shown for one id: a whole delivery of the largest kind is cut, a usual one is not. */
const EVENTS_SHOWN_MAX = 1_000;
/** Letters listed in one call. */
const LETTERS_PAGE_MAX = 10_000;

const laneFigures = z.object({
  w: z.number(),
  l: z.number(),
  d: z.number(),
  u: z.number(),
  delayed: z.number(),
  received: z.number().optional(),
  due: z.number().optional(),
  leased: z.number().optional(),
  unfinished: z.number(),
});
const figuresSchema = z.object({ events: z.number(), r: laneFigures, s: laneFigures, i: laneFigures });
const letterSchema = z.object({
  address: z.string(),
  id: z.number(),
  attempts: z.number(),
  failedAt: z.number(),
  firstReceivedAt: z.number(),
  reasonCount: z.number(),
});
const jobSchema = z.object({
  lane: z.string(),
  epoch: z.number(),
  id: z.number(),
  state: z.enum(["ready", "delayed", "leased", "dead"]),
  rank: z.number(),
  attempt: z.number(),
  due: z.number(),
  expires: z.number().optional(),
  reasonCount: z.number(),
});

/** The operator's reads and verbs on Redis. */
export function createQueueView({ turn, options }: EngineDeps): QueueView {
  const { capacity, maxWaitMs, restMs = 0 } = options;
  const lettersOf = async (limit: number, name: string) =>
    list(await turn.run(SCRIPTS.letters, [String(Math.min(limit, LETTERS_PAGE_MAX)), name])).map(letterOf);
  const inSteps = (selection: DeadLetterSelection, script: Script, settings: readonly string[]) =>
    forEachPart(selection, async (most, names) => Number(await turn.run(script, [...settings, String(most), names])));
  return {
    stats: async () => {
      const figures = figuresSchema.parse(json(await turn.run(SCRIPTS.stats, [])));
      const lane = (name: Lane) => laneStats(figures[LANE_LETTERS[name]]);
      const lanes = { route: lane("route"), sync: lane("sync"), index: lane("index") };
      const size = LANES.reduce((sum, name) => sum + lanes[name].unsettled, 0);
      return { lanes, size, events: figures.events, capacity };
    },
    deadLetters: ({ limit }) => lettersOf(limit, ""),
    deadLetter: async (idOrKey) => (await lettersOf(1, idOrKey))[0],
    redrive: (selection) => inSteps(selection, SCRIPTS.redrive, [String(maxWaitMs), String(restMs)]),
    purge: (selection) => inSteps(selection, SCRIPTS.purge, []),
    events: async (eventId) => {
      const marks = JSON.stringify(idMarks(eventId));
      const found = list(await turn.run(SCRIPTS.events, [marks, String(EVENTS_LOOKED_AT_MAX)])).flatMap(eventsOf);
      return found.filter((event) => isEventOf(event.eventId, eventId)).slice(0, EVENTS_SHOWN_MAX);
    },
    jobs: async (key) => list(await turn.run(SCRIPTS.jobs, [key])).map((reply) => jobOf(reply, key)),
  };
}

/** Applies a verb to the chosen dead letters, a part at a time. Returns how many there were. */
async function forEachPart(
  { only, limit = Number.POSITIVE_INFINITY }: DeadLetterSelection,
  act: (most: number, names: string) => Promise<number>,
): Promise<number> {
  const choices = only === undefined ? undefined : [...new Set(only)];
  let done = 0;
  for (;;) {
    const most = Math.min(STEP_LETTERS_MAX, limit - done);
    const part = choices?.splice(0, STEP_LETTERS_MAX);
    if (most <= 0 || part?.length === 0) return done;
    const handled = await act(most, part === undefined ? "" : JSON.stringify(part));
    done += handled;
    if (part === undefined && handled < most) return done;
  }
}

function laneStats(figures: z.output<typeof laneFigures>): LaneStats {
  const { w, l, d, u, delayed, received, due, leased, unfinished } = figures;
  return {
    ready: w - delayed,
    delayed,
    leased: l,
    dead: d,
    unsettled: u,
    ...(received === undefined ? {} : { oldestReceivedAt: received }),
    ...(due === undefined ? {} : { oldestDueAt: due }),
    ...(leased === undefined ? {} : { oldestLeasedAt: leased }),
    unfinishedMs: unfinished,
  };
}

function letterOf(reply: Reply): DeadLetter {
  const [described, storedFailures, bodies] = list(reply);
  const { address, id, failedAt, firstReceivedAt, attempts, reasonCount } = letterSchema.parse(json(described));
  const failures = parseFailures(String(storedFailures));
  const last = failures.at(-1);
  return {
    ...addressOf(address),
    id: `dl_${id}`,
    cause: last?.code ?? "UNEXPECTED",
    message: last?.message ?? "",
    attempts,
    failedAt,
    firstReceivedAt,
    failures,
    reasons: list(bodies)
      .map((body) => readBody(bytes(body)).reason)
      .reverse(),
    reasonCount,
  };
}

function eventsOf(reply: Reply): readonly EventRecord[] {
  const [body, code, settled] = list(reply);
  const { reason, address } = readBody(bytes(body));
  const fate = fateOf(Number(code));
  const settledAt = Number(settled);
  const { eventId, note, receivedAt } = reason;
  if (fate === "gone" || eventId === undefined) return [];
  return [{ eventId, note, receivedAt, fate, ...(settledAt === 0 ? {} : { settledAt }), ...address }];
}

function jobOf(reply: Reply, key: string): JobRecord {
  const [described, failures] = list(reply);
  const { lane, epoch, id, state, rank, attempt, due, expires, reasonCount } = jobSchema.parse(json(described));
  return {
    lane: laneOfLetter(lane),
    key,
    jobId: `${epoch}.${id}`,
    state,
    rank: rankOf(rank),
    attempt,
    dueAt: due,
    ...(expires === undefined ? {} : { leaseExpiresAt: expires }),
    failures: parseFailures(String(failures) === "" ? undefined : String(failures)),
    reasonCount,
  };
}

function list(reply: Reply | undefined): readonly Reply[] {
  assert(Array.isArray(reply), "the script answers a list");
  return reply;
}

function bytes(reply: Reply | undefined): Buffer {
  assert(Buffer.isBuffer(reply), "the script answers bytes");
  return reply;
}

function json(reply: Reply | undefined): unknown {
  return JSON.parse(bytes(reply).toString());
}
