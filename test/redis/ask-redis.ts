import { connect } from "node:net";

const ASK_MS_MAX = 5_000;

/** One command to a server on this machine, without a client: what it answers, as it stands on the wire. */
export function askRedis(port: number, command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    socket.setTimeout(ASK_MS_MAX, () => socket.destroy(new Error(`no answer from port ${port}`)));
    socket.setEncoding("latin1"); // One character a byte, as lengths are told in bytes.
    socket.on("data", (chunk) => {
      answer += chunk;
      if (endOfReply(answer, 0) === undefined) return;
      socket.destroy();
      resolve(answer);
    });
    socket.on("error", reject);
    // SHUTDOWN answers by closing; after an answer this changes nothing.
    socket.on("close", () => resolve(answer));
    socket.write(
      `*${command.length}\r\n${command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join("")}`,
    );
  });
}

/** Where the reply that begins at `from` ends; undefined while it is not whole. */
function endOfReply(text: string, from: number): number | undefined {
  const lineEnd = text.indexOf("\r\n", from);
  if (lineEnd === -1) return undefined;
  const kind = text[from];
  const count = Number(text.slice(from + 1, lineEnd));
  let end: number | undefined = lineEnd + 2;
  if (kind === "$" && count >= 0) end += count + 2;
  if (kind === "*") for (let part = 0; part < count && end !== undefined; part += 1) end = endOfReply(text, end);
  return end !== undefined && end <= text.length ? end : undefined;
}
