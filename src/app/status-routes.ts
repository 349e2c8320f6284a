import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { asFault } from "../faults.ts";
import type { Log } from "../log.ts";
import type { Figures } from "./figures.ts";
import { type HealthReport, healthReport } from "./health.ts";
import { metricsReport } from "./metrics-report.ts";
import { problem } from "./problem.ts";
import type { Prometheus } from "./prometheus.ts";

/** How long one proof that the store can be written counts: probes come often, and each proof is an fsync. */
const PROOF_MS = 1_000;

/** What health, metrics and probes are made from. */
export interface StatusDeps {
  readonly engine: string;
  readonly sink: string;
  readonly figures: () => Promise<Figures>;
  /** Writes and commits; throws Fault STORE_UNAVAILABLE when a delivery could not be stored now. */
  readonly proveStore: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
}

/** Answers questions about the state of the system; the routes below, and the library, show what it says. */
export interface Status {
  health(): Promise<HealthReport>;
  /** Undefined when the store cannot be read. */
  figures(): Promise<Figures | undefined>;
  /** True when a delivery can be taken durably. */
  isReady(): Promise<boolean>;
}

/** Makes the status of one process. Nothing of it throws: what cannot be read is part of the answer. */
export function createStatus(deps: StatusDeps): Status {
  let proof: { readonly at: number; readonly isWritable: Promise<boolean> } | undefined;

  const attempt = async <T>(doing: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      const fault = asFault(error, doing);
      deps.counters.add({ [`faults:${fault.code}`]: 1 });
      deps.log.error({ fault: fault.code, error: fault }, "the store cannot be used");
      return undefined;
    }
  };
  const figures = () => attempt("reading the figures", deps.figures);
  const isReady = () => {
    const now = deps.clock.now();
    if (proof === undefined || Math.abs(now - proof.at) >= PROOF_MS) {
      const proving = attempt("proving the store", async () => {
        await deps.proveStore();
        return true;
      });
      proof = { at: now, isWritable: proving.then((isProved) => isProved === true) };
    }
    return proof.isWritable;
  };
  return {
    figures,
    isReady,
    health: async () => {
      const [read, isWritable] = await Promise.all([figures(), isReady()]);
      const { engine, sink } = deps;
      return healthReport({ figures: read, isWritable, engine, sink, now: deps.clock.now() });
    },
  };
}

/** GET /webhooks/health and /webhooks/metrics: what a server that carries the receiver shows. */
export function addWebhookStatus(server: FastifyInstance, status: Status, clock: Clock): void {
  server.get("/webhooks/health", async (_request, reply) => {
    const report = await status.health();
    return reply.code(report.status === "unhealthy" ? 503 : 200).send(report);
  });

  server.get("/webhooks/metrics", async (_request, reply) => {
    const figures = await status.figures();
    return figures === undefined ? unavailable(reply) : metricsReport(figures, clock.now());
  });
}

/** GET /livez, /readyz and /metrics: what an orchestrator and Prometheus ask of a process of our own. */
export function addProcessStatus(
  server: FastifyInstance,
  status: Status,
  { prometheus, isAccepting }: { readonly prometheus: Prometheus; readonly isAccepting: () => boolean },
): void {
  server.get("/livez", () => ({ status: "alive" }));

  server.get("/readyz", async (_request, reply) => {
    if (isAccepting() && (await status.isReady())) return { status: "ready" };
    return reply.code(503).header("retry-after", "5").send({ status: "not ready" });
  });

  server.get("/metrics", async (_request, reply) => {
    const figures = await status.figures();
    if (figures === undefined) return unavailable(reply);
    return reply.type(prometheus.contentType).send(await prometheus.render(figures));
  });
}

function unavailable(reply: FastifyReply): FastifyReply {
  return problem(reply, { status: 503, code: "unavailable" });
}
