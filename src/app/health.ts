import { Fault } from "../faults.ts";
import type { Figures } from "./figures.ts";
import { percent } from "./percent.ts";
import type { Role } from "./role.ts";
import type { StoreSight } from "./status.ts";

/** `healthy`; `degraded` = works, but a person may want to look; `unhealthy` = deliveries cannot be taken durably. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";

/** What is wrong, by a stable code, in a sentence that says what it means. */
export interface HealthProblem {
  readonly code: string;
  readonly message: string;
}

const MINUTE_MS = 60_000;
/** Share of the capacity from which the queue counts as filling up. */
const UTILIZATION_HIGH = 0.8;
/** A lease held longer than this, although it is extended, is a worker that hangs. */
const RUNNING_MS_MAX = 120_000;
/** On Cognee: the longest that an index run may be held (process-batch.ts), as writes wait for its end. */
const RUNNING_COGNEE_MS_MAX = 7_200_000;

/** What health is judged by. */
export interface HealthInput {
  /** Or why they cannot be read. */
  readonly read: Figures | Fault;
  /** Deliveries can be taken durably; of a process that takes none, it is able to work. */
  readonly isReady: boolean;
  readonly sight: StoreSight;
  readonly engine: string;
  readonly sink: string;
  readonly role: Role;
  readonly now: number;
}

/** The body of `GET /webhooks/health`. Field names are fixed interface; null = not known now. */
export type HealthReport = ReturnType<typeof healthReport>;

/** Judges, and says what is wrong. */
export function healthReport(input: HealthInput) {
  const { read, sight, engine, sink, now } = input;
  const figures = read instanceof Fault ? undefined : read;
  const isAway = isServerAway(input);
  const problems = [...storeProblems(input), ...(figures === undefined ? [] : problemsOf(figures))];
  const status = statusOf(input.isReady && (figures !== undefined || isAway), problems);
  const { spill } = sight;
  const queue = figures?.queue;
  const processor = figures?.processor;
  return {
    status,
    redis_connected: sight.isConnected === undefined ? null : sight.isConnected && figures !== undefined,
    queue_size: figures?.queueSize ?? null,
    queue_capacity: queue?.capacity ?? null,
    queue_utilization: queue === undefined ? null : percent(queue.events, queue.capacity),
    timestamp: new Date(now).toISOString(),
    engine,
    sink,
    role: input.role,
    circuits: processor?.circuits ?? {},
    processor: {
      workers_running: processor?.workersRunning ?? null,
      workers: processor?.workers ?? null,
      success_rate: figures?.successRate ?? null,
    },
    spill: spill === undefined ? null : { waiting: spill.waiting, bytes: spill.bytes, bytes_max: spill.bytesMax },
    lag_ms: figures?.lagMs ?? null,
    dead_letters: figures?.deadLetters ?? null,
    channels: figures?.channels ?? [],
    version: figures?.version ?? null,
    uptime_seconds: figures === undefined ? null : Math.round(figures.uptimeMs / 1000),
    problems,
  };
}

/** A server that does not answer heals by itself, unlike a file that cannot be read. */
function isServerAway({ read, sight }: HealthInput): boolean {
  if (sight.isConnected === undefined) return false;
  return !sight.isConnected || (read instanceof Fault && read.code === "STORE_UNAVAILABLE");
}

function storeProblems(input: HealthInput): readonly HealthProblem[] {
  const { spill } = input.sight;
  const problems: HealthProblem[] = [];
  // One that answers and takes nothing (out of memory, a replica) is as good as away to deliveries.
  if (isServerAway(input) || (spill?.isAway === true && spill.waiting > 0)) {
    const deliveries = spill === undefined || !input.isReady ? "" : "deliveries are kept in the spill file, ";
    const message = `Redis is away or takes nothing: ${deliveries}work waits; all resumes by itself`;
    problems.push({ code: "redis_away", message });
  } else if (spill !== undefined && spill.waiting > 0) {
    const message = "deliveries of an outage of Redis are being replayed, or wait for room in the queue soon after one";
    problems.push({ code: "spill_waiting", message });
  }
  if (spill?.refusal === "unwritable") {
    const message =
      "the spill file cannot be written (disk full or read-only): while Redis takes nothing, deliveries are refused with 503";
    problems.push({ code: "spill_unwritable", message });
  } else if (!input.isReady) {
    const message =
      spill === undefined
        ? "the store cannot be written: deliveries are refused with 503"
        : "neither Redis nor the spill file, which is full, takes deliveries: they are refused with 503";
    problems.push({ code: spill === undefined ? "store_unavailable" : "spill_full", message });
  }
  return problems;
}

function statusOf(isSound: boolean, problems: readonly HealthProblem[]): HealthStatus {
  if (!isSound) return "unhealthy";
  return problems.length === 0 ? "healthy" : "degraded";
}

function problemsOf(figures: Figures): readonly HealthProblem[] {
  const problems: HealthProblem[] = [];
  const { processor } = figures;
  for (const [name, circuit] of Object.entries(processor?.circuits ?? {})) {
    if (circuit.state === "closed") continue;
    const cause = circuit.cause ?? "unknown";
    if (cause === "SINK_MISMATCH") {
      const message =
        "the ledger speaks of another memory than this worker's, which writes nothing: set the memory as the other workers have it, or stop them all and start one";
      problems.push({ code: "sink_mismatch", message });
      continue;
    }
    const message =
      cause === "SINK_DAMAGED"
        ? "its store is damaged (SINK_DAMAGED): mend it as docs/cognee.md says; work waits until then"
        : `${name} is refused or away (${cause}); work waits and resumes by itself`;
    problems.push({ code: `circuit_open:${name}`, message });
  }
  const damaged = processor?.damagedAccounts ?? 0;
  if (damaged > 0) {
    const message = `the datasets of ${damaged} accounts are damaged: mend them as docs/cognee.md says; all other accounts go on`;
    problems.push({ code: "accounts_damaged", message });
  }
  if (figures.queue.events >= figures.queue.capacity * UTILIZATION_HIGH) {
    problems.push({ code: "queue_filling", message: "deliveries will be refused when the queue is full" });
  }
  // One that waits for its sink has begun nothing yet: that is told above, and others may work.
  if (processor?.workersRunning === 0 && processor.circuits.sink.state === "closed") {
    problems.push({ code: "no_workers", message: "no worker runs: events are kept, and nothing is synced" });
  }
  const runningMsMax = figures.sink === "cognee" ? RUNNING_COGNEE_MS_MAX : RUNNING_MS_MAX;
  if (figures.longestRunningMs > runningMsMax) {
    const message = `a lease has been held for more than ${runningMsMax / MINUTE_MS} minutes`;
    problems.push({ code: "worker_hangs", message });
  }
  if (figures.channelFault !== undefined) {
    const message = `the channel cannot be opened or renewed (${figures.channelFault}): no webhook may come; memhook doctor says what to do`;
    problems.push({ code: "channel_failing", message });
  } else if (figures.channels.some((channel) => channel.expires_in_seconds <= 0)) {
    problems.push({ code: "channel_expired", message: "a channel has expired and is being opened anew" });
  }
  if (figures.deadLetters > 0) {
    problems.push({ code: "dead_letters", message: "accounts wait for a person: memhook dead-letters list" });
  }
  return problems;
}
