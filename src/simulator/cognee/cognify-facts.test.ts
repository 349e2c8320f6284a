import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Check } from "./rig.test.ts";

/** What `POST /cognify` does when all goes well. */
export function cognifyFacts(check: Check): void {
  check("makes what is pending searchable, and tells of every document of the dataset", async (caller) => {
    const dataset = await caller.dataset();
    const [first] = await caller.added(dataset, [["a.txt", "zebra"]]);
    const one = await caller.cognify(dataset);
    assert.equal(one.status, 200);
    assert.equal(one.body[dataset].status, "PipelineRunCompleted");
    assert.equal(one.body[dataset].dataset_id, dataset);
    assert.deepEqual(await caller.texts(dataset, "zebra"), ["zebra"]);
    const [second] = await caller.added(dataset, [["b.txt", "giraffe"]]);
    const reports: { data_id: string; run_info: { status: string } }[] = (await caller.cognify(dataset)).body[dataset]
      .data_ingestion_info;
    assert.deepEqual(
      new Map(reports.map(({ data_id, run_info }) => [data_id, run_info.status])),
      new Map([
        [first, "PipelineRunAlreadyCompleted"],
        [second, "PipelineRunCompleted"],
      ]),
    );
    assert.equal(await caller.pending(dataset), 0);
    assert.equal((await caller.texts(dataset, "giraffe"))[0], "giraffe");
  });

  check("calls an empty dataset done, which no search takes for one", async (caller) => {
    const dataset = await caller.dataset();
    const { status, body } = await caller.cognify(dataset);
    assert.deepEqual([status, body[dataset].data_ingestion_info], [200, []]);
    assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
      [dataset]: "DATASET_PROCESSING_COMPLETED",
    });
    assert.equal((await caller.search(dataset, "zebra")).status, 404);
  });

  check("answers well when nothing is pending", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", "zebra"]]);
    await caller.cognify(dataset);
    const again = await caller.cognify(dataset);
    assert.deepEqual([again.status, again.body[dataset].status], [200, "PipelineRunCompleted"]);
    assert.equal((await caller.texts(dataset, "zebra")).length, 1);
  });

  check("takes several datasets in one call", async (caller) => {
    const datasets = [await caller.dataset(), await caller.dataset()];
    for (const dataset of datasets) await caller.added(dataset, [["a.txt", "zebra"]]);
    const { status, body } = await caller.call("POST", "/cognify", { json: { dataset_ids: datasets } });
    assert.equal(status, 200);
    assert.deepEqual(new Set(Object.keys(body)), new Set(datasets));
  });

  check("makes the dataset of an unknown name", async (caller) => {
    const name = `facts_${randomUUID()}`;
    const { status } = await caller.call("POST", "/cognify", { json: { datasets: [name] } });
    assert.equal(status, 200);
    const listed: { name: string }[] = (await caller.call("GET", "/datasets")).body;
    assert.equal(listed.filter((row) => row.name === name).length, 1);
  });

  check("refuses a call that names no dataset with 400", async (caller) => {
    assert.equal((await caller.call("POST", "/cognify", { json: {} })).status, 400);
  });

  check("answers at once in the background, with the run begun", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", "zebra"]]);
    const { status, body } = await caller.call("POST", "/cognify", {
      json: { datasetIds: [dataset], runInBackground: true },
    });
    assert.deepEqual([status, body[dataset].status], [200, "PipelineRunStarted"]);
    assert.match(body[dataset].pipeline_run_id, /^[0-9a-f-]{36}$/);
    assert.match(
      (await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body[dataset],
      /^DATASET_PROCESSING_(STARTED|COMPLETED)$/,
    );
    // A second one waits for the first, as the facts say of the lock.
    await caller.cognify(dataset);
    assert.equal(await caller.pending(dataset), 0);
  });
}
