import type { Server } from "node:http";

/** Listens on a free port of the loopback and tells it to the parent process; ends with the parent. */
export function listenAndTell(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.({ port: typeof address === "object" && address !== null ? address.port : 0 });
  });
  process.on("disconnect", () => process.exit());
}
