import { createServer, type Socket, connect as toServer } from "node:net";
import type { TestContext } from "node:test";
import type { Script } from "../../src/engines/redis/connection.ts";
import type { RedisAddress } from "../../src/redis-address.ts";

/** A way to Redis that can lose an answer. */
export interface ReplyCutter {
  readonly address: RedisAddress;
  /** The next call of this script is done, and its answer lost with the connection. Resolves when it is. */
  cut(script: Script): Promise<void>;
}

/** Stands between a process and a server, until the test ends. */
export async function startReplyCutter(
  context: TestContext,
  to: RedisAddress & { kind: "single" },
): Promise<ReplyCutter> {
  let awaited: { readonly sha: string; readonly done: () => void } | undefined;
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = toServer(to.port, to.host);
    let cutting: (() => void) | undefined;
    near.on("data", (sent) => {
      if (awaited !== undefined && sent.includes(awaited.sha)) {
        cutting = awaited.done;
        awaited = undefined;
      }
      far.write(sent);
    });
    far.on("data", (answered) => {
      if (cutting === undefined) near.write(answered);
      else near.destroy();
    });
    near.on("close", () => {
      far.destroy();
      cutting?.();
    });
    far.on("close", () => near.destroy());
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
  });
  const port = await new Promise<number>((resolve) => {
    proxy.listen(0, "127.0.0.1", () => {
      const address = proxy.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  context.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    address: { ...to, port },
    cut: (script) =>
      new Promise((done) => {
        awaited = { sha: script.sha, done };
      }),
  };
}
