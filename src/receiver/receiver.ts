import type { IncomingMessage } from "node:http";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { BODY_BYTES_MAX, bodyBytesMaxOf, createIngest, type IngestDeps } from "./ingest.ts";
import { readRequest } from "./read-request.ts";
import { type IngestReply, Refusal, refusalReply } from "./refusal.ts";

/** What the receiver is built with. */
export type ReceiverDeps = IngestDeps;

/** Where deliveries are posted. */
export const RECEIVER_PATH = "/webhooks/zoho";

/**
 * Options of the Fastify server that carries the receiver, as in `fastify({ ...SERVER_BOUNDS })`. Node checks its two
 * request timeouts for silent and slow senders alike; Fastify by itself switches the first one off.
 */
export const SERVER_BOUNDS = {
  /** For the routes beside the receiver; it counts for itself. */
  bodyLimit: BODY_BYTES_MAX,
  /** From the first byte to the last of a request: 1 MiB in 30 s is a very slow line. */
  requestTimeout: 30_000,
  /** Idle keep-alive connections are kept a little longer than the 60 s of common proxies, which should close first. */
  keepAliveTimeout: 65_000,
  /** No limit on silence while we answer: a live stream may be quiet. Idle and slow senders meet the other bounds. */
  connectionTimeout: 0,
  /** No bound on requests per connection. */
  maxRequestsPerSocket: 0,
  http: {
    /** All headers must be there within this time; it also ends connections that never send a byte. */
    headersTimeout: 15_000,
    /** Node's own default, written down: the largest header we read is a signature list. */
    maxHeaderSize: 16_384,
    /** How often the two timeouts are checked. */
    connectionsCheckingInterval: 5_000,
  },
} as const;

/** Reads a delivery's body and judges it; `aborted` = nobody is left to answer. Never throws. */
export type Door = (request: IncomingMessage, remoteAddress: string) => Promise<IngestReply | "aborted">;

/**
 * Makes the door that all deliveries come through. It reads the body itself, so that size and authenticity are judged before the
 * media type, on bytes that no parser has touched.
 */
export function createDoor(deps: ReceiverDeps): Door {
  const ingest = createIngest(deps);
  const bodyBytesMax = bodyBytesMaxOf(deps);
  return async (request, remoteAddress) => {
    const body = await readRequest(request, bodyBytesMax);
    if (body === "aborted") return body;
    if (body === "too_large") return ingest.tooLarge();
    return ingest({ body, headers: request.headers, remoteAddress });
  };
}

/** True for a request that a door is for. Anything else at its path (other methods, odd spellings) is the plugin's. */
export function isDelivery({ method, url }: IncomingMessage): boolean {
  return method === "POST" && (url === RECEIVER_PATH || url?.startsWith(`${RECEIVER_PATH}?`) === true);
}

/**
 * A Fastify plugin that takes deliveries at RECEIVER_PATH. It answers in the first hook, so that the parsers of the server around
 * it stay as they are.
 */
export function receiverPlugin(deps: ReceiverDeps, door: Door = createDoor(deps)): FastifyPluginAsync {
  async function receive(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const answer = await door(request.raw, request.ip);
    return answer === "aborted" ? reply.hijack() : send(reply, answer);
  }

  async function refuseMethod(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    return send(reply, refusalReply(new Refusal("method_not_allowed", "use POST")));
  }

  return async (scope) => {
    const answered = async (_request: FastifyRequest, reply: FastifyReply) => reply; // The hook has answered.
    scope.route({ method: "POST", url: RECEIVER_PATH, onRequest: receive, handler: answered });
    const others = scope.supportedMethods.filter((method) => method !== "POST");
    scope.route({ method: others, url: RECEIVER_PATH, onRequest: refuseMethod, handler: answered });
  };
}

function send(reply: FastifyReply, answer: IngestReply): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}
