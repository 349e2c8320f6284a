import assert from "node:assert/strict";
import type { Caller, Check } from "./rig.test.ts";

/** States of the runs of cognify, newest first. */
async function statesOf({ call }: Caller, dataset: string): Promise<readonly string[]> {
  const rows: readonly Readonly<Record<"pipeline_name" | "status", string | null>>[] = (
    await call("GET", `/activity/pipeline-runs?dataset_id=${dataset}&limit=1`)
  ).body;
  return rows
    .filter((row) => row.pipeline_name === "cognify_pipeline")
    .map(({ status }) => (status ?? "").replace("DATASET_PROCESSING_", ""));
}

/** What is otherwise in 1.5.2 than in 1.6.5. */
export function olderFacts(check: Check): void {
  check("1.5.2 has no processing status, no count and no progress", async (caller) => {
    const dataset = await caller.dataset();
    assert.equal((await caller.call("GET", "//health")).body.version, "1.5.2");
    assert.equal((await caller.call("GET", `/datasets/${dataset}/processing-status`)).status, 404);
    assert.equal((await caller.call("GET", `/datasets/${dataset}/data/count`)).status, 405);
    assert.equal((await caller.call("GET", `/datasets/status/progress?dataset=${dataset}`)).status, 404);
  });

  check("1.5.2 lists everything in every page, the largest first", async (caller) => {
    const dataset = await caller.dataset();
    const ids = await caller.added(dataset, [
      ["a.txt", "zebra"],
      ["b.txt", "zebra and okapi"],
    ]);
    for (const page of ["", "?limit=1&offset=1", "?limit=1000&offset=1000"]) {
      const rows: readonly { readonly id: string }[] = (await caller.call("GET", `/datasets/${dataset}/data${page}`))
        .body;
      assert.deepEqual(
        rows.map(({ id }) => id),
        [ids[1], ids[0]],
      );
    }
  });

  check("1.5.2 stores other content under a name that is there beside it", async (caller) => {
    const dataset = await caller.dataset();
    const [first] = await caller.added(dataset, [["a.txt", "zebra"]]);
    const [second] = await caller.added(dataset, [["a.txt", "okapi"]]);
    const [third] = await caller.added(dataset, [["b.txt", "zebra"]]);
    assert.notEqual(first, second);
    assert.equal(third, first, "equal content is one document");
    assert.equal((await caller.rows(dataset)).length, 2);
  });

  check(
    "1.5.2 says INITIATED after an add, and moves the row that a run takes before it says COMPLETED",
    async (caller) => {
      const dataset = await caller.dataset();
      await caller.added(dataset, [["a.txt", "zebra"]]);
      assert.deepEqual(await statesOf(caller, dataset), []);
      await caller.cognify(dataset);
      const runs = (await caller.call("GET", `/activity/pipeline-runs?dataset_id=${dataset}`)).body;
      const [row] = await caller.rows(dataset);
      assert.ok(row.createdAt < row.updatedAt && row.updatedAt <= runs[0].created_at);
      await caller.added(dataset, [["b.txt", "okapi"]]);
      assert.deepEqual(await statesOf(caller, dataset), ["INITIATED", "COMPLETED", "STARTED"]);
      const status = (await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body;
      assert.equal(status[dataset], "DATASET_PROCESSING_INITIATED");
    },
  );

  check("1.5.2 moves the row of a document that is taken out of the index, and leaves the status", async (caller) => {
    const dataset = await caller.dataset();
    const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]]);
    await caller.cognify(dataset);
    const [before] = await caller.rows(dataset);
    await caller.call("POST", "/forget", { json: { datasetId: dataset, dataId: document, memoryOnly: true } });
    const [after] = await caller.rows(dataset);
    assert.ok(after.updatedAt > before.updatedAt);
    assert.equal((await statesOf(caller, dataset))[0], "COMPLETED");
  });

  check("1.5.2 tells no metadata with a passage", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", "zebra"]], { external_metadata: JSON.stringify([{ title: "A" }]) });
    await caller.cognify(dataset);
    for (const searchType of ["CHUNKS", "CHUNKS_LEXICAL"]) {
      const [hit] = (await caller.search(dataset, "zebra", { searchType })).body[0].search_result;
      assert.equal(hit.document_name, "a");
      assert.equal(hit.external_metadata, undefined);
    }
    assert.equal((await caller.rows(dataset))[0].externalMetadata.title, "A");
  });
}
