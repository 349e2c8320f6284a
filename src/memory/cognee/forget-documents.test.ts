import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { animalDocument, cogneeWorld, putsOf } from "../../../test/fakes/cognee-world.ts";
import { textsByName } from "../../../test/fakes/texts-by-name.ts";
import { systemClock } from "../../clock.ts";
import { silentLog } from "../../log.ts";
import { openCogneeMemory } from "./cognee-memory.ts";

const never = new AbortController().signal;
const documents = [1, 2].map((id) => animalDocument(id, "zebra"));
const second = { account: animalDocument(2, "zebra").account };

describe("a receipt", () => {
  test("tells of the searches that were made: all of them, where the document was there", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    await memory.put(putsOf(documents), never);
    await memory.flush(never);
    const [removed] = await memory.remove([second], never);
    assert.ok(removed?.outcome === "removed");
    assert.deepEqual(
      removed.forgetting.looked.map(({ place }) => place),
      ["listing", "CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"],
    );
    assert.equal(standIn.counts.calls["POST /search"], 3);
  });

  test("tells of no search of summaries after a crash behind the delete: whose they are could not be told", async (t) => {
    const { memory, another, standIn } = await cogneeWorld(t);
    await memory.put(putsOf(documents), never);
    await memory.flush(never);
    await memory.remove([second], never);
    const before = standIn.counts.calls["POST /search"] ?? 0;
    const [removed] = await another().remove([second], never);
    assert.ok(removed?.outcome === "removed");
    assert.deepEqual(removed.forgetting.looked, [
      { place: "listing", found: 0 },
      { place: "CHUNKS", found: 0 },
      { place: "CHUNKS_LEXICAL", found: 0 },
    ]);
    assert.equal((standIn.counts.calls["POST /search"] ?? 0) - before, 2);
  });

  test("is not written where a search still finds what no listing shows: passages tell by their document's name", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    await memory.put(putsOf(documents), never);
    await memory.flush(never);
    const unlisted: typeof fetch = async (url, init) =>
      init?.method === "GET" && /\/data(\?|$)/.test(String(url)) ? Response.json([]) : fetch(url, init);
    const { url, apiKey } = standIn;
    const rest = { clock: systemClock, log: silentLog, notes: textsByName(), count: () => undefined };
    const blind = openCogneeMemory({ ...rest, url, dataset: "crm", credentials: { apiKey }, fetch: unlisted });
    t.after(() => blind.close());
    const [removed] = await blind.remove([second], never);
    assert.ok(removed?.outcome === "failed");
    assert.equal(removed.fault.detail, "still in CHUNKS, CHUNKS_LEXICAL");
  });
});
