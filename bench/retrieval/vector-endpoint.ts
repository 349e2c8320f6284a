import { fastify } from "fastify";
import { z } from "zod";
import type { Embed } from "./weighed-words.ts";

/** Cognee sends 36 texts at a time, each of at most a chunk. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** What is asked of an embedding endpoint. */
const embeddingRequest = z.object({
  model: z.string(),
  input: z.union([z.string(), z.array(z.string())]),
  dimensions: z.number().int().min(1),
  encoding_format: z.enum(["float", "base64"]).optional(),
});

/** An embedding endpoint as OpenAI's, on the loopback. */
export interface VectorEndpoint {
  /** As `EMBEDDING_ENDPOINT` takes it: ends in /v1. */
  readonly url: string;
  /** Calls that arrived, and texts in them. */
  readonly counts: { readonly embeddings: number; readonly texts: number };
  close(): Promise<void>;
}

/** Serves vectors of one making, and counts what is asked for. */
export async function startVectorEndpoint(embed: Embed): Promise<VectorEndpoint> {
  const counts = { embeddings: 0, texts: 0 };
  const app = fastify({ bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  app.post("/v1/embeddings", (request) => {
    const { model, input, dimensions, encoding_format: format } = embeddingRequest.parse(request.body);
    const texts = typeof input === "string" ? [input] : input;
    counts.embeddings += 1;
    counts.texts += texts.length;
    const data = texts.map((text, index) => {
      const vector = embed(text, dimensions);
      return { object: "embedding", index, embedding: format === "base64" ? base64(vector) : vector };
    });
    return { object: "list", model, data, usage: { prompt_tokens: texts.length, total_tokens: texts.length } };
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return { url: `${url}/v1`, counts, close: () => app.close() };
}

function base64(vector: readonly number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString("base64");
}
