import { connect, type Socket } from "node:net";

/** One reply as the load needs it. */
export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** What a connection tells its driver. */
export interface ConnectionEvents {
  onOpen(): void;
  onReply(reply: Reply): void;
  /** The connection ended, though it should not have. */
  onCut(): void;
}

/** A keep-alive HTTP/1.1 connection with one request under way at a time. Understands replies with a Content-Length only. */
export class Connection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  #pending: Buffer | undefined;
  #isOver = false;

  constructor(port: number, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("connect", () => events.onOpen());
    this.#socket.on("data", (chunk) => this.#take(chunk));
    this.#socket.on("error", () => this.#cut());
    this.#socket.on("close", () => this.#cut());
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    const reply = parseReply(bytes);
    this.#pending = reply === undefined ? bytes : undefined;
    if (reply !== undefined) this.#events.onReply(reply);
  }

  #cut(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    this.#events.onCut();
  }
}

/** The reply, or undefined while it is not whole. */
function parseReply(bytes: Buffer): Reply | undefined {
  const text = bytes.toString("latin1");
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd));
  if (length === null) throw new Error("the load generator needs replies with a Content-Length");
  const bodyStart = headEnd + 4;
  if (text.length < bodyStart + Number(length[1])) return undefined;
  return { status: Number(text.slice(9, 12)), body: text.slice(bodyStart) };
}
