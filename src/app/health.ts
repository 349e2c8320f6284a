import type { Figures } from "./figures.ts";

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

/** The body of `GET /webhooks/health`. Field names are fixed interface. */
export function healthReport(figures: Figures | undefined, now: number) {
  if (figures === undefined) {
    return {
      status: "unhealthy" as const,
      redis_connected: null,
      queue_size: null,
      queue_capacity: null,
      queue_utilization: null,
      timestamp: new Date(now).toISOString(),
      problems: [{ code: "store_unavailable", message: "the engine's store cannot be read or written" }],
    };
  }
  const { queue, processor } = figures;
  const problems = problemsOf(figures);
  const status: HealthStatus = problems.length === 0 ? "healthy" : "degraded";
  return {
    status,
    redis_connected: null,
    queue_size: queue.size,
    queue_capacity: queue.capacity,
    queue_utilization: percent(queue.events, queue.capacity),
    timestamp: new Date(now).toISOString(),
    engine: figures.engine,
    sink: figures.sink,
    circuits: processor.circuits,
    processor: {
      workers_running: processor.workersRunning,
      workers: processor.workers,
      success_rate: processor.successRate,
    },
    lag_ms: figures.lagMs,
    dead_letters: figures.deadLetters,
    channels: figures.channels,
    version: figures.version,
    uptime_seconds: Math.round(figures.uptimeMs / 1000),
    problems,
  };
}

/** "0.4%": one decimal, as the brief shows it. A whole of 0 has nothing missing. */
export function percent(part: number, whole: number, whenEmpty = 0): string {
  return `${(whole === 0 ? whenEmpty : (part / whole) * 100).toFixed(1)}%`;
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
  if (figures.channels.some((channel) => channel.expires_in_seconds <= 0)) {
    problems.push({ code: "channel_expired", message: "a channel has expired and is being opened anew" });
  }
  if (figures.deadLetters > 0) {
    problems.push({ code: "dead_letters", message: "accounts wait for a person: memhook dead-letters list" });
  }
  return problems;
}
