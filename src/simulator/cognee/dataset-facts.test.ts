import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { type Check, type File, NOWHERE } from "./rig.test.ts";

/** Made from the name, as version 5 is. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

/** Datasets, the listing, and what the server tells of its work. */
export function datasetFacts(check: Check): void {
  check("makes a dataset once by its name; only the answer that makes it has a zone", async ({ call }) => {
    const name = `facts_${randomUUID()}`;
    const first = await call("POST", "/datasets", { json: { name } });
    assert.equal(first.status, 200);
    assert.match(first.body.id, UUID);
    assert.match(first.body.createdAt, /Z$/);
    const again = await call("POST", "/datasets", { json: { name } });
    assert.deepEqual([again.status, again.body.id], [200, first.body.id]);
    assert.match(again.body.createdAt, STAMP);
    const listed = (await call("GET", "/datasets")).body.filter((row: { id: string }) => row.id === first.body.id);
    assert.equal(listed.length, 1);
    assert.equal(listed[0].name, name);
    assert.match(listed[0].createdAt, STAMP);
    assert.equal(listed[0].ownerId, first.body.ownerId);
  });

  check("gives a dataset its old id when it is made anew, empty", async (caller) => {
    const name = `facts_${randomUUID()}`;
    const make = async () => (await caller.call("POST", "/datasets", { json: { name } })).body.id;
    const id = await make();
    await caller.added(id, [["a.txt", "zebra"]]);
    const deleted = await caller.call("DELETE", `/datasets/${id}`);
    assert.deepEqual([deleted.status, deleted.body], [200, null]);
    assert.equal((await caller.call("GET", `/datasets/${id}/data`)).status, 403);
    assert.equal(await make(), id);
    assert.deepEqual(await caller.rows(id), []);
  });

  check("takes any name for a dataset, which later calls by name refuse", async ({ call, target }) => {
    const name = `facts ${randomUUID()}.x`;
    assert.equal((await call("POST", "/datasets", { json: { name } })).status, 200);
    const form = new FormData();
    form.set("data", new Blob(["zebra"]), "a.txt");
    form.set("datasetName", name);
    const add = await fetch(`${target.url}/api/v1/add`, {
      method: "POST",
      headers: { "x-api-key": target.apiKey },
      body: form,
    });
    assert.equal(add.status, 500);
    assert.deepEqual(await add.json(), {
      error: "Internal server error",
      detail: "Dataset name cannot contain spaces or dots.",
    });
    const cognify = await call("POST", "/cognify", { json: { datasets: [name] } });
    assert.equal(cognify.status, 409);
    assert.match(cognify.body.error, /Dataset name cannot contain spaces or dots/);
  });

  check("lists 100 rows unless told otherwise, newest first, at most 1000", async (caller) => {
    const dataset = await caller.dataset();
    const files = Array.from({ length: 101 }, (_, index): File => [`n${index}.txt`, `zebra ${index}`]);
    await caller.added(dataset, files);
    await caller.added(dataset, [["last.txt", "giraffe"]]);
    const path = `/datasets/${dataset}/data`;
    const usual = (await caller.call("GET", path)).body;
    assert.equal(usual.length, 100);
    assert.equal(usual[0].name, "last");
    assert.equal((await caller.call("GET", `${path}?limit=1000`)).body.length, 102);
    const second = (await caller.call("GET", `${path}?limit=100&offset=100`)).body;
    assert.equal(second.length, 2);
    assert.deepEqual((await caller.call("GET", `${path}/count`)).body, { count: 102 });
    for (const limit of ["0", "1001", "-1", "x"])
      assert.equal((await caller.call("GET", `${path}?limit=${limit}`)).status, 400, limit);
    assert.equal((await caller.call("GET", `${path}?limit=10&offset=-1`)).status, 400);
  });

  check("shows of a document what was sent with it", async (caller) => {
    const dataset = await caller.dataset();
    const [id] = await caller.added(dataset, [["dir/Account.77.txt", "zebra"]], {
      labels: JSON.stringify(["the label"]),
      external_metadata: JSON.stringify([{ key: "77" }]),
      node_set: ["red", "blue"],
    });
    const [row] = await caller.rows(dataset);
    assert.deepEqual(
      [row.id, row.name, row.label, row.extension, row.mimeType, row.datasetId, row.dataSize],
      [id, "Account.77", "the label", "txt", "text/plain", dataset, 5],
    );
    assert.equal(row.externalMetadata.key, "77");
    assert.ok("source_uri" in row.externalMetadata._cognee);
    assert.deepEqual(new Set(row.externalMetadata.node_set), new Set(["red", "blue"]));
    assert.match(row.createdAt, STAMP);
    assert.ok(row.rawDataLocation.endsWith(`/text_${createHash("md5").update("zebra").digest("hex")}.txt`));
  });

  check("says which documents are pending, though the status says nothing of it", async (caller) => {
    const dataset = await caller.dataset();
    const [first] = await caller.added(dataset, [["a.txt", "zebra"]]);
    const status = async () => (await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body;
    const truth = async () => (await caller.call("GET", `/datasets/${dataset}/processing-status`)).body;
    assert.deepEqual(await status(), {});
    assert.deepEqual(await truth(), {
      ...{ total: 1, completed: 0, pending: 1 },
      items: [{ id: first, name: "a", completed: false }],
    });
    assert.equal((await caller.cognify(dataset)).status, 200);
    assert.deepEqual(await status(), { [dataset]: "DATASET_PROCESSING_COMPLETED" });
    await caller.added(dataset, [["b.txt", "giraffe"]]);
    assert.deepEqual(await status(), { [dataset]: "DATASET_PROCESSING_COMPLETED" });
    const { total, completed, pending } = await truth();
    assert.deepEqual([total, completed, pending], [2, 1, 1]);
  });

  check("tells the status of several pipelines by their names", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", "zebra"]]);
    await caller.cognify(dataset);
    const path = `/datasets/status?dataset=${dataset}&pipeline=add_pipeline&pipeline=cognify_pipeline`;
    assert.deepEqual((await caller.call("GET", path)).body, {
      [dataset]: {
        add_pipeline: "DATASET_PROCESSING_COMPLETED",
        cognify_pipeline: "DATASET_PROCESSING_COMPLETED",
      },
    });
  });

  check("tells of no progress before and after a run", async (caller) => {
    const dataset = await caller.dataset();
    const progress = async () => (await caller.call("GET", `/datasets/status/progress?dataset=${dataset}`)).body;
    await caller.added(dataset, [["a.txt", "zebra"]]);
    assert.deepEqual(await progress(), {});
    await caller.cognify(dataset);
    assert.deepEqual(await progress(), { [dataset]: { status: "DATASET_PROCESSING_COMPLETED", progress: null } });
  });

  check("gives the stored text back, and 404 when there is none", async (caller) => {
    const dataset = await caller.dataset();
    const [id] = await caller.added(dataset, [["a.txt", "zebra é\n"]]);
    assert.equal((await caller.call("GET", `/datasets/${dataset}/data/${id}/raw`)).body, "zebra é\n");
    const gone = await caller.call("GET", `/datasets/${dataset}/data/${NOWHERE}/raw`);
    assert.equal(gone.status, 404);
    assert.match(gone.body.detail, /\[DataNotFoundError\]$/);
  });

  check("refuses an unknown dataset with 403 wherever it is only asked", async (caller) => {
    for (const [method, path] of [
      ["GET", `/datasets/${NOWHERE}/data`],
      ["GET", `/datasets/${NOWHERE}/data/count`],
      ["GET", `/datasets/${NOWHERE}/processing-status`],
      ["GET", `/datasets/status?dataset=${NOWHERE}`],
      ["DELETE", `/datasets/${NOWHERE}`],
    ] as const) {
      const { status, body } = await caller.call(method, path);
      assert.equal(status, 403, path);
      assert.match(body.detail, /\[PermissionDeniedError\]$/, path);
    }
    for (const { status, body } of [
      await caller.add(NOWHERE, [["a.txt", "zebra"]]),
      await caller.cognify(NOWHERE),
      await caller.search(NOWHERE, "zebra"),
    ]) {
      assert.equal(status, 403);
      assert.match(body.detail, /\[PermissionDeniedError\]$/);
    }
  });

  check("lists runs, one line for each state, newest first", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", "zebra"]]);
    const run = (await caller.cognify(dataset)).body[dataset].pipeline_run_id;
    const path = `/activity/pipeline-runs?dataset_id=${dataset}&pipeline_name=cognify_pipeline`;
    const lines: Readonly<Record<"status" | "pipeline_run_id" | "error_class" | "outcome", string | null>>[] = (
      await caller.call("GET", path)
    ).body;
    const mine = lines.filter((line) => line.pipeline_run_id === run);
    assert.equal(mine[0]?.status, "DATASET_PROCESSING_COMPLETED");
    assert.ok(mine.some(({ status }) => status === "DATASET_PROCESSING_STARTED"));
    assert.equal(mine[0]?.error_class, null);
    assert.equal((await caller.call("GET", `${path}&limit=1`)).body.length, 1);
    assert.deepEqual([mine[0]?.outcome, mine.at(-1)?.outcome], ["succeeded", null]);
    await caller.search(dataset, "zebra");
    const [search] = (await caller.call("GET", `/activity/pipeline-runs?dataset_id=${dataset}`)).body;
    assert.deepEqual(
      [search.kind, search.operation_name, search.pipeline_name, search.status],
      ["operation", "search", null, null],
    );
  });
}
