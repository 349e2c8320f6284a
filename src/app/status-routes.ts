import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../clock.ts";
import { metricsReport } from "./metrics-report.ts";
import { problem } from "./problem.ts";
import type { Prometheus } from "./prometheus.ts";
import type { Status } from "./status.ts";

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
    const sight = status.sight();
    // While a server is away, that it is and what waits here is what an alarm has to see.
    if (figures === undefined && sight.isConnected === undefined) return unavailable(reply);
    return reply.type(prometheus.contentType).send(await prometheus.render(figures, sight));
  });
}

function unavailable(reply: FastifyReply): FastifyReply {
  return problem(reply, { status: 503, code: "unavailable" });
}
