import { createServer } from "node:http";

/** A sign-in server that hands the same access token to every life of the process under test. */
export interface TokenCache {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Stands before the simulated sign-in and asks it once. Zoho gives ten access tokens in ten minutes; a campaign restarts
 * more often than that, and would then test the throttle and nothing else. (In life, a service that is restarted eleven times
 * in ten minutes waits for the throttle with its circuit open, and loses nothing.)
 */
export async function startTokenCache(accountsUrl: string): Promise<TokenCache> {
  let cached: Promise<string> | undefined;
  const ask = async (path: string, body: Buffer, type: string | undefined) => {
    const reply = await fetch(`${accountsUrl}${path}`, {
      method: "POST",
      body: new Uint8Array(body),
      headers: type === undefined ? {} : { "content-type": type },
    });
    return reply.text();
  };
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      cached ??= ask(request.url ?? "/", Buffer.concat(chunks), request.headers["content-type"]);
      const text = await cached;
      reply.writeHead(200, { "content-type": "application/json" }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
