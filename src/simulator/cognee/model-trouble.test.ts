import assert from "node:assert/strict";
import { test } from "node:test";
import { openStandIn } from "./rig.test.ts";

test("fails a whole run for one unreadable document, names nobody, and takes back what the run made", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["old.txt", "zebra"]]);
  await caller.cognify(dataset);
  const ids = await caller.added(dataset, [
    ["a.txt", "giraffe"],
    ["b.txt", "a poisonous snake"],
    ["c.txt", "lion"],
  ]);
  standIn.poison("poisonous");
  const { status, body } = await caller.cognify(dataset);
  assert.equal(status, 409);
  assert.match(body.error, /^1 validation error for KnowledgeGraph/);
  assert.equal(body.detail, null);
  assert.ok(!ids.some((id) => JSON.stringify(body).includes(id)));
  assert.equal(await caller.pending(dataset), 3);
  assert.deepEqual(await caller.texts(dataset, "giraffe"), ["zebra"]);
  assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
    [dataset]: "DATASET_PROCESSING_ERRORED",
  });
  const path = `/activity/pipeline-runs?dataset_id=${dataset}&pipeline_name=cognify_pipeline`;
  const [latest] = (await caller.call("GET", path)).body;
  assert.deepEqual([latest.status, typeof latest.error_class], ["DATASET_PROCESSING_ERRORED", "string"]);
  standIn.cure("poisonous");
  assert.equal((await caller.cognify(dataset)).status, 200);
  assert.equal(await caller.pending(dataset), 0);
  assert.equal((await caller.texts(dataset, "giraffe"))[0], "giraffe");
});

test("fails in the background by the status alone", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["a.txt", "a poisonous snake"]]);
  standIn.poison("poisonous");
  const json = { datasetIds: [dataset], runInBackground: true };
  assert.equal((await caller.call("POST", "/cognify", { json })).body[dataset].status, "PipelineRunStarted");
  assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
    [dataset]: "DATASET_PROCESSING_ERRORED",
  });
  assert.equal((await caller.search(dataset, "snake")).status, 404);
});

test("answers 500 with litellm's words when the model is away; what is pending waits for it", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["a.txt", "zebra"]]);
  standIn.modelAway = true;
  const { status, body } = await caller.cognify(dataset);
  assert.deepEqual([status, body.error], [500, "Internal server error"]);
  assert.match(body.detail, /^litellm\./);
  assert.equal(await caller.pending(dataset), 1);
  standIn.modelAway = false;
  assert.equal((await caller.cognify(dataset)).status, 200);
  assert.deepEqual(await caller.texts(dataset, "zebra"), ["zebra"]);
});

for (const [status, errorClass] of [
  [401, "AuthenticationError"],
  [402, "LLMPaymentRequiredError"],
  [404, "NotFoundError"],
] as const) {
  test(`tells a model that answers ${status} by the class of the failed run`, async (t) => {
    const { standIn, caller } = await openStandIn(t);
    const dataset = await caller.dataset();
    const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]]);
    await caller.cognify(dataset);
    await caller.added(dataset, [["b.txt", "giraffe"]]);
    standIn.modelStatus = status;
    const cognified = await caller.cognify(dataset);
    const updated = await caller.update({ dataset, document }, ["a.txt", "lion"]);
    if (status === 402) {
      assert.deepEqual([cognified.status, cognified.body.error], [402, "Token budget exhausted"]);
      assert.equal(updated.status, 402);
      assert.match(updated.body.detail, /\[LLMPaymentRequiredError\]$/);
    } else
      for (const { status: answered, body } of [cognified, updated]) {
        assert.deepEqual([answered, body.error], [500, "Internal server error"]);
        assert.ok(body.detail.startsWith(`litellm.${errorClass}: `), body.detail);
      }
    for (const pipeline of ["cognify_pipeline", "incremental_update_pipeline"]) {
      const path = `/activity/pipeline-runs?dataset_id=${dataset}&pipeline_name=${pipeline}`;
      assert.equal((await caller.call("GET", path)).body[0].error_class, errorClass);
    }
    assert.deepEqual(await caller.texts(dataset, "zebra"), ["zebra"]);
    const { components } = (await caller.call("GET", "//health/detailed")).body;
    assert.deepEqual([components.llm_provider.status, components.embedding_service.status], ["degraded", "healthy"]);
  });
}

test("needs no model for add, delete, listing, an unchanged update and a run with nothing to do", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]]);
  await caller.cognify(dataset);
  standIn.modelAway = true;
  assert.equal((await caller.cognify(dataset)).status, 200);
  assert.equal((await caller.update({ dataset, document }, ["a.txt", "zebra"])).body.status, "unchanged");
  const [other] = await caller.added(dataset, [["b.txt", "giraffe"]]);
  assert.equal((await caller.call("DELETE", `/datasets/${dataset}/data/${other}`)).status, 200);
  assert.equal((await caller.rows(dataset)).length, 1);
});

test("keeps the old text stored and searchable when the model fails an update; the next one is in place", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]], { node_set: "tag" });
  await caller.cognify(dataset);
  const update = (text: string) => caller.update({ dataset, document }, ["a.txt", text]);
  standIn.modelAway = true;
  const away = await update("giraffe");
  standIn.modelAway = false;
  standIn.poison("poisonous");
  const unreadable = await update("a poisonous snake");
  for (const { status, body } of [away, unreadable])
    assert.deepEqual([status, body.error], [500, "Internal server error"]);
  assert.equal((await caller.call("GET", `/datasets/${dataset}/data/${document}/raw`)).body, "zebra");
  assert.deepEqual(await caller.texts(dataset, "zebra"), ["zebra"]);
  assert.equal(await caller.pending(dataset), 0);
  assert.equal((await update("giraffe")).body.status, "incremental");
});

test("fails a rebuild with 500; the new text is then stored and pending, metadata and tags are lost", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]], { external_metadata: '[{"key":"1"}]' });
  standIn.modelAway = true;
  const { status, body } = await caller.update({ dataset, document }, ["a.txt", "giraffe"]);
  assert.deepEqual([status, body.error], [500, "Internal server error"]);
  assert.equal((await caller.call("GET", `/datasets/${dataset}/data/${document}/raw`)).body, "giraffe");
  assert.equal((await caller.rows(dataset))[0].externalMetadata.key, undefined);
  standIn.modelAway = false;
  assert.equal(await caller.pending(dataset), 1);
  await caller.cognify(dataset);
  assert.deepEqual(await caller.texts(dataset, "giraffe"), ["giraffe"]);
});

test("fails a run for a text that cannot be embedded with 500, and so a search for it", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [
    ["a.txt", "zebra"],
    ["b.txt", "a poisonous snake"],
  ]);
  standIn.poison("poisonous", "unembeddable");
  const { status, body } = await caller.cognify(dataset);
  assert.deepEqual([status, body.error], [500, "Internal server error"]);
  assert.match(body.detail, /^litellm\.BadRequestError: /);
  const path = `/activity/pipeline-runs?dataset_id=${dataset}&pipeline_name=cognify_pipeline`;
  assert.equal((await caller.call("GET", path)).body[0].error_class, "BadRequestError");
  assert.deepEqual(await caller.texts(dataset, "zebra"), []);
  assert.equal((await caller.search(dataset, "poisonous")).status, 500);
});

test("cannot search by meaning without the model, by words it can", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["a.txt", "zebra"]]);
  await caller.cognify(dataset);
  standIn.modelAway = true;
  for (const searchType of ["CHUNKS", "SUMMARIES"]) {
    const { status, body } = await caller.search(dataset, "zebra", { searchType });
    assert.equal(status, 422);
    assert.match(body.detail, /\[EmbeddingException\]$/);
  }
  assert.equal((await caller.search(dataset, "zebra", { searchType: "CHUNKS_LEXICAL" })).status, 200);
  const health = await caller.call("GET", "//health");
  assert.deepEqual([health.status, health.body.health], [200, "healthy"]);
  const detailed = await caller.call("GET", "//health/detailed");
  assert.deepEqual(
    [detailed.status, detailed.body.status, detailed.body.components.llm_provider.status],
    [503, "degraded", "degraded"],
  );
  standIn.modelAway = false;
  assert.equal((await caller.call("GET", "//health/detailed")).status, 200);
});

test("fails every call that opens a broken dataset, calls itself healthy, and serves the others", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const [dataset, other] = [await caller.dataset(), await caller.dataset()];
  const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]]);
  await caller.added(other, [["a.txt", "zebra"]]);
  standIn.breakDataset(dataset);
  for (const { status, body } of [
    await caller.add(dataset, [["b.txt", "giraffe"]]),
    await caller.cognify(dataset),
    await caller.update({ dataset, document }, ["a.txt", "giraffe"]),
    await caller.search(dataset, "zebra"),
    await caller.call("POST", "/forget", { json: { datasetId: dataset, memoryOnly: true } }),
    await caller.call("DELETE", `/datasets/${dataset}/data/${document}`),
  ]) {
    assert.equal(status, 500);
    assert.match(JSON.stringify(body), /Checksum verification failed, the WAL file is corrupted/);
  }
  assert.equal((await caller.call("GET", "//health")).body.health, "healthy");
  assert.equal((await caller.cognify(other)).status, 200);
  assert.equal((await caller.rows(dataset)).length, 1);
  await standIn.crash();
  await standIn.restart();
  assert.equal((await caller.cognify(dataset)).status, 500);
  standIn.mendDataset(dataset);
  assert.equal((await caller.cognify(dataset)).status, 200);
});
