import type { Figures } from "./figures.ts";
import { percent } from "./percent.ts";

/** `healthy`; `degraded` = works, but a person may want to look; `unhealthy` = deliveries cannot be taken durably. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";

/** What is wrong, by a stable code, in a sentence that says what it means. */
export interface HealthProblem {
  readonly code: string;
  readonly message: string;
}

/** Share of the capacity from which the queue counts as filling up. */
const UTILIZATION_HIGH = 0.8;
/** A lease held longer than this, although it is extended, is a worker that hangs. */
const RUNNING_MS_MAX = 120_000;

/** What health is judged by. */
export interface HealthInput {
  /** Undefined = the store cannot be read. */
  readonly figures: Figures | undefined;
  readonly isWritable: boolean;
  readonly engine: string;
  readonly sink: string;
  readonly now: number;
}

/** The body of `GET /webhooks/health`. Field names are fixed interface; null = not known now. */
export type HealthReport = ReturnType<typeof healthReport>;

/** Judges, and says what is wrong. */
export function healthReport({ figures, isWritable, engine, sink, now }: HealthInput) {
  const storeProblems = isWritable
    ? []
    : [{ code: "store_unavailable", message: "the store cannot be written: deliveries are refused with 503" }];
  const problems = [...storeProblems, ...(figures === undefined ? [] : problemsOf(figures))];
  const status = statusOf(figures !== undefined && isWritable, problems);
  const queue = figures?.queue;
  const processor = figures?.processor;
  return {
    status,
    redis_connected: null,
    queue_size: queue?.size ?? null,
    queue_capacity: queue?.capacity ?? null,
    queue_utilization: queue === undefined ? null : percent(queue.events, queue.capacity),
    timestamp: new Date(now).toISOString(),
    engine,
    sink,
    circuits: processor?.circuits ?? {},
    processor: {
      workers_running: processor?.workersRunning ?? null,
      workers: processor?.workers ?? null,
      success_rate: figures?.successRate ?? null,
    },
    lag_ms: figures?.lagMs ?? null,
    dead_letters: figures?.deadLetters ?? null,
    channels: figures?.channels ?? [],
    version: figures?.version ?? null,
    uptime_seconds: figures === undefined ? null : Math.round(figures.uptimeMs / 1000),
    problems,
  };
}

function statusOf(isStoreSound: boolean, problems: readonly HealthProblem[]): HealthStatus {
  if (!isStoreSound) return "unhealthy";
  return problems.length === 0 ? "healthy" : "degraded";
}

function problemsOf(figures: Figures): readonly HealthProblem[] {
  const problems: HealthProblem[] = [];
  for (const [name, circuit] of Object.entries(figures.processor.circuits)) {
    if (circuit.state === "closed") continue;
    const cause = circuit.cause ?? "unknown";
    problems.push({
      code: `circuit_open:${name}`,
      message: `${name} is refused or away (${cause}); work waits and resumes by itself`,
    });
  }
  if (figures.queue.events >= figures.queue.capacity * UTILIZATION_HIGH) {
    problems.push({ code: "queue_filling", message: "deliveries will be refused when the queue is full" });
  }
  if (figures.processor.workersRunning === 0) {
    problems.push({ code: "no_workers", message: "no worker runs: events are kept, and nothing is synced" });
  }
  if (figures.longestRunningMs > RUNNING_MS_MAX) {
    problems.push({ code: "worker_hangs", message: "a lease has been held for more than two minutes" });
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
