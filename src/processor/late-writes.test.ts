import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import { Fault } from "../faults.ts";

const ACCOUNT = { module: "Accounts", recordId: "1" };
const LEASE_MS = 30_000;

/**
 * Account 1 is written once. The next write, of its `first` state, is held right before the sink until `goOn`; `overtake` lets its
 * lease pass to another, who finds the account in its `second` state. Undefined = deleted.
 */
async function overtakenWorld({ first, second }: Readonly<Record<"first" | "second", string | undefined>>) {
  const made = startWorld(openTestEngine, { workers: 2, batchSize: 1 });
  const { crm, sink, clock, send, pass, rest, engine } = made;
  crm.accounts.set("1", "Account 1");
  await send(ACCOUNT);
  const held = Promise.withResolvers<void>();
  const holdOnce = () => {
    sink.onPut = sink.onRemove = () => undefined;
    return held.promise;
  };
  sink.onPut = sink.onRemove = holdOnce;
  const become = (name: string | undefined) =>
    name === undefined ? crm.accounts.delete("1") : crm.accounts.set("1", name);
  become(first);
  await send(ACCOUNT);
  become(second);
  const overtake = async () => {
    await clock.advance(LEASE_MS + 1_000); // In one go, as for a process that was stopped.
    await pass(10_000);
  };
  const goOn = async () => {
    held.resolve();
    await rest();
    await pass(10_000);
  };
  const isRight = async () => {
    const entry = (await engine.ledger.read(["zoho/1"])).get("zoho/1");
    assert.deepEqual([entry?.state, entry?.fingerprint], ["indexed", "fp:Newer"]);
    assert.equal(sink.texts.get("zoho/1"), "Newer");
    assert.equal(await engine.unsettled(), 0);
  };
  return { ...made, overtake, goOn, isRight };
}

test("an older document that was put over a newer one is replaced, with a look first", async () => {
  const { sink, overtake, goOn, isRight } = await overtakenWorld({ first: "Older", second: "Newer" });
  await overtake();
  await isRight();
  await goOn();
  assert.deepEqual(
    sink.puts.map(({ document: { text } }) => text),
    ["Account 1", "Newer", "Older", "Newer"],
  );
  assert.equal(sink.puts.at(-1)?.isUncertain, true);
  await isRight();
});

test("a document that was removed after another had put it is put again", async () => {
  const { sink, overtake, goOn, isRight } = await overtakenWorld({ first: undefined, second: "Newer" });
  await overtake();
  await isRight();
  await goOn();
  assert.deepEqual(sink.removals, ["zoho/1"]);
  await isRight();
});

test("a document that was put after another had removed it is removed again", async () => {
  const { sink, engine, overtake, goOn } = await overtakenWorld({ first: "Older", second: undefined });
  await overtake();
  assert.equal(sink.texts.has("zoho/1"), false);
  await goOn();
  assert.equal(sink.puts.at(-1)?.document.text, "Older");
  assert.equal(sink.texts.has("zoho/1"), false);
  assert.equal((await engine.ledger.read(["zoho/1"])).get("zoho/1")?.state, "removed");
});

test("what another wrote before and records after is not believed either", async () => {
  const { sink, engine, pass, overtake, goOn, isRight } = await overtakenWorld({ first: "Older", second: "Newer" });
  const ending = Promise.withResolvers<void>();
  const [{ record }, { settle }] = [engine.ledger, engine.queue];
  engine.ledger.record = (outcomes) => ending.promise.then(() => record(outcomes));
  engine.queue.settle = (ends) =>
    ends.some(({ verb }) => verb === "complete") ? ending.promise.then(() => settle(ends)) : settle(ends);
  await overtake();
  assert.equal(sink.texts.get("zoho/1"), "Newer");
  await goOn();
  assert.equal(sink.texts.get("zoho/1"), "Older");
  ending.resolve();
  await pass(10_000);
  assert.equal(sink.puts.length, 4);
  await isRight();
});

test("while the store is away nobody claims before it was told", async () => {
  const { engine, pass, overtake, goOn, isRight } = await overtakenWorld({ first: "Older", second: "Newer" });
  await overtake();
  const { distrust } = engine.ledger;
  let refusals = 0;
  engine.ledger.distrust = async () => {
    refusals += 1;
    throw new Fault("STORE_UNAVAILABLE", "testing");
  };
  await goOn();
  assert.ok(refusals > 1, `${refusals} refusals`);
  engine.ledger.distrust = distrust;
  await pass(10_000);
  await isRight();
});
