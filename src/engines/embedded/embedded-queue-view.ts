import type { Clock } from "../../clock.ts";
import { parseFailures } from "../../queue/failures.ts";
import type { DeadLetter, DeadLetterSelection, JobRecord, QueueStats, QueueView } from "../../queue/queue-view.ts";
import { JOB_DEAD, JOB_LEASED, rankOf } from "./codes.ts";
import { purge, redrive } from "./dead-letters.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Job } from "./job-table.ts";
import type { LaneFigures } from "./lane-figures.ts";
import type { QueueTables } from "./queue-tables.ts";
import type { Step } from "./step.ts";
import type { TotalsTable } from "./totals.ts";

/** Dead letters handled in one step, so that a redrive of very many does not hold up deliveries. */
const STEP_LETTERS_MAX = 200;
/** Marks a dead letter's id among keys. */
const ID_PREFIX = "dl_";

/** What the view works on. */
export interface QueueViewDeps {
  readonly group: GroupCommit;
  readonly tables: QueueTables;
  readonly figures: LaneFigures;
  readonly totals: TotalsTable;
  readonly clock: Clock;
}

/** The operator's reads and verbs on the engine's store. */
export function createQueueView(deps: QueueViewDeps): QueueView {
  const { group, tables } = deps;
  return {
    stats: () => group.read(() => stats(deps)),
    deadLetters: ({ limit }) => group.read(() => tables.jobs.newestDead(limit).map((job) => letterOf(tables, job))),
    deadLetter: (idOrKey) =>
      group.read(() => {
        const [job] = find(tables, idOrKey);
        return job === undefined ? undefined : letterOf(tables, job);
      }),
    redrive: (selection) => forEachDead(deps, selection, redrive),
    purge: (selection) => forEachDead(deps, selection, purge),
    events: (eventId) => group.read(() => tables.reasons.events(eventId, (jobId) => tables.jobs.byId(jobId))),
    jobs: (key) =>
      group.read(() => {
        const now = deps.clock.now();
        return tables.jobs.byKey(key).map((job) => recordOf(tables, job, now));
      }),
  };
}

function stats({ tables, figures, totals: table, clock }: QueueViewDeps): QueueStats {
  const totals = table.load();
  const now = clock.now();
  const lanes = {
    route: figures.stats("route", totals.lanes.route, now),
    sync: figures.stats("sync", totals.lanes.sync, now),
    index: figures.stats("index", totals.lanes.index, now),
  };
  const size = lanes.route.unsettled + lanes.sync.unsettled + lanes.index.unsettled;
  return { lanes, size, events: totals.events, capacity: tables.options.capacity };
}

/** Applies a verb to the chosen dead letters, newest first, each at most once. Returns how many there were. */
async function forEachDead(
  { group, tables }: QueueViewDeps,
  { only, limit = Number.POSITIVE_INFINITY }: DeadLetterSelection,
  verb: (tables: QueueTables, step: Step, job: Job) => void,
): Promise<number> {
  const choices = only === undefined ? undefined : [...new Set(only)];
  let done = 0;
  for (;;) {
    const most = Math.min(STEP_LETTERS_MAX, limit - done);
    const part = choices?.splice(0, STEP_LETTERS_MAX);
    if (most <= 0 || part?.length === 0) return done;
    const handled = await group.run((step) => {
      const found = part === undefined ? tables.jobs.newestDead(most) : part.flatMap((name) => find(tables, name));
      const letters = [...new Map(found.map((job) => [job.id, job])).values()].slice(0, most);
      for (const job of letters) verb(tables, step, job);
      return letters.length;
    });
    done += handled;
    if (part === undefined && handled < most) return done;
  }
}

/** The dead jobs that an id or a key names; a key may have one in each lane. */
function find(tables: QueueTables, idOrKey: string): readonly Job[] {
  const id = idOrKey.startsWith(ID_PREFIX) ? Number(idOrKey.slice(ID_PREFIX.length)) : Number.NaN;
  const byId = Number.isSafeInteger(id) ? tables.jobs.byId(id) : undefined;
  if (byId !== undefined) return byId.state === JOB_DEAD ? [byId] : [];
  return tables.jobs.byKey(idOrKey).filter((job) => job.state === JOB_DEAD);
}

function letterOf(tables: QueueTables, job: Job): DeadLetter {
  const failures = parseFailures(job.failures);
  const last = failures.at(-1);
  return {
    lane: job.lane,
    key: job.key,
    id: `${ID_PREFIX}${job.id}`,
    cause: last?.code ?? "UNEXPECTED",
    message: last?.message ?? "",
    attempts: job.attempt,
    failedAt: job.wait.dueAt,
    firstReceivedAt: job.wait.firstAt,
    failures,
    reasons: tables.reasons.newest({ jobId: job.id, gen: job.gen }),
    reasonCount: tables.reasons.countHeld(job.id),
  };
}

function recordOf(tables: QueueTables, job: Job, now: number): JobRecord {
  const state = job.state === JOB_DEAD ? "dead" : job.state === JOB_LEASED ? "leased" : undefined;
  return {
    lane: job.lane,
    key: job.key,
    jobId: String(job.id),
    state: state ?? (job.wait.dueAt <= now ? "ready" : "delayed"),
    rank: rankOf(job.wait.rank),
    attempt: job.attempt,
    dueAt: job.wait.dueAt,
    ...(job.expiresAt === undefined ? {} : { leaseExpiresAt: job.expiresAt }),
    failures: parseFailures(job.failures),
    reasonCount: tables.reasons.countHeld(job.id),
  };
}
