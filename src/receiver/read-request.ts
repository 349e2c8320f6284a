import type { IncomingMessage } from "node:http";

/**
 * How much of a refused body is read and thrown away, so that a sender that writes it whole before it listens gets the
 * answer and not a reset. Beyond it the connection is cut.
 */
const DISCARD_BYTES_MAX = 16 * 1_048_576;

/** A body, or why there is none. After `aborted` nobody is left to answer. */
export type ReadBody = Buffer | "too_large" | "aborted";

/** Reads a request's body, counting while it comes: what Content-Length says is believed only when it says too much. */
export function readRequest(request: IncomingMessage, bytesMax: number): Promise<ReadBody> {
  return new Promise((resolve) => {
    if (Number(request.headers["content-length"]) > bytesMax) {
      resolve("too_large");
      discard(request);
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      request.off("data", onData);
      chunks.length = 0;
      resolve("too_large");
      discard(request);
    };
    request.on("data", onData);
    request.on("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on("error", () => resolve("aborted"));
    request.on("close", () => resolve("aborted")); // Without effect once it has ended.
  });
}

function discard(request: IncomingMessage): void {
  let bytes = 0;
  request.on("error", () => undefined); // The sender may hang up on its answer; nothing is left to do.
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DISCARD_BYTES_MAX) request.destroy();
  });
}
