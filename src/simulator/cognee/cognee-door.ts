import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { Died } from "./life.ts";
import { type CogneeReply, Refusal } from "./reply.ts";
import { type Match, matchRoute, type RouteName } from "./routes.ts";
import type { ServerProcess } from "./server-process.ts";

/** Largest body taken: an add of 200 documents of 200 kB stays below. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Answers to come that are not the server's own: at most as many as tests ask for. */
const PRANKS_MAX = 1000;

/** What happens to one call of a route instead of what should. */
export type Prank =
  | { readonly kind: "fail"; readonly status: number }
  /** The connection is cut before anything is done, or when all is done and only the answer is missing. */
  | { readonly kind: "hang-up"; readonly when: "before" | "after" };

/** Pranks by route, each for one call, first come, first served. */
export class Pranks {
  readonly #waiting = new Map<RouteName, Prank[]>();

  add(name: RouteName, prank: Prank): void {
    const waiting = this.#waiting.get(name) ?? [];
    if (waiting.length >= PRANKS_MAX) throw new RangeError(`more than ${PRANKS_MAX} pranks wait for ${name}`);
    this.#waiting.set(name, [...waiting, prank]);
  }

  take(name: RouteName): Prank | undefined {
    return this.#waiting.get(name)?.shift();
  }
}

/** Makes the HTTP server of one life. */
export function openDoor(deps: {
  readonly server: ServerProcess;
  readonly pranks: Pranks;
  readonly keepAliveMs: number;
}): FastifyInstance {
  const app = fastify({ bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true, keepAliveTimeout: deps.keepAliveMs });
  // Node adds a second of its own; Cognee's server closes an idle connection on the dot.
  app.server.keepAliveTimeoutBuffer = 0;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.all("/*", (request, reply) => answer(deps, request, reply));
  return app;
}

async function answer(
  { server, pranks }: { readonly server: ServerProcess; readonly pranks: Pranks },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const url = new URL(request.url, "http://stand-in.invalid");
  const match = matchRoute(request.method, url.pathname, server.ways.missing);
  if (match.kind === "route") server.counts.calls[match.name] = (server.counts.calls[match.name] ?? 0) + 1;
  const prank = match.kind === "route" ? pranks.take(match.name) : undefined;
  if (prank?.kind === "hang-up" && prank.when === "before") return cut(request, reply);
  try {
    const replied =
      prank?.kind === "fail"
        ? refusedOnPurpose(prank.status)
        : await run(server, { match, request, query: url.searchParams });
    if (prank?.kind === "hang-up") return cut(request, reply);
    return send(reply, replied);
  } catch (error) {
    if (error instanceof Died) return cut(request, reply);
    throw error;
  }
}

/** One call: its route, sign-in, the work. */
async function run(
  server: ServerProcess,
  call: { readonly match: Match; readonly request: FastifyRequest; readonly query: URLSearchParams },
): Promise<CogneeReply> {
  const { match, request, query } = call;
  if (match.kind === "unknown") return { status: 404, body: { detail: "Not Found" } };
  if (match.kind === "wrong-method") return { status: 405, body: { detail: "Method Not Allowed" } };
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  try {
    if (match.route.isOpen !== true) server.signIn.authenticate(header);
    await server.life.wait(server.latency.callMs);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    return await match.route.handle({ server, params: match.params, query, body, header });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: error.body };
  }
}

function send(reply: FastifyReply, replied: CogneeReply): FastifyReply {
  // Said outright, so that Node adds no Keep-Alive header: Cognee's server sends none.
  void reply.code(replied.status).headers({ connection: "keep-alive", ...replied.headers });
  if (replied.text !== undefined) return reply.type("text/plain; charset=utf-8").send(replied.text);
  return reply.type("application/json").send(JSON.stringify(replied.body ?? null));
}

function cut(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}

/** A failure that a test ordered, in the shape that this status has. */
function refusedOnPurpose(status: number): CogneeReply {
  const errors: Readonly<Record<number, string>> = { 402: "Token budget exhausted", 500: "Internal server error" };
  const error = errors[status] ?? `Failed with ${status}`;
  if (status === 401) return { status, body: { detail: "Authentication required (auth posture: on purpose)." } };
  return { status, body: { error, detail: "The stand-in was told to fail." } };
}
