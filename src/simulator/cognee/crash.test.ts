import assert from "node:assert/strict";
import { test } from "node:test";
import { type File, openStandIn, until } from "./rig.test.ts";

const FILES = Array.from({ length: 10 }, (_, index): File => [`n${index}.txt`, `animal${index}`]);
const LABELS = { labels: JSON.stringify(FILES.map(([name]) => name)) };

test("refuses connections when it was killed, and knows everything after a restart", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["a.txt", "zebra"]]);
  await caller.cognify(dataset);
  await standIn.crash();
  await assert.rejects(caller.call("GET", "//health"));
  await standIn.restart();
  assert.equal(standIn.url, caller.target.url);
  assert.deepEqual(await caller.texts(dataset, "zebra"), ["zebra"]);
});

test("killed in an add: some rows are there, all with their labels; the same add completes them without twins", async (t) => {
  for (const stored of [0, 6]) {
    const { standIn, caller } = await openStandIn(t);
    const dataset = await caller.dataset();
    const died = standIn.crashAt("add", stored);
    await assert.rejects(caller.add(dataset, FILES, LABELS));
    await died;
    await standIn.restart();
    const rows = await caller.rows(dataset);
    assert.equal(rows.length, stored);
    for (const { name, label } of rows) assert.equal(label, `${name}.txt`);
    const path = `/datasets/status?dataset=${dataset}&pipeline=add_pipeline`;
    assert.deepEqual((await caller.call("GET", path)).body, { [dataset]: "DATASET_PROCESSING_STARTED" });
    const ids = await caller.added(dataset, FILES, LABELS);
    assert.equal(new Set(ids).size, FILES.length);
    assert.equal((await caller.rows(dataset)).length, FILES.length);
  }
});

test("killed in a cognify: STARTED for good, nothing of the run is done, the next run makes no twins", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["old.txt", "zebra"]]);
  await caller.cognify(dataset);
  await caller.added(dataset, FILES);
  const died = standIn.crashAt("cognify", 4);
  await assert.rejects(caller.cognify(dataset));
  await died;
  await standIn.restart();
  assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
    [dataset]: "DATASET_PROCESSING_STARTED",
  });
  assert.equal(await caller.pending(dataset), FILES.length);
  assert.equal((await caller.cognify(dataset)).status, 200);
  assert.equal(await caller.pending(dataset), 0);
  const found = (await caller.search(dataset, "animal1", { topK: 100 })).body[0].search_result;
  assert.equal(found.length, FILES.length + 1);
});

test("killed in a cognify: an update of a document that is still pending rebuilds it", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [document = ""] = await caller.added(dataset, FILES);
  const died = standIn.crashAt("cognify", 4);
  await assert.rejects(caller.cognify(dataset));
  await died;
  await standIn.restart();
  const { body } = await caller.update({ dataset, document }, ["n0.txt", "zebra"]);
  assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", "no_baseline"]);
  assert.equal(await caller.pending(dataset), 0);
});

test("killed while it works: nothing of the work goes on after the restart", async (t) => {
  const { standIn, clock, caller } = await openStandIn(t, { latency: { addDocumentMs: 38 } });
  const dataset = await caller.dataset();
  const adding = caller.add(dataset, FILES);
  await until(() => clock.sleepers === 1);
  await Promise.all([assert.rejects(adding), standIn.crash()]);
  await standIn.restart();
  await clock.advance(1000);
  await caller.call("GET", "/datasets"); // A whole call: time enough for work that went on.
  assert.deepEqual(await caller.rows(dataset), []);
});

test("killed in the background: the run is gone, and its lock with it", async (t) => {
  const { standIn, clock, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["a.txt", "zebra"]]);
  standIn.delayMs = 1000;
  await caller.call("POST", "/cognify", { json: { datasetIds: [dataset], runInBackground: true } });
  const waiting = caller.add(dataset, [["b.txt", "giraffe"]]);
  await until(() => standIn.counts.calls["POST /add"] === 2);
  await Promise.all([assert.rejects(waiting), standIn.crash()]);
  await standIn.restart();
  await clock.advance(1000);
  standIn.delayMs = 0;
  assert.equal(await caller.pending(dataset), 1);
  assert.equal((await caller.rows(dataset)).length, 1);
  assert.equal((await caller.cognify(dataset)).status, 200);
});

for (const [place, expected] of [
  ["update-before-writes", { text: "zebra", found: ["zebra"], again: "incremental", key: "1" }],
  ["update-writing", { text: "zebra", found: ["zebra", "giraffe"], again: "full_rebuild", key: undefined }],
  ["update-before-answer", { text: "giraffe", found: ["giraffe"], again: "unchanged", key: "1" }],
] as const) {
  test(`killed at ${place}: nothing is pending, and the same update again is ${expected.again}`, async (t) => {
    const { standIn, caller } = await openStandIn(t);
    const dataset = await caller.dataset();
    const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]], { external_metadata: '[{"key":"1"}]' });
    await caller.cognify(dataset);
    const died = standIn.crashAt(place);
    const update = () => caller.update({ dataset, document }, ["a.txt", "giraffe"]);
    await assert.rejects(update());
    await died;
    await standIn.restart();
    assert.equal((await caller.call("GET", `/datasets/${dataset}/data/${document}/raw`)).body, expected.text);
    assert.deepEqual(new Set(await caller.texts(dataset, "zebra")), new Set(expected.found));
    assert.equal(await caller.pending(dataset), 0);
    assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
      [dataset]: "DATASET_PROCESSING_COMPLETED",
    });
    const { body } = await update();
    assert.equal(body.status, expected.again);
    if (body.status === "full_rebuild") assert.equal(body.fallback.reason, "chunks_not_tiling");
    assert.deepEqual(await caller.texts(dataset, "giraffe"), ["giraffe"]);
    assert.equal((await caller.rows(dataset))[0].externalMetadata.key, expected.key);
  });
}

test("killed in a rebuild: the row is new, nothing is found, one is pending; an update or a cognify mends it", async (t) => {
  for (const mend of ["update", "cognify"]) {
    const { standIn, caller } = await openStandIn(t);
    const dataset = await caller.dataset();
    const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]]);
    await caller.cognify(dataset);
    const died = standIn.crashAt("rebuild");
    const update = () =>
      caller.update({ dataset, document }, ["a.txt", "giraffe"], { query: "&chunk_level_diff=false" });
    await assert.rejects(update());
    await died;
    await standIn.restart();
    assert.equal((await caller.call("GET", `/datasets/${dataset}/data/${document}/raw`)).body, "giraffe");
    assert.deepEqual(await caller.texts(dataset, "zebra"), []);
    assert.equal(await caller.pending(dataset), 1);
    assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
      [dataset]: "DATASET_PROCESSING_STARTED",
    });
    assert.equal((await (mend === "update" ? update() : caller.cognify(dataset))).status, 200);
    assert.deepEqual(await caller.texts(dataset, "giraffe"), ["giraffe"]);
    assert.equal(await caller.pending(dataset), 0);
  }
});

test("killed early in a delete: the document is still there; the same delete again takes it", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [document] = await caller.added(dataset, [["a.txt", "zebra"]]);
  const remove = () => caller.call("DELETE", `/datasets/${dataset}/data/${document}`);
  const died = standIn.crashAt("delete");
  await assert.rejects(remove());
  await died;
  await standIn.restart();
  assert.equal((await caller.rows(dataset)).length, 1);
  assert.equal((await remove()).status, 200);
  assert.deepEqual(await caller.rows(dataset), []);
});
