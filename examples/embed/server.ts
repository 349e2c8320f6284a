/**
 * memhook inside a server of your own: its routes beside yours, its workers in your process.
 * Run it with `node examples/embed/server.ts` after setting the variables of docs/configuration.md (or a `.env`).
 */
import Fastify from "fastify";
import { openMemhook, readWebhookConfig } from "memhook";

const config = readWebhookConfig(process.env);
const memhook = await openMemhook(config);

const server = Fastify();
await server.register(memhook.handler.routes); // POST /webhooks/zoho, GET /webhooks/health, GET /webhooks/metrics
server.get("/ask", async (request) =>
  memhook.search(new URL(request.url, "http://localhost").searchParams.get("q") ?? ""),
);

await memhook.processor.start();
memhook.processor.setWorkers(5); // More workers while it runs.
const url = await server.listen({ host: config.http.host, port: config.http.port });
process.stdout.write(`${JSON.stringify({ url })}\n`);

// Dead letters of an earlier run, once the workers are there.
const { attempted, succeeded } = await memhook.processor.reprocess({ limit: 100 });
process.stdout.write(`${JSON.stringify({ attempted, succeeded })}\n`);

process.once("SIGTERM", async () => {
  await server.close();
  await memhook.close(); // Drains, then closes the store.
  process.stdout.write(`${JSON.stringify({ ended: true })}\n`);
});
