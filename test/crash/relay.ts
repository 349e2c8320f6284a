import { createServer } from "node:http";
import type { RecordRef } from "../../src/account.ts";
import type { Sender } from "./sender.ts";

/** Stands between the simulated CRM and memhook, so that the campaign sees every delivery and its fate. */
export interface Relay {
  readonly url: string;
  /** Deliveries that came from the CRM. */
  readonly received: number;
  close(): Promise<void>;
}

/** Headers that a delivery keeps on its way; the connection's own are made anew. */
const KEPT_HEADERS = ["content-type", "x-zoho-signature", "x-zoho-timestamp"];

/** Takes whatever the CRM posts, answers 200 at once, and hands it to the sender byte for byte. */
export async function startRelay(sender: Sender): Promise<Relay> {
  let received = 0;
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received += 1;
      const body = Buffer.concat(chunks).toString();
      const headers: Record<string, string> = {};
      for (const name of KEPT_HEADERS) {
        const value = request.headers[name];
        if (typeof value === "string") headers[name] = value;
      }
      sender.send({ headers, body, records: recordsIn(body) });
      reply.writeHead(200, { "content-length": 0 }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    get received() {
      return received;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The records that a callback or a signed note names. */
function recordsIn(body: string): RecordRef[] {
  const delivery: unknown = JSON.parse(body);
  if (typeof delivery !== "object" || delivery === null || !("module" in delivery)) return [];
  const module = String(delivery.module);
  const ids = "ids" in delivery ? delivery.ids : "record_id" in delivery ? [delivery.record_id] : [];
  return Array.isArray(ids) ? ids.map((id) => ({ module, recordId: String(id) })) : [];
}
