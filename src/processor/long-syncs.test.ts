import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import type { ProcessorOptions } from "./processor-deps.ts";

/** What three documents one after the other may take on Cognee: the model's reply to none of them can be read. */
const LONG_PUT_MS = 765_000;

async function writingForLong(options: Partial<ProcessorOptions>) {
  const made = startWorld(openTestEngine, { workers: 1, ...options });
  const { crm, sink, send, pass, clock } = made;
  crm.accounts.set("1", "One");
  sink.onPut = (signal) => clock.sleep(LONG_PUT_MS, signal);
  await send({ module: "Accounts", recordId: "1" });
  await pass(LONG_PUT_MS + 5_000, 5_000);
  return made;
}

test("a batch that may be held for long writes its documents one after the other, however long that takes", async () => {
  const { sink, counts, engine } = await writingForLong({ syncHoldMs: 3_600_000 });
  assert.equal(sink.texts.get("zoho/1"), "One");
  assert.equal(counts["faults:UNEXPECTED"], undefined);
  assert.equal(await engine.unsettled(), 0);
});

test("one that may not is stopped after ten minutes, as a bug", async () => {
  const { sink, counts } = await writingForLong({});
  assert.equal(sink.texts.size, 0);
  assert.equal(counts["faults:UNEXPECTED"], 1);
});
