import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { animalDocument, cogneeWorld, putOf, putsOf, refOf } from "../../../test/fakes/cognee-world.ts";
import { CogneeRefusal, faultOfRefusal } from "./cognee-faults.ts";

const never = new AbortController().signal;
const documents = [1, 2].map((id) => animalDocument(id, "zebra"));

/** A dataset with two indexed documents, whose store breaks. */
async function brokenWorld(t: TestContext) {
  const world = await cogneeWorld(t);
  const stored = await world.memory.put(putsOf(documents), never);
  await world.memory.flush(never);
  const [dataset] = (await world.call("GET", "/datasets")) as { id: string }[]; // The stand-in's documented shape.
  const datasetId = dataset?.id ?? "";
  world.standIn.breakDataset(datasetId);
  return { ...world, datasetId, sinkRefs: stored.map(refOf) };
}

describe("a dataset whose store a crash has torn", () => {
  test("fails no document: an update is refused as if it were this one's fault", async (t) => {
    const { memory, sinkRefs } = await brokenWorld(t);
    const updates = sinkRefs.map((sinkRef, index) => putOf(animalDocument(index + 1, "okapi"), { sinkRef }));
    await assert.rejects(memory.put(updates, never), { code: "SINK_DAMAGED", retry: "pause" });
  });

  test("is known by a search, where the call that failed says nothing of it", async (t) => {
    const { memory, standIn } = await brokenWorld(t);
    standIn.failNext("DELETE /datasets/:dataset_id/data/:data_id", 500);
    const { account } = animalDocument(1, "zebra");
    await assert.rejects(memory.remove([{ account }], never), { code: "SINK_DAMAGED" });
    await assert.rejects(memory.probe(never), { code: "SINK_DAMAGED" });
  });

  test("is told by the first probe of a process that has not met it, as that of doctor is", async (t) => {
    const { another, standIn, datasetId } = await brokenWorld(t);
    await assert.rejects(another().probe(never), { code: "SINK_DAMAGED" });
    standIn.mendDataset(datasetId);
    await another().probe(never);
  });

  test("is not suspected for long: a failure of another cause stays what it is", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    await memory.put(putsOf(documents), never);
    standIn.failNext("DELETE /datasets/:dataset_id/data/:data_id", 500);
    const { account } = animalDocument(1, "zebra");
    await assert.rejects(memory.remove([{ account }], never), { code: "SINK_UNAVAILABLE", detail: "HTTP 500" });
    await memory.probe(never);
  });

  test("that was deleted and made anew is no longer damaged", async (t) => {
    const { memory, standIn, call, datasetId } = await brokenWorld(t);
    await assert.rejects(memory.search("zebra", { limit: 1 }, never), { code: "SINK_DAMAGED" });
    await assert.rejects(memory.probe(never), { code: "SINK_DAMAGED" });
    standIn.mendDataset(datasetId); // As the deletion of its files does.
    await call("DELETE", `/datasets/${datasetId}`);
    await memory.probe(never);
  });

  for (const detail of [
    "Storage exception: Checksum verification failed, the WAL file is corrupted.",
    "Runtime exception: Database ID for temporary file 'x.lbug.wal' does not match the current database. This file may …",
  ])
    test(`is what Ladybug means by: ${detail}`, () => {
      const refusal = new CogneeRefusal(500, JSON.stringify({ error: "Internal server error", detail }));
      assert.equal(faultOfRefusal(refusal, "searching").code, "SINK_DAMAGED");
    });
});
