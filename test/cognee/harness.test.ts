import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  checkedInDocument,
  generateTypes,
  type JsonObject,
  TYPES_FILE,
  trimDocument,
} from "../../scripts/generate-cognee-api.ts";
import { COGNEE_VERSION } from "./install.ts";
import { type ModelStub, startModelStub } from "./model-stub.ts";
import { embed } from "./word-vectors.ts";

const REF = "#/components/schemas/Choice";

/** A document whose every operation answers with this schema; it also has a schema that nothing refers to. */
function withEveryOperation(schema: JsonObject): JsonObject {
  const paths = Object.entries(checkedInDocument()["paths"] as JsonObject).map(([path, methods]) => {
    const answer = { summary: "Prose.", responses: { 200: { content: { "application/json": { schema } } } } };
    return [path, Object.fromEntries(Object.keys(methods as JsonObject).map((method) => [method, answer]))] as const;
  });
  const title = { title: "Title", type: "string", description: "Prose." };
  const schemas = {
    Choice: { title: "Choice", type: "object", properties: { title }, required: ["title"] },
    Unused: {},
  };
  return { paths: Object.fromEntries(paths), components: { schemas } };
}

describe("the types of Cognee's interface", () => {
  test("are what the checked-in document says (else: npm run cognee:generate)", () => {
    assert.equal(readFileSync(TYPES_FILE, "utf8"), generateTypes(checkedInDocument()));
  });

  test("are those of the version that the tests run", () => {
    const info = checkedInDocument()["info"] as JsonObject; // trimDocument writes an object.
    assert.equal(info["version"], COGNEE_VERSION);
  });

  test("speak of what is sent and what comes back, by status", () => {
    const schema = { type: "object", required: ["id"], properties: { id: { type: "string" }, title: { $ref: REF } } };
    const operation = {
      parameters: [{ name: "limit", in: "query", schema: { anyOf: [{ type: "integer" }, { type: "null" }] } }],
      requestBody: { content: { "application/json": { schema } } },
      responses: {
        200: { content: { "application/json": { schema: { type: "array", items: { $ref: REF } } } } },
        404: {},
      },
    };
    const types = generateTypes({
      info: { version: "0" },
      paths: { "/a": { post: operation } },
      components: { schemas: { Choice: { enum: ["one", "two"] } } },
    });
    for (const line of [
      'export type Choice = "one" | "two";',
      "    readonly query: { readonly limit?: number | null };",
      "    readonly body: { readonly id: string; readonly title?: Choice };",
      "      readonly 200: readonly Choice[];",
      "      readonly 404: unknown;",
    ])
      assert.ok(types.split("\n").includes(line), `${line}\nin\n${types}`);
  });

  test("leave prose out, and nothing else: a field may be called title", () => {
    const text = JSON.stringify(checkedInDocument());
    assert.doesNotMatch(text, /"(description|summary|examples?)":"/);
    const trimmed = trimDocument(withEveryOperation({ $ref: REF }), "0");
    const schemas = { Choice: { type: "object", properties: { title: { type: "string" } }, required: ["title"] } };
    assert.deepEqual(trimmed["components"], { schemas });
  });

  test("cannot be made of a document that lacks an operation", () => {
    assert.throws(() => trimDocument({ paths: {}, components: { schemas: {} } }, "0"), /not an object|has no GET/);
  });
});

describe("the model stub", () => {
  const withStub = (behaviour: string, body: (stub: ModelStub) => Promise<void>) =>
    test(behaviour, async () => {
      const stub = await startModelStub({ dimensions: 64 });
      try {
        await body(stub);
      } finally {
        await stub.close();
      }
    });

  withStub("answers with the graph of what it read, and describes an entity by its line", async (stub) => {
    const graph = await chatJson(stub, "KnowledgeGraph", "Acme\nPerson_Ada knows Deal_7.\nSee ada@acme.example.");
    assert.deepEqual(
      (graph["nodes"] as readonly JsonObject[]).map(({ name, type, description }) => ({ name, type, description })),
      [
        { name: "Person_Ada", type: "Person", description: "Person_Ada knows Deal_7." },
        { name: "Deal_7", type: "Deal", description: "Person_Ada knows Deal_7." },
        { name: "ada@acme.example", type: "Person", description: "See ada@acme.example." },
      ],
    );
    assert.equal((graph["edges"] as readonly JsonObject[]).length, 2);
  });

  withStub("summarises by the beginning", async (stub) => {
    const summary = await chatJson(stub, "SummarizedContent", `${"a".repeat(150)}${"b".repeat(150)}`);
    assert.equal(summary["summary"], `${"a".repeat(150)}${"b".repeat(50)}`);
  });

  withStub("answers what nobody can parse where the poison is, and only there", async (stub) => {
    stub.setPoison("arsenic");
    await assert.rejects(chatJson(stub, "KnowledgeGraph", "some arsenic"), SyntaxError);
    assert.deepEqual(await chatJson(stub, "KnowledgeGraph", "some sugar"), { nodes: [], edges: [] });
    stub.setPoison(undefined);
    assert.deepEqual(await chatJson(stub, "KnowledgeGraph", "some arsenic"), { nodes: [], edges: [] });
  });

  withStub("refuses to embed where it was told so, and counts calls and texts", async (stub) => {
    stub.setUnembeddable("lead");
    assert.equal((await ask(stub, "embeddings", { model: "m", input: ["gold", "lead"] })).status, 400);
    const answer = await ask(stub, "embeddings", { model: "m", input: ["gold"] });
    assert.equal(answer.status, 200);
    assert.deepEqual(stub.counts, { chat: 0, embeddings: 2, texts: 3 });
    const { data } = (await answer.json()) as { readonly data: readonly { readonly embedding: readonly number[] }[] };
    assert.equal(data[0]?.embedding.length, 64);
  });

  withStub("answers with the status it was told", async (stub) => {
    stub.setChatStatus(401);
    assert.equal((await ask(stub, "chat/completions", { model: "m", messages: [] })).status, 401);
  });

  withStub("refuses connections while it is away, and is back on the same port", async (stub) => {
    const { url } = stub;
    await stub.setAway(true);
    await stub.setAway(true);
    await assert.rejects(chatJson(stub, "KnowledgeGraph", "x"), /fetch failed/);
    await stub.setAway(false);
    assert.equal(stub.url, url);
    assert.deepEqual(await chatJson(stub, "KnowledgeGraph", "x"), { nodes: [], edges: [] });
    assert.equal(stub.counts.chat, 1);
  });
});

test("texts are the nearer, the more words they share", () => {
  const nearness = (one: string, other: string) => {
    const vector = embed(other, 256);
    return embed(one, 256).reduce((sum, value, place) => sum + value * (vector[place] ?? 0), 0);
  };
  const question = "who is the champion at Acme";
  assert.ok(nearness(question, "Jane is the champion at Acme.") > nearness(question, "Gears cost money at Globex."));
  assert.ok(Math.abs(nearness(question, question) - 1) < 1e-9);
});

function ask(stub: ModelStub, path: string, body: unknown): Promise<Response> {
  return fetch(`${stub.url}/${path}`, { method: "POST", body: JSON.stringify(body) });
}

/** What a structured chat call answers, parsed. */
async function chatJson(stub: ModelStub, name: string, content: string): Promise<JsonObject> {
  const format = { type: "json_schema", json_schema: { name } };
  const messages = [{ role: "user", content }];
  const answer = await ask(stub, "chat/completions", { model: "m", messages, response_format: format });
  const { choices } = (await answer.json()) as {
    readonly choices: readonly { readonly message: { readonly content: string } }[];
  };
  return JSON.parse(choices[0]?.message.content ?? "") as JsonObject; // The stub answers objects.
}
