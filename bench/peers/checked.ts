import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { listenAndTell } from "./listen.ts";

const secret = process.argv[2] ?? "";

/** Bare node:http plus what no webhook receiver can leave out: the signature and the parse. Stores nothing. */
listenAndTell(
  createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const status = isAuthentic(Buffer.concat(chunks), request.headers["x-zoho-signature"]) ? 202 : 401;
      reply.writeHead(status, { "content-type": "application/json", "content-length": 2 }).end("{}");
    });
  }),
);

function isAuthentic(body: Buffer, signature: string | string[] | undefined): boolean {
  const expected = createHmac("sha256", secret).update(body).digest();
  const given = Buffer.from(String(signature), "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  const event: unknown = JSON.parse(body.toString());
  return typeof event === "object" && event !== null && "record_id" in event;
}
