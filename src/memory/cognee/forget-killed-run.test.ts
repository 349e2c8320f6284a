import assert from "node:assert/strict";
import { test } from "node:test";
import { cogneeWorld, putOf, sharingDocument } from "../../../test/fakes/cognee-world.ts";

const never = new AbortController().signal;

test("words that a killed run left in what others mention as well go with the account; first the run is made anew, as Cognee says that it goes on", async (t) => {
  const { memory, another, standIn, call } = await cogneeWorld(t, { patienceMs: 0 });
  await memory.put([putOf(sharingDocument(1, "zebra"))], never);
  await memory.flush(never);
  await memory.put([putOf(sharingDocument(2, "basilisk"))], never);
  const died = standIn.crashAt("cognify", 1);
  await Promise.all([assert.rejects(memory.flush(never)), died]);
  await standIn.restart();
  const [dataset] = (await call("GET", "/datasets")) as readonly { readonly id: string }[]; // The stand-in's documented shape.
  const graph = async () => JSON.stringify(await call("GET", `/datasets/${dataset?.id}/graph`));
  assert.match(await graph(), /keeps a basilisk/, "the killed run has written");

  const forget = () => another().remove([{ account: sharingDocument(2, "basilisk").account }], never);
  await assert.rejects(forget, { code: "SINK_BUSY", retry: "pause" }, "until it is made anew");
  const [removed] = await forget();
  assert.equal(removed?.outcome, "removed");
  assert.doesNotMatch(await graph(), /basilisk/);
});
