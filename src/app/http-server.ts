import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import Fastify, { type FastifyInstance } from "fastify";
import { type Clock, withTimeout } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { asFault } from "../faults.ts";
import type { Log } from "../log.ts";
import { type Memory, QUERY_LENGTH_MAX } from "../memory/memory.ts";
import {
  createDoor,
  type Door,
  isDelivery,
  type ReceiverDeps,
  receiverPlugin,
  SERVER_BOUNDS,
} from "../receiver/receiver.ts";
import { problem } from "./problem.ts";
import type { Prometheus } from "./prometheus.ts";
import type { Status } from "./status.ts";
import { addProcessStatus, addWebhookStatus } from "./status-routes.ts";

/** Hits of one search over HTTP. */
const SEARCH_LIMIT_MAX = 50;
const SEARCH_LIMIT_DEFAULT = 5;
/** A search is a person waiting. */
const SEARCH_TIMEOUT_MS = 30_000;

/** What the HTTP side needs. */
export interface HttpServerDeps {
  /** Absent = this process receives no deliveries. */
  readonly receiver: ReceiverDeps | undefined;
  readonly status: Status;
  readonly prometheus: Prometheus;
  readonly memory: Pick<Memory, "search">;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
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
    if (status >= 500) {
      const fault = asFault(error, "answering a request");
      deps.counters.add({ [`faults:${fault.code}`]: 1 });
      deps.log.error({ fault: fault.code, error: fault }, "a request failed");
    }
    return problem(reply, {
      status: status >= 400 ? status : 500,
      code: status >= 500 ? "internal_error" : "bad_request",
    });
  });
  // With a callback, for it is on the way of every delivery: a promise each would be felt.
  server.addHook("onSend", (_request, reply, _payload, done) => {
    if (!deps.isAccepting()) reply.header("connection", "close");
    done();
  });
  server.setNotFoundHandler((_request, reply) => problem(reply, { status: 404, code: "not_found" }));

  if (deps.receiver !== undefined) {
    const door = createDoor(deps.receiver);
    await server.register(receiverPlugin(deps.receiver, door));
    openDoor(server.server, door, deps);
  }
  addWebhookStatus(server, deps.status, deps.clock);
  addProcessStatus(server, deps.status, deps);
  addOperatorRoutes(server, deps);
  return server;
}

/**
 * Lets deliveries in before Fastify's router, through the same door as its route: they are nearly all requests there are, and the
 * way through hooks and replies costs a seventh of what one takes.
 */
function openDoor(server: Server, door: Door, { isAccepting }: Pick<HttpServerDeps, "isAccepting">): void {
  const others = server.listeners("request");
  server.removeAllListeners("request");
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (!isDelivery(request)) {
      for (const listener of others) listener.call(server, request, response);
      return;
    }
    door(request, request.socket.remoteAddress ?? "").then((answer) => {
      if (answer === "aborted") return;
      if (!isAccepting()) response.setHeader("connection", "close");
      response.writeHead(answer.status, { ...answer.headers, "content-length": Buffer.byteLength(answer.body) });
      response.end(answer.body);
    });
  });
}

/** The one operator route of this release; `/api/v1` grows with the operator's room. */
function addOperatorRoutes(server: FastifyInstance, deps: HttpServerDeps): void {
  server.get("/api/v1/memory/search", async (request, reply) => {
    if (deps.isLoopbackOnly && !isLoopback(request.socket.remoteAddress))
      return problem(reply, { status: 403, code: "forbidden" });
    if (!isBearer(request.headers.authorization, deps.adminToken)) {
      return problem(reply.header("www-authenticate", "Bearer"), { status: 401, code: "unauthorized" });
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
      return problem(reply, {
        status: 400,
        code: "malformed",
        detail: `expected ?q=<up to ${QUERY_LENGTH_MAX} characters>&limit=<1 to ${SEARCH_LIMIT_MAX}>`,
      });
    }
    const search = (signal: AbortSignal) => deps.memory.search(text, { limit }, signal);
    return { query: text, hits: await withTimeout(deps.clock, { ms: SEARCH_TIMEOUT_MS }, search) };
  });
}

/** Constant-time also for unequal lengths: digests are compared, not texts. */
function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (/^(::ffff:)?127\./.test(address) || address === "::1");
}
