import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CogneeRefusal, faultOfRefusal } from "./cognee-faults.ts";

/** What pydantic says of a reply of the model, which it quotes. */
const quoting = (words: string) =>
  `1 validation error for KnowledgeGraph\n  Invalid JSON: expected value at line 1 column 1 [type=json_invalid, input_value='${words}', input_type=str]`;
const refusalOf = (status: number, body: unknown) => new CogneeRefusal(status, JSON.stringify(body));

describe("the class of a refusal", () => {
  test("is the word in brackets at the end of Cognee's own message", () => {
    const refusal = refusalOf(404, {
      detail: "No data found [in it], please cognify. [NoDataError]",
      remediation: "…",
    });
    assert.equal(refusal.errorClass, "NoDataError");
    assert.equal(refusal.message, "HTTP 404 NoDataError");
  });

  for (const [what, body] of [
    ["in the midst of a message", { detail: quoting("Graph of the [VipError] account") }],
    [
      "of the model's reply, at the end",
      { error: "Internal server error", detail: "litellm: read [PermissionDeniedError]" },
    ],
    ["that is no class", { detail: "Graph of the [VIP]" }],
    ["of what was sent", { detail: [{ msg: "Field required" }], body: "a [PermissionDeniedError]" }],
    ["of no JSON", "a [PermissionDeniedError]"],
  ] as const)
    test(`is not a word in brackets ${what}: it may be a customer's`, () => {
      const refusal = refusalOf(500, body);
      assert.equal(refusal.errorClass, undefined);
      assert.equal(faultOfRefusal(refusal, "updating a document").detail, "HTTP 500");
      assert.equal(faultOfRefusal(refusal, "updating a document").code, "SINK_UNAVAILABLE");
    });
});

describe("a torn store", () => {
  const torn = "Storage exception: Checksum verification failed, the WAL file is corrupted.";
  for (const body of [{ error: "Internal server error", detail: torn }, { error: torn }, { detail: torn }])
    test(`is told by ${Object.keys(body).join(", ")}`, () => {
      assert.equal(faultOfRefusal(refusalOf(500, body), "searching").code, "SINK_DAMAGED");
    });

  test("is told by a reply that is no JSON", () => {
    assert.equal(faultOfRefusal(new CogneeRefusal(500, torn), "searching").code, "SINK_DAMAGED");
  });

  for (const [what, body] of [
    ["the model said", { error: "Internal server error", detail: quoting("their database is corrupted") }],
    ["was sent", { detail: [{ msg: "Field required" }], body: "their database is corrupted" }],
  ] as const)
    test(`is not what ${what}`, () => {
      assert.equal(faultOfRefusal(refusalOf(500, body), "updating a document").code, "SINK_UNAVAILABLE");
    });
});
