import { createHmac, timingSafeEqual } from "node:crypto";
import { fastify } from "fastify";

/** A delivery's event, as far as the peers look at it. */
export interface PeerEvent {
  readonly event_id: string;
  readonly record_id: string;
}

/** Puts an event where it is safe; the answer goes to the sender. */
export type Take = (event: PeerEvent, body: string) => Promise<"accepted" | "duplicate" | "full">;

/**
 * What the peers that store have in common: Fastify, the signature over the raw body, the parse, and 200 only after the
 * event was taken. Listens on a free port of the loopback, tells it to the parent process and ends with it.
 */
export async function startFastifyIngest(secret: string, take: Take): Promise<void> {
  const app = fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.post("/webhooks/zoho", async (request, reply) => {
    const { body } = request;
    if (!Buffer.isBuffer(body) || !isAuthentic(secret, body, request.headers["x-zoho-signature"])) {
      return reply.code(401).send({ status: "refused" });
    }
    const text = body.toString();
    const event: unknown = JSON.parse(text);
    if (!isPeerEvent(event)) return reply.code(400).send({ status: "malformed" });
    const status = await take(event, text);
    return reply.code(status === "full" ? 503 : 200).send({ status });
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  process.on("disconnect", () => process.exit());
  process.send?.({ port: typeof address === "object" && address !== null ? address.port : 0 });
}

function isAuthentic(secret: string, body: Buffer, signature: string | string[] | undefined): boolean {
  const expected = createHmac("sha256", secret).update(body).digest();
  const given = Buffer.from(String(signature), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function isPeerEvent(event: unknown): event is PeerEvent {
  if (typeof event !== "object" || event === null || !("event_id" in event) || !("record_id" in event)) return false;
  return typeof event.event_id === "string" && typeof event.record_id === "string";
}
