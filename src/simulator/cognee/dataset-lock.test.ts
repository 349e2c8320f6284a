import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Answer, openStandIn, until } from "./rig.test.ts";

const RUN_MS = 6_000;

/** A dataset with one old document, on which a cognify of another is under way. */
async function openBusy(t: TestContext) {
  const { standIn, clock, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [old = ""] = await caller.added(dataset, [["old.txt", "zebra"]]);
  await caller.cognify(dataset);
  const [pending = ""] = await caller.added(dataset, [["new.txt", "giraffe"]]);
  standIn.delayMs = RUN_MS;
  const inBackground = () =>
    caller.call("POST", "/cognify", { json: { datasetIds: [dataset], runInBackground: true } });
  assert.equal((await inBackground()).body[dataset].status, "PipelineRunStarted");
  /** Starts a call and makes sure that it has come to the server. */
  const arrived = async (route: string, start: () => Promise<Answer>) => {
    const before = standIn.counts.calls[route] ?? 0;
    const watched = { isAnswered: false };
    const answer = start().then((answered) => {
      watched.isAnswered = true;
      return answered;
    });
    await until(() => (standIn.counts.calls[route] ?? 0) > before);
    return { watched, answer };
  };
  return { standIn, clock, caller, dataset, old, pending, inBackground, arrived };
}

test("answers reads at once while a cognify runs; a search serves the old state", async (t) => {
  const { caller, dataset, clock } = await openBusy(t);
  assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
    [dataset]: "DATASET_PROCESSING_STARTED",
  });
  assert.equal((await caller.rows(dataset)).length, 2);
  assert.equal(await caller.pending(dataset), 1);
  assert.deepEqual(await caller.texts(dataset, "giraffe"), ["zebra"]);
  assert.equal((await caller.call("GET", "//health")).status, 200);
  const { body } = await caller.call("GET", `/datasets/status/progress?dataset=${dataset}`);
  assert.equal(body[dataset].status, "DATASET_PROCESSING_STARTED");
  assert.equal(body[dataset].progress, null);
  await clock.advance(RUN_MS);
  await until(() => clock.sleepers === 0);
  assert.deepEqual((await caller.texts(dataset, "giraffe"))[0], "giraffe");
});

test("lets add, delete, cognify, forget and deletion of the dataset wait for the run's end", async (t) => {
  for (const [route, start] of [
    ["POST /add", ({ caller, dataset }) => caller.add(dataset, [["late.txt", "lion"]])],
    ["POST /add", ({ caller, dataset }) => caller.add(dataset, [["late.txt", "lion"]], { run_in_background: "true" })],
    [
      "DELETE /datasets/:dataset_id/data/:data_id",
      ({ caller, dataset, old }) => caller.call("DELETE", `/datasets/${dataset}/data/${old}`),
    ],
    [
      "DELETE /datasets/:dataset_id/data/:data_id",
      ({ caller, dataset, pending }) => caller.call("DELETE", `/datasets/${dataset}/data/${pending}`),
    ],
    ["POST /cognify", ({ caller, dataset }) => caller.cognify(dataset)],
    ["POST /cognify", ({ inBackground }) => inBackground()],
    [
      "POST /forget",
      ({ caller, dataset }) => caller.call("POST", "/forget", { json: { datasetId: dataset, memoryOnly: true } }),
    ],
    ["DELETE /datasets/:dataset_id", ({ caller, dataset }) => caller.call("DELETE", `/datasets/${dataset}`)],
  ] as readonly (readonly [string, (busy: Awaited<ReturnType<typeof openBusy>>) => Promise<Answer>])[]) {
    const busy = await openBusy(t);
    const { watched, answer } = await busy.arrived(route, () => start(busy));
    await busy.caller.call("GET", "/datasets"); // A whole call more: time enough to be answered.
    assert.equal(watched.isAnswered, false, route);
    busy.standIn.delayMs = 0;
    await busy.clock.advance(RUN_MS);
    assert.equal((await answer).status, 200, route);
  }
});

test("stores what was added meanwhile after the run; it stays pending", async (t) => {
  const { caller, dataset, clock, arrived } = await openBusy(t);
  const { answer } = await arrived("POST /add", () => caller.add(dataset, [["late.txt", "lion"]]));
  assert.equal((await caller.rows(dataset)).length, 2);
  await clock.advance(RUN_MS);
  await answer;
  assert.equal((await caller.rows(dataset)).length, 3);
  assert.equal(await caller.pending(dataset), 1);
});

test("lets an update wait, then do its own work", async (t) => {
  const { caller, dataset, old, clock, arrived } = await openBusy(t);
  const { watched, answer } = await arrived("PATCH /update", () =>
    caller.update({ dataset, document: old }, ["old.txt", "lion"]),
  );
  await until(() => clock.sleepers === 1);
  await clock.advance(RUN_MS);
  await until(() => clock.sleepers === 1); // Its own model calls.
  assert.equal(watched.isAnswered, false);
  await clock.advance(RUN_MS);
  assert.equal((await answer).body.status, "incremental");
  assert.deepEqual(new Set(await caller.texts(dataset, "lion")), new Set(["lion", "giraffe"]));
});

test("does not let another dataset wait", async (t) => {
  const { caller, standIn } = await openBusy(t);
  standIn.delayMs = 0;
  const other = await caller.dataset();
  await caller.added(other, [["a.txt", "lion"]]);
  assert.equal((await caller.cognify(other)).status, 200);
  assert.deepEqual(await caller.texts(other, "lion"), ["lion"]);
});

test("refuses what waited for a dataset that was deleted meanwhile", async (t) => {
  const { caller, dataset, old, clock, standIn, arrived } = await openBusy(t);
  const deleting = await arrived("DELETE /datasets/:dataset_id", () => caller.call("DELETE", `/datasets/${dataset}`));
  const adding = await arrived("POST /add", () => caller.add(dataset, [["late.txt", "lion"]]));
  const removing = await arrived("DELETE /datasets/:dataset_id/data/:data_id", () =>
    caller.call("DELETE", `/datasets/${dataset}/data/${old}`),
  );
  await caller.call("GET", "/datasets");
  standIn.delayMs = 0;
  await clock.advance(RUN_MS);
  assert.equal((await deleting.answer).status, 200);
  const added = await adding.answer;
  assert.deepEqual([added.status, added.body.error], [500, "Internal server error"]);
  const removed = await removing.answer;
  assert.equal(removed.status, 404);
  assert.match(removed.body.detail, /\[DatasetNotFoundError\]$/);
  assert.equal((await caller.call("GET", `/datasets/${dataset}/data`)).status, 403);
});

test("goes on with the work when the client hangs up", async (t) => {
  const { standIn, clock, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  await caller.added(dataset, [["a.txt", "zebra"]]);
  standIn.delayMs = RUN_MS;
  const leaving = new AbortController();
  const given = fetch(`${standIn.url}/api/v1/cognify`, {
    method: "POST",
    headers: { "x-api-key": standIn.apiKey, "content-type": "application/json" },
    body: JSON.stringify({ datasetIds: [dataset] }),
    signal: leaving.signal,
  });
  await until(() => clock.sleepers === 1);
  leaving.abort();
  await assert.rejects(given);
  await clock.advance(RUN_MS);
  await until(() => clock.sleepers === 0);
  assert.equal(await caller.pending(dataset), 0);
});

test("tells how far a run is, document by document", async (t) => {
  const { clock, caller } = await openStandIn(t, { latency: { cognifyDocumentMs: 100 } });
  const dataset = await caller.dataset();
  await caller.added(dataset, [
    ["a.txt", "zebra"],
    ["b.txt", "giraffe"],
  ]);
  const running = caller.cognify(dataset);
  await until(() => clock.sleepers === 1);
  await clock.advance(100);
  await until(() => clock.sleepers === 1);
  const { body } = await caller.call("GET", `/datasets/status/progress?dataset=${dataset}`);
  assert.deepEqual([body[dataset].progress.completed_items, body[dataset].progress.total_items], [1, 2]);
  await clock.advance(100);
  assert.equal((await running).status, 200);
});
