import { createHash, timingSafeEqual } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { Clock } from "../clock.ts";
import { asFault } from "../faults.ts";
import type { Log } from "../log.ts";
import { type Memory, QUERY_LENGTH_MAX } from "../memory/memory.ts";
import { type ReceiverDeps, receiverPlugin, SERVER_BOUNDS } from "../receiver/receiver.ts";
import type { Figures } from "./figures.ts";
import { healthReport } from "./health.ts";
import { metricsReport } from "./metrics-report.ts";
import type { Prometheus } from "./prometheus.ts";

/** Hits of one search over HTTP. */
const SEARCH_LIMIT_MAX = 50;
const SEARCH_LIMIT_DEFAULT = 5;
/** A search is a person waiting. */
const SEARCH_TIMEOUT_MS = 30_000;

/** What the HTTP side needs. */
export interface HttpServerDeps {
  /** Absent = this process receives no deliveries. */
  readonly receiver: ReceiverDeps | undefined;
  readonly figures: () => Promise<Figures>;
  readonly prometheus: Prometheus;
  readonly memory: Pick<Memory, "search">;
  readonly clock: Clock;
  readonly log: Log;
  /** Opens `/api/v1`. Without a configured token it opens to loopback addresses only. */
  readonly adminToken: string;
  readonly isLoopbackOnly: boolean;
  /** False once the drain has begun: deliveries are then refused by readiness before they are by the socket. */
  readonly isAccepting: () => boolean;
}

/** Builds the server with every route; the caller listens and closes. */
export async function createHttpServer(deps: HttpServerDeps): Promise<FastifyInstance> {
  const server = Fastify({ ...SERVER_BOUNDS, logger: false, return503OnClosing: false });
  server.setErrorHandler((error, _request, reply) => {
    const status =
      typeof error === "object" && error !== null && "statusCode" in error ? Number(error.statusCode) : 500;
    if (status >= 500) deps.log.error({ error: asFault(error, "answering a request") }, "a request failed");
    return problem(reply, status >= 400 ? status : 500, status >= 500 ? "internal_error" : "bad_request");
  });
  server.setNotFoundHandler((_request, reply) => problem(reply, 404, "not_found"));

  if (deps.receiver !== undefined) await server.register(receiverPlugin(deps.receiver));
  addProbes(server, deps);
  addOperatorRoutes(server, deps);
  return server;
}

function addProbes(server: FastifyInstance, deps: HttpServerDeps): void {
  server.get("/livez", () => ({ status: "alive" }));

  server.get("/readyz", async (_request, reply) => {
    const figures = await readOrUndefined(deps);
    if (figures === undefined || !deps.isAccepting()) return reply.code(503).send({ status: "not ready" });
    return { status: "ready" };
  });

  server.get("/webhooks/health", async (_request, reply) => {
    const report = healthReport(await readOrUndefined(deps), deps.clock.now());
    return reply.code(report.status === "unhealthy" ? 503 : 200).send(report);
  });

  server.get("/webhooks/metrics", async (_request, reply) => {
    const figures = await readOrUndefined(deps);
    return figures === undefined ? problem(reply, 503, "unavailable") : metricsReport(figures, deps.clock.now());
  });

  server.get("/metrics", async (_request, reply) => {
    const figures = await readOrUndefined(deps);
    if (figures === undefined) return problem(reply, 503, "unavailable");
    return reply.type(deps.prometheus.contentType).send(await deps.prometheus.render(figures));
  });
}

/** The one operator route of this release; `/api/v1` grows with the operator's room. */
function addOperatorRoutes(server: FastifyInstance, deps: HttpServerDeps): void {
  server.get("/api/v1/memory/search", async (request, reply) => {
    if (deps.isLoopbackOnly && !isLoopback(request.socket.remoteAddress)) return problem(reply, 403, "forbidden");
    if (!isBearer(request.headers.authorization, deps.adminToken)) {
      return problem(reply.header("www-authenticate", "Bearer"), 401, "unauthorized");
    }
    const query = new URL(request.url, "http://localhost").searchParams;
    const text = query.get("q")?.trim() ?? "";
    const limit = Number(query.get("limit") ?? SEARCH_LIMIT_DEFAULT);
    if (
      text === "" ||
      text.length > QUERY_LENGTH_MAX ||
      !Number.isInteger(limit) ||
      limit < 1 ||
      limit > SEARCH_LIMIT_MAX
    ) {
      return problem(
        reply,
        400,
        "malformed",
        `expected ?q=<up to ${QUERY_LENGTH_MAX} characters>&limit=<1 to ${SEARCH_LIMIT_MAX}>`,
      );
    }
    return { query: text, hits: await deps.memory.search(text, { limit }, AbortSignal.timeout(SEARCH_TIMEOUT_MS)) };
  });
}

async function readOrUndefined(deps: HttpServerDeps): Promise<Figures | undefined> {
  try {
    return await deps.figures();
  } catch (error) {
    const fault = asFault(error, "reading the figures");
    deps.log.error({ fault: fault.code, error: fault }, "the store cannot be read");
    return undefined;
  }
}

/** An RFC 9457 problem document with a stable `code`. */
function problem(reply: FastifyReply, status: number, code: string, detail?: string): FastifyReply {
  const body = {
    type: `urn:memhook:problem:${code}`,
    title: code.replaceAll("_", " "),
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
  };
  if (status === 503) reply.header("retry-after", "5");
  return reply.code(status).type("application/problem+json").send(JSON.stringify(body));
}

/** Constant-time also for unequal lengths: digests are compared, not texts. */
function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (/^(::ffff:)?127\./.test(address) || address === "::1");
}
