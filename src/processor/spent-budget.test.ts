import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import { Fault } from "../faults.ts";

/** Three accounts of which the first is written; then the budget is spent. */
async function overBudget(retryAfterMs: number) {
  const made = startWorld(openTestEngine, { workers: 1 });
  const { crm, sink, send } = made;
  for (const [id, name] of Object.entries({ 1: "One", 2: "Two", 3: "Three" })) crm.accounts.set(id, name);
  await send({ module: "Accounts", recordId: "1" }, { module: "Accounts", recordId: "3" });
  sink.onPut = () => {
    throw new Fault("SINK_OVER_BUDGET", "writing", { retryAfterMs });
  };
  return made;
}

test("a spent budget stops neither removals nor what has not changed, also beside a document that waits", async () => {
  const { crm, sink, send, counts, engine, processor } = await overBudget(3_500_000);
  await send({ module: "Accounts", recordId: "2" });
  assert.equal(processor.status().circuits.budget.state, "open");
  crm.accounts.delete("1");
  await send(
    { module: "Accounts", recordId: "1" },
    { module: "Accounts", recordId: "2" },
    { module: "Accounts", recordId: "3" },
  );
  assert.deepEqual(sink.removals, ["zoho/1"]);
  assert.equal(counts["syncs_unchanged"], 1);
  const waiting = await Promise.all(["1", "2", "3"].map((id) => engine.job("sync", `zoho/${id}`)));
  assert.deepEqual(
    waiting.map((job) => job?.attempt),
    [undefined, 0, undefined],
  );
  assert.equal(processor.status().circuits.budget.cause, "SINK_OVER_BUDGET");
  assert.deepEqual(await engine.deadLetters(), []);
});

test("what waits for the budget costs a read of the CRM every ten minutes, and is written once there is some", async () => {
  const { crm, sink, send, pass, engine } = await overBudget(3_500_000);
  await send({ module: "Accounts", recordId: "2" });
  const reads = crm.reads.length;
  await pass(3_000_000, 5_000);
  assert.equal(crm.reads.length - reads, 5);
  assert.equal((await engine.job("sync", "zoho/2"))?.attempt, 0);
  sink.onPut = () => undefined;
  await pass(600_000, 5_000);
  assert.equal(sink.texts.get("zoho/2"), "Two");
});
