import assert from "node:assert/strict";
import { test } from "node:test";
import { checkedInDocument, type Json, type JsonObject, trimDocument } from "../../scripts/generate-cognee-api.ts";
import { cogneeTier } from "./cognee-tier.ts";

/** The document that the types are generated from is what the real server says of itself. */
export function openApiSuite(): void {
  cogneeTier("Cognee's own description of its interface", (server) => {
    test("is the checked-in document (else: npm run cognee:generate)", async () => {
      const health = (await askJson(`${server().url}/health`)) as { readonly version: string }; // As measured; compared below.
      const document = (await askJson(`${server().url}/openapi.json`)) as JsonObject; // An OpenAPI document is an object.
      assert.deepEqual(trimDocument(document, health.version), checkedInDocument());
    });
  });
}

async function askJson(url: string): Promise<Json> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return (await answer.json()) as Json; // The body of an answer is JSON.
}
