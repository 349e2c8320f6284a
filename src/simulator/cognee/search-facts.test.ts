import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Caller, type Check, NOWHERE } from "./rig.test.ts";

/** What `POST /search` finds, and how it refuses. */
export function searchFacts(check: Check): void {
  check("finds the nearest pieces, nearest first, with a distance, their document and its metadata", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    const { status, body } = await caller.search(dataset, "the zebra");
    assert.equal(status, 200);
    assert.equal(body.length, 1);
    assert.deepEqual([body[0].dataset_id, body[0].dataset_tenant_id], [dataset, null]);
    const hits = body[0].search_result;
    assert.equal(hits.length, 3);
    assert.deepEqual([hits[0].document_id, hits[0].document_name, hits[0].chunk_index], [ids[0], "zebra", 0]);
    assert.equal(hits[0].text.trim(), "The zebra stands at the river.");
    assert.equal(JSON.parse(hits[0].external_metadata).key, "zebra");
    assert.ok(Array.isArray(hits[0].belongs_to_set));
    assert.equal(typeof hits[0].created_at, "number");
    const scores: number[] = hits.map((hit: { score: number }) => hit.score);
    assert.deepEqual(
      scores,
      scores.toSorted((one, other) => one - other),
    );
    assert.ok((scores[0] ?? 1) < (scores[2] ?? 0), String(scores));
  });

  check("finds the nearest topK even when nothing matches", async (caller) => {
    const { dataset } = await zoo(caller);
    for (const searchType of ["CHUNKS", "CHUNKS_LEXICAL"]) {
      const found = await caller.search(dataset, "xylophone", { searchType, topK: 2 });
      assert.equal(found.body[0].search_result.length, 2, searchType);
    }
  });

  check("gives no score in a lexical search, and ranks the word first", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    const hits = (await caller.search(dataset, "giraffe", { searchType: "CHUNKS_LEXICAL" })).body[0].search_result;
    assert.equal(hits[0].document_id, ids[1]);
    assert.equal(hits[0].score ?? undefined, undefined);
  });

  check("searches summaries, which name their piece and not the document", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    const found = await caller.search(dataset, "lion", { searchType: "SUMMARIES" });
    assert.equal(found.status, 200);
    const hit = found.body[0].search_result.find((one: { text: string }) => one.text.includes("lion"));
    assert.deepEqual([hit.document_id, hit.external_metadata], [null, null]);
    const pieces = (await caller.search(dataset, "lion")).body[0].search_result;
    const piece = pieces.find((one: { id: string }) => one.id === hit.source_chunk_id);
    assert.equal(piece.document_id, ids[2]);
  });

  check("filters by tags", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    const found = await caller.search(dataset, "zebra", { nodeName: ["lions"] });
    assert.deepEqual(
      found.body[0].search_result.map((hit: { document_id: string }) => hit.document_id),
      [ids[2]],
    );
    assert.deepEqual((await caller.search(dataset, "zebra", { nodeName: ["nothing"] })).body[0].search_result, []);
  });

  check(
    "answers 404 where nothing was ever cognified; beside a warm dataset the cold one carries an error",
    async (caller) => {
      const cold = await caller.dataset();
      await caller.added(cold, [["a.txt", "zebra"]]);
      const refused = await caller.search(cold, "zebra");
      assert.equal(refused.status, 404);
      assert.match(refused.body.detail, /\[NoDataError\]$/);
      const { dataset } = await zoo(caller);
      const both = await caller.search(cold, "zebra", { datasetIds: [cold, dataset] });
      assert.equal(both.status, 200);
      const entry = (id: string) => both.body.find((one: { dataset_id: string }) => one.dataset_id === id);
      assert.deepEqual(entry(cold).search_result, []);
      assert.ok(entry(cold).error);
      assert.equal(entry(dataset).search_result.length, 3);
    },
  );

  check("does not find what was added and not cognified", async (caller) => {
    const { dataset } = await zoo(caller);
    await caller.added(dataset, [["new.txt", "xylophone"]]);
    assert.ok(!(await caller.texts(dataset, "xylophone")).includes("xylophone"));
  });

  check("refuses an unknown name, an unknown type, an empty question and a topK of 0", async (caller) => {
    const { dataset } = await zoo(caller);
    const byName = await caller.call("POST", "/search", {
      json: { query: "zebra", searchType: "CHUNKS", datasets: [`facts_${randomUUID()}`] },
    });
    assert.equal(byName.status, 404);
    assert.match(byName.body.detail, /\[DatasetNotFoundError\]$/);
    assert.equal((await caller.search(dataset, "zebra", { searchType: "NONE" })).status, 400);
    assert.equal((await caller.search(dataset, "")).status, 500);
    const noTop = await caller.search(dataset, "zebra", { topK: 0 });
    assert.equal(noTop.status, 422);
    assert.match(noTop.body.detail, /\[QueryValidationError\]$/);
  });

  check("takes keys in snake case, and passes over unknown ones", async (caller) => {
    const { dataset } = await zoo(caller);
    const { status, body } = await caller.call("POST", "/search", {
      json: { query: "zebra", search_type: "CHUNKS", dataset_ids: [dataset], top_k: 1, unknown: true },
    });
    assert.deepEqual([status, body[0].search_result.length], [200, 1]);
  });
}

/** What delete and forget take away. */
export function deleteFacts(check: Check): void {
  check(
    "deletes a document at once from listing and searches; again, and an unknown one, is a success",
    async (caller) => {
      const { dataset, ids } = await zoo(caller);
      for (const id of [ids[0], ids[0], NOWHERE]) {
        const { status, body } = await caller.call("DELETE", `/datasets/${dataset}/data/${id}`);
        assert.deepEqual([status, body], [200, null]);
      }
      assert.equal((await caller.rows(dataset)).length, 2);
      for (const searchType of ["CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"])
        assert.ok(!JSON.stringify((await caller.search(dataset, "zebra", { searchType })).body[0]).includes("zebra"));
    },
  );

  check("deletes a document in a dataset never cognified", async (caller) => {
    const dataset = await caller.dataset();
    const [id] = await caller.added(dataset, [["a.txt", "zebra"]]);
    assert.equal((await caller.call("DELETE", `/datasets/${dataset}/data/${id}`)).status, 200);
    assert.deepEqual(await caller.rows(dataset), []);
  });

  check("refuses to delete in an unknown dataset with 401, though the key is good", async (caller) => {
    const { status, body } = await caller.call("DELETE", `/datasets/${NOWHERE}/data/${NOWHERE}`);
    assert.equal(status, 401);
    assert.match(body.detail, /\[UnauthorizedDataAccessError\]$/);
  });

  check("forgets a document, twice", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    for (let count = 0; count < 2; count += 1) {
      const { status, body } = await caller.call("POST", "/forget", { json: { datasetId: dataset, dataId: ids[0] } });
      assert.equal(status, 200);
      assert.deepEqual([body.dataset_id, body.data_id], [dataset, ids[0]]);
    }
    assert.equal((await caller.rows(dataset)).length, 2);
  });

  check(
    "forgets the memory only: rows, labels and tags stay, all is pending, a cognify brings it back",
    async (caller) => {
      const { dataset } = await zoo(caller);
      const before = await caller.rows(dataset);
      const forgotten = await caller.call("POST", "/forget", { json: { datasetId: dataset, memoryOnly: true } });
      assert.equal(forgotten.status, 200);
      assert.equal(forgotten.body.data_records_reset, 3);
      assert.equal(await caller.pending(dataset), 3);
      assert.deepEqual((await caller.call("GET", `/datasets/status?dataset=${dataset}`)).body, {
        [dataset]: "DATASET_PROCESSING_COMPLETED",
      });
      assert.deepEqual(await caller.texts(dataset, "zebra"), []);
      await caller.cognify(dataset);
      assert.equal((await caller.texts(dataset, "zebra"))[0], "The zebra stands at the river.");
      const after = await caller.rows(dataset);
      for (const name of ["id", "label", "externalMetadata"])
        assert.deepEqual(
          after.map((row) => row[name]),
          before.map((row) => row[name]),
        );
    },
  );

  check("forgets the memory of one document only", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    const json = { datasetId: dataset, dataId: ids[0], memoryOnly: true };
    assert.equal((await caller.call("POST", "/forget", { json })).status, 200);
    assert.equal(await caller.pending(dataset), 1);
    assert.equal((await caller.texts(dataset, "giraffe"))[0], "The giraffe eats the tree.");
  });

  check("refuses to forget an unknown dataset: 403 by id, 404 by name; and nothing at all: 422", async (caller) => {
    assert.equal((await caller.call("POST", "/forget", { json: { datasetId: NOWHERE } })).status, 403);
    const byName = await caller.call("POST", "/forget", { json: { dataset: `facts_${randomUUID()}` } });
    assert.equal(byName.status, 404);
    assert.equal((await caller.call("POST", "/forget", { json: {} })).status, 422);
  });

  check("finds nothing when the last document is gone", async (caller) => {
    const { dataset, ids } = await zoo(caller);
    for (const id of ids) await caller.call("DELETE", `/datasets/${dataset}/data/${id}`);
    assert.deepEqual(await caller.texts(dataset, "zebra"), []);
    assert.equal((await caller.search(dataset, "zebra", { searchType: "CHUNKS_LEXICAL" })).status, 404);
  });

  check("forgets a whole dataset", async (caller) => {
    const { dataset } = await zoo(caller);
    assert.equal((await caller.call("POST", "/forget", { json: { datasetId: dataset } })).status, 200);
    assert.equal((await caller.call("GET", `/datasets/${dataset}/data`)).status, 403);
  });
}

/** Three documents, cognified. */
async function zoo(caller: Caller): Promise<{ readonly dataset: string; readonly ids: readonly string[] }> {
  const dataset = await caller.dataset();
  const zebras = await caller.added(
    dataset,
    [
      ["zebra.txt", "The zebra stands at the river."],
      ["giraffe.txt", "The giraffe eats the tree."],
    ],
    { labels: '["z","g"]', external_metadata: '[{"key":"zebra"},{"key":"giraffe"}]', node_set: "grazers" },
  );
  const lions = await caller.added(dataset, [["lion.txt", "A lion sleeps under the sun."]], { node_set: "lions" });
  assert.equal((await caller.cognify(dataset)).status, 200);
  return { dataset, ids: [...zebras, ...lions] };
}
