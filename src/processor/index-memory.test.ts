import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";

const GATHER_MS = 1_000;

/** Two new accounts, of which the second is still being written when the run for the first is due. */
async function whileAnotherIsWritten() {
  const made = startWorld(openTestEngine, { gatherMs: GATHER_MS, workers: 2, batchSize: 1 });
  const { crm, sink, send, pass } = made;
  sink.isIndexedAtOnce = false;
  for (const id of ["1", "2"]) crm.accounts.set(id, `Account ${id}`);
  await send({ module: "Accounts", recordId: "1" });
  const writing = Promise.withResolvers<void>();
  sink.onPut = () => writing.promise;
  await send({ module: "Accounts", recordId: "2" });
  await pass(GATHER_MS + 500, 100);
  return { ...made, writing };
}

describe("where documents are gathered for a run", () => {
  test("it waits for the syncs under way, and takes their documents along", async () => {
    const { sink, engine, pass, writing } = await whileAnotherIsWritten();
    await pass(5_000, 100);
    assert.equal(sink.flushes, 0);
    writing.resolve();
    await pass(100, 50);
    assert.equal(sink.flushes, 1);
    assert.deepEqual((await engine.ledger.inState("indexed", 10)).map(({ account }) => account).sort(), [
      "zoho/1",
      "zoho/2",
    ]);
  });

  test("it does not wait for ever: syncs under a storm never end", async () => {
    const { sink, pass, writing } = await whileAnotherIsWritten();
    await pass(9_000, 100);
    assert.equal(sink.flushes, 0);
    await pass(1_000, 100);
    assert.equal(sink.flushes, 1);
    writing.resolve();
    await pass(5_000, 100);
    assert.equal(sink.flushes, 2);
  });
});
