import { createServer } from "node:http";
import { listenAndTell } from "./listen.ts";

/** The least that a receiver can be: reads the body, answers 202. What memhook is measured against. */
listenAndTell(
  createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      Buffer.concat(chunks);
      reply.writeHead(202, { "content-type": "application/json", "content-length": 2 }).end("{}");
    });
  }),
);
