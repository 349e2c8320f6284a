import type { FastifyReply } from "fastify";

/** Asked of clients when we cannot answer: a store that restarts, or a full disk, needs some seconds. */
const RETRY_AFTER_SECONDS = "5";

/** Answers with an RFC 9457 problem document that carries a stable `code`. */
export function problem(
  reply: FastifyReply,
  { status, code, detail }: { readonly status: number; readonly code: string; readonly detail?: string },
): FastifyReply {
  const body = {
    type: `urn:memhook:problem:${code}`,
    title: code.replaceAll("_", " "),
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
  };
  if (status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply.code(status).type("application/problem+json").send(JSON.stringify(body));
}
