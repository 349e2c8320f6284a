import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { keptPort } from "./kept-port.ts";
import { type ChatRequest, chatContent } from "./model-answers.ts";
import { embed } from "./word-vectors.ts";

/** Enough that the words of a few hundred documents seldom share a place, so that ranking means something. */
const DIMENSIONS = 256;
/** Another test may be probing the port just now. */
const LISTEN_TRIES_MAX = 50;
const LISTEN_AGAIN_MS = 100;
/** A document of 200,000 bytes comes in chunks of less; embeddings come in batches of 36 (Cognee's default). */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** What is asked of an embedding endpoint. */
interface EmbeddingRequest {
  readonly model: string;
  readonly input: string | readonly string[];
  readonly dimensions?: number;
  readonly encoding_format?: "float" | "base64";
}

/** A language model that answers at once, by rule: OpenAI's chat completions with structured output, and embeddings of hashed words. */
export interface ModelStub {
  /** Where it answers, as `LLM_ENDPOINT` takes it: ends in /v1. */
  readonly url: string;
  /** Calls that arrived, also those that were refused; `texts` = texts to embed. */
  readonly counts: { readonly chat: number; readonly embeddings: number; readonly texts: number };
  /** Away: connections are refused, and those that are open end; the port is kept for the return. */
  setAway(isAway: boolean): Promise<void>;
  /** Chat calls whose text holds this word get an answer that nobody can parse: Cognee tries for four minutes. undefined = none. */
  setPoison(word: string | undefined): void;
  /** Embedding calls one of whose texts holds this word are answered 400: Cognee gives a run up within seconds. undefined = none. */
  setUnembeddable(word: string | undefined): void;
  /** Every chat call is answered with this status. undefined = as usual. */
  setChatStatus(status: number | undefined): void;
  /** How long each chat call takes. */
  setDelayMs(ms: number): void;
  /** Ends it. Idempotent. */
  close(): Promise<void>;
}

/** Starts the stub on a loopback port. */
export async function startModelStub({
  port,
  dimensions = DIMENSIONS,
}: {
  readonly port?: number;
  readonly dimensions?: number;
} = {}): Promise<ModelStub> {
  const stub = new LocalModelStub(dimensions);
  await stub.listen(port ?? (await keptPort()));
  return stub;
}

class LocalModelStub implements ModelStub {
  readonly counts = { chat: 0, embeddings: 0, texts: 0 };
  readonly #dimensions: number;
  #server: Server | undefined;
  #port = 0;
  #poison: string | undefined;
  #unembeddable: string | undefined;
  #chatStatus: number | undefined;
  #delayMs = 0;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1`;
  }

  async listen(port: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const server = createServer((request, response) => {
        this.#answer(request, response).catch((error: unknown) => {
          send(response, 500, { error: { message: error instanceof Error ? error.message : String(error) } });
        });
      });
      try {
        await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
        this.#port = port;
        this.#server = server;
        return;
      } catch (error) {
        if (tries === LISTEN_TRIES_MAX) throw error;
        await sleep(LISTEN_AGAIN_MS);
      }
    }
  }

  async setAway(isAway: boolean): Promise<void> {
    if (isAway) await this.close();
    else if (this.#server === undefined) await this.listen(this.#port);
  }

  setPoison(word: string | undefined): void {
    this.#poison = word;
  }

  setUnembeddable(word: string | undefined): void {
    this.#unembeddable = word;
  }

  setChatStatus(status: number | undefined): void {
    this.#chatStatus = status;
  }

  setDelayMs(ms: number): void {
    this.#delayMs = ms;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (request.url === "/v1/chat/completions")
      await this.#chat(body as ChatRequest, response); // The shape is OpenAI's.
    else if (request.url === "/v1/embeddings")
      this.#embed(body as EmbeddingRequest, response); // The shape is OpenAI's.
    else send(response, 404, { error: { message: `nothing at ${request.url}` } });
  }

  async #chat(body: ChatRequest, response: ServerResponse): Promise<void> {
    this.counts.chat += 1;
    if (this.#delayMs > 0) await sleep(this.#delayMs);
    if (this.#chatStatus !== undefined) {
      send(response, this.#chatStatus, { error: { message: `the stub answers ${this.#chatStatus}` } });
      return;
    }
    const isPoisoned = this.#poison !== undefined && JSON.stringify(body.messages).includes(this.#poison);
    const content = isPoisoned ? "This is not the JSON that was asked for." : chatContent(body);
    send(response, 200, {
      id: "stub",
      object: "chat.completion",
      created: 1,
      model: body.model,
      usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 },
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
    });
  }

  #embed(body: EmbeddingRequest, response: ServerResponse): void {
    const texts = typeof body.input === "string" ? [body.input] : body.input;
    this.counts.embeddings += 1;
    this.counts.texts += texts.length;
    const refused = this.#unembeddable;
    if (refused !== undefined && texts.some((text) => text.includes(refused))) {
      send(response, 400, { error: { message: "the stub does not embed this", type: "invalid_request_error" } });
      return;
    }
    const data = texts.map((text, index) => {
      const vector = embed(text, body.dimensions ?? this.#dimensions);
      return { object: "embedding", index, embedding: body.encoding_format === "base64" ? base64(vector) : vector };
    });
    send(response, 200, { object: "list", model: body.model, data, usage: { prompt_tokens: 9, total_tokens: 9 } });
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    const buffer = Buffer.from(piece as Buffer); // A request's pieces are buffers, as no encoding was set.
    bytes += buffer.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`a body of more than ${BODY_BYTES_MAX} bytes`);
    pieces.push(buffer);
  }
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function base64(vector: readonly number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString("base64");
}
