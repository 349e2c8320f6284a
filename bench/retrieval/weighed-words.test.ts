import assert from "node:assert/strict";
import { test } from "node:test";
import { startVectorEndpoint } from "./vector-endpoint.ts";
import { weighedWords } from "./weighed-words.ts";

const DIMENSIONS = 1_536;

function nearness(one: string, other: string): number {
  const embed = weighedWords();
  const vector = embed(other, DIMENSIONS);
  return embed(one, DIMENSIONS).reduce((sum, value, place) => sum + value * (vector[place] ?? 0), 0);
}

test("function words do not make texts near, and names do", () => {
  const question = "Who is the champion at Kestrel Robotics?";
  assert.ok(Math.abs(nearness(question, "champion kestrel robotics")) > 1 - 1e-9);
  assert.ok(nearness(question, "Who is the one that is at the office with the others?") < 0.1);
});

test("a word that is repeated a hundred times does not drown the others", () => {
  const text = `${"owner ".repeat(100)}kestrel`;
  assert.ok(nearness("kestrel", text) > 0.15);
});

test("an address is near to its parts", () => {
  assert.ok(nearness("omar.carter@evergreen.example", "Omar Carter of Evergreen") > 0.8);
});

test("a text without a telling word has a vector all the same", () => {
  for (const text of ["who is the", "", "–"]) assert.ok(Math.abs(nearness(text, text) - 1) < 1e-9, text);
});

test("the endpoint answers as OpenAI's does, in numbers or in base64, and counts", async () => {
  const endpoint = await startVectorEndpoint(weighedWords());
  try {
    const ask = async (body: unknown): Promise<unknown> => {
      const response = await fetch(`${endpoint.url}/embeddings`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200);
      return response.json();
    };
    const plain = await ask({ model: "m", input: ["kestrel", "robotics"], dimensions: 8 });
    const packed = await ask({ model: "m", input: "robotics", dimensions: 8, encoding_format: "base64" });
    const [, second] = embeddingsOf(plain);
    const [text] = embeddingsOf(packed);
    assert.ok(typeof text === "string");
    const bytes = Uint8Array.from(Buffer.from(text, "base64"));
    assert.deepEqual([...new Float32Array(bytes.buffer)], [...Float32Array.from(second as readonly number[])]);
    assert.deepEqual(endpoint.counts, { embeddings: 2, texts: 3 });
  } finally {
    await endpoint.close();
  }
});

function embeddingsOf(reply: unknown): readonly unknown[] {
  const { data } = reply as { readonly data: readonly { readonly embedding: unknown }[] }; // The shape is OpenAI's.
  return data.map(({ embedding }) => embedding);
}
