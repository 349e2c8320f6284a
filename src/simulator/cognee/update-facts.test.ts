import assert from "node:assert/strict";
import { type Caller, type Check, formOf, NOWHERE, type Place } from "./rig.test.ts";

const MARKS = { labels: '["the label"]', external_metadata: '[{"key":"1"}]', node_set: "tag" };

/** What `PATCH /update` changes, keeps and loses. */
export function updateFacts(check: Check): void {
  check(
    "changes an indexed document in place: id, label, metadata and tags stay, the new name is taken",
    async (caller) => {
      const place = await indexed(caller, "zebra");
      const { status, body } = await caller.update(place, ["renamed.txt", "giraffe"]);
      assert.equal(status, 200);
      assert.deepEqual([body.status, body.fallback, body.error], ["incremental", null, null]);
      assert.deepEqual([body.data_id, body.dataset_id], [place.document, place.dataset]);
      assert.deepEqual([body.added_chunks, body.deleted_chunks, body.total_chunks], [1, 1, 1]);
      assert.deepEqual(await marksOf(caller, place), { name: "renamed", label: "the label", key: "1", tags: ["tag"] });
      assert.deepEqual(await caller.texts(place.dataset, "giraffe"), ["giraffe"]);
      assert.equal(await raw(caller, place), "giraffe");
      assert.equal(await caller.pending(place.dataset), 0);
    },
  );

  check("leaves an indexed document of the same bytes as it is, with its old name", async (caller) => {
    const place = await indexed(caller, "zebra");
    const { status, body } = await caller.update(place, ["renamed.txt", "zebra"]);
    assert.deepEqual([status, body.status, body.pipeline_run_id], [200, "unchanged", null]);
    assert.deepEqual(await marksOf(caller, place), { name: "a", label: "the label", key: "1", tags: ["tag"] });
  });

  check("rebuilds for tags, or without the diff, though the bytes are the same", async (caller) => {
    const place = await indexed(caller, "zebra");
    for (const [options, reason] of [
      [{ fields: { node_set: "new" } }, "unsupported_metadata"],
      [{ query: "&chunk_level_diff=false" }, "disabled"],
    ] as const) {
      const { body } = await caller.update(place, ["a.txt", "zebra"], options);
      assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", reason]);
    }
  });

  check("ignores labels and metadata in an update", async (caller) => {
    const place = await indexed(caller, "zebra");
    const fields = { labels: '["other"]', external_metadata: '[{"key":"2"}]' };
    assert.equal((await caller.update(place, ["a.txt", "giraffe"], { fields })).body.status, "incremental");
    const { label, key } = await marksOf(caller, place);
    assert.deepEqual([label, key], ["the label", "1"]);
  });

  check("cuts anew only what changed of a long text", async (caller) => {
    const lines = Array.from(
      { length: 900 },
      (_, index) => `Line ${index} tells of the zebra at the river ${index}.\n`,
    );
    const place = await indexed(caller, lines.join(""));
    const { body } = await caller.update(place, ["a.txt", lines.with(450, "Here stands a giraffe.\n").join("")]);
    assert.equal(body.status, "incremental");
    assert.ok(body.kept_chunks >= 1, JSON.stringify(body));
    assert.ok(body.total_chunks > body.added_chunks, JSON.stringify(body));
    const found = await caller.texts(place.dataset, "giraffe");
    assert.ok(found.some((text) => text.includes("Here stands a giraffe.")));
  });

  check("rebuilds what is pending in a dataset never cognified, with all else that is pending", async (caller) => {
    const dataset = await caller.dataset();
    const [document = ""] = await caller.added(dataset, [["a.txt", "zebra"]], MARKS);
    await caller.added(dataset, [["b.txt", "lion"]]);
    const { body } = await caller.update({ dataset, document }, ["a.txt", "giraffe"]);
    assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", "unsupported_backend"]);
    assert.deepEqual([body.total_chunks, body.data_id], [null, document]);
    assert.deepEqual(await marksOf(caller, { dataset, document }), lost("a"));
    assert.equal(await caller.pending(dataset), 0);
    assert.equal((await caller.texts(dataset, "lion"))[0], "lion");
  });

  check(
    "rebuilds what is pending in a dataset with a graph: metadata and tags are lost, the label stays",
    async (caller) => {
      const { dataset } = await indexed(caller, "zebra");
      const [document = ""] = await caller.added(dataset, [["b.txt", "lion"]], MARKS);
      await caller.added(dataset, [["c.txt", "tiger"]]);
      const { body } = await caller.update({ dataset, document }, ["b.txt", "giraffe"]);
      assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", "no_baseline"]);
      assert.deepEqual(await marksOf(caller, { dataset, document }), lost("b"));
      assert.equal(await caller.pending(dataset), 0);
    },
  );

  check("rebuilds when the diff is switched off", async (caller) => {
    const place = await indexed(caller, "zebra");
    const { body } = await caller.update(place, ["a.txt", "giraffe"], { query: "&chunk_level_diff=false" });
    assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", "disabled"]);
    assert.deepEqual(await marksOf(caller, place), lost("a"));
  });

  check("rebuilds when tags are sent, which are then the document's; metadata is lost", async (caller) => {
    const place = await indexed(caller, "zebra");
    const { body } = await caller.update(place, ["a.txt", "giraffe"], { fields: { node_set: "new" } });
    assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", "unsupported_metadata"]);
    assert.deepEqual(await marksOf(caller, place), { ...lost("a"), tags: ["new"] });
  });

  check("takes an empty text, which no search finds, and rebuilds what comes after it", async (caller) => {
    const place = await indexed(caller, "zebra");
    assert.equal((await caller.update(place, ["a.txt", ""])).status, 200);
    assert.deepEqual(await caller.texts(place.dataset, "zebra"), []);
    assert.equal((await caller.rows(place.dataset)).length, 1);
    const { body } = await caller.update(place, ["a.txt", "giraffe"]);
    assert.deepEqual([body.status, body.fallback.reason], ["full_rebuild", "no_baseline"]);
    assert.deepEqual(await caller.texts(place.dataset, "giraffe"), ["giraffe"]);
  });

  check("takes the text of another document: two rows of equal bytes", async (caller) => {
    const place = await indexed(caller, "zebra");
    const [other = ""] = await caller.added(place.dataset, [["b.txt", "giraffe"]]);
    await caller.cognify(place.dataset);
    assert.equal((await caller.update(place, ["a.txt", "giraffe"])).status, 200);
    const rows = await caller.rows(place.dataset);
    assert.deepEqual(new Set(rows.map(({ id }) => id)), new Set([place.document, other]));
    assert.equal(new Set(rows.map((row) => row.rawDataLocation.split("/").at(-1))).size, 1);
  });

  check("answers 404 to an unknown document and to an unknown dataset alike", async (caller) => {
    const { dataset } = await indexed(caller, "zebra");
    for (const place of [
      { dataset, document: NOWHERE },
      { dataset: NOWHERE, document: NOWHERE },
    ]) {
      const { status, body } = await caller.update(place, ["a.txt", "giraffe"]);
      assert.equal(status, 404);
      assert.match(body.detail, /\[UpdateTargetNotFoundError\]$/);
    }
  });

  check("takes exactly one file", async (caller) => {
    const { dataset, document } = await indexed(caller, "zebra");
    const path = `/update?dataset_id=${dataset}&data_id=${document}`;
    const two = await caller.call("PATCH", path, {
      form: formOf([
        ["a.txt", "giraffe"],
        ["b.txt", "lion"],
      ]),
    });
    assert.equal(two.status, 415);
    assert.match(two.body.detail, /\[IngestionError\]$/);
    assert.equal((await caller.call("PATCH", path, { form: formOf([], { node_set: "tag" }) })).status, 400);
    assert.equal((await caller.call("PATCH", "/update", { form: formOf([["a.txt", "x"]]) })).status, 400);
  });
}

/** A document with all marks, indexed. */
async function indexed(caller: Caller, text: string): Promise<Place> {
  const dataset = await caller.dataset();
  const [document = ""] = await caller.added(dataset, [["a.txt", text]], MARKS);
  assert.equal((await caller.cognify(dataset)).status, 200);
  return { dataset, document };
}

async function marksOf(caller: Caller, place: Place) {
  const row = (await caller.rows(place.dataset)).find(({ id }) => id === place.document);
  const metadata = row.externalMetadata ?? {};
  return { name: row.name, label: row.label, key: metadata.key, tags: metadata.node_set ?? [] };
}

function lost(name: string) {
  return { name, label: "the label", key: undefined, tags: [] };
}

async function raw(caller: Caller, place: Place): Promise<string> {
  return (await caller.call("GET", `/datasets/${place.dataset}/data/${place.document}/raw`)).body;
}
