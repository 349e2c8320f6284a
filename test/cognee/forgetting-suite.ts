import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MemoryDocument } from "../../src/account.ts";
import type { Forgetting } from "../../src/memory/memory.ts";
import {
  animalDocument,
  assertHolds,
  assertNowhere,
  type DatasetWorld,
  datasetWorld,
  putsOf,
  sharingDocument,
} from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
const PLACES = ["listing", "CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"] as const;

/** What is left of an account that was forgotten: nothing, wherever one may look. */
export function forgettingSuite(server: () => CogneeServer): void {
  describe("forgetting", () => {
    test("leaves no word of the account in what others mention as well, and says what was repaired", async () => {
      const world = datasetWorld(server());
      const kept = sharingDocument(1, "zebra");
      await indexed(world, kept);
      await indexed(world, sharingDocument(2, "basilisk"));
      const graph = JSON.stringify(await world.call("GET", "/datasets/:id/graph"));
      assert.match(graph, /Firm_Shared keeps a basilisk/, "the shared entity is described in the words that are to go");
      const { looked, repaired, left } = await forgotten(world, sharingDocument(2, "basilisk"));
      assert.deepEqual(
        looked,
        PLACES.map((place) => ({ place, found: 0 })),
      );
      assert.deepEqual(repaired, ["1 descriptions of shared entities, by indexing 1 other documents again"]);
      assert.deepEqual(left, []);
      await assertNowhere(world, "basilisk");
      await assertNowhere(world, "Company 2");
      await assertHolds(world, [kept]);
    });

    test("costs neither a run nor a call of the model where nothing is shared", async () => {
      const world = datasetWorld(server());
      await indexed(world, animalDocument(1, "zebra"), {
        ...animalDocument(2, "basilisk"),
        text: "Person_Ada keeps a basilisk\n",
      });
      const before = { runs: world.counted["index_runs"], chat: server().model.counts.chat };
      const { looked, repaired, left } = await forgotten(world, animalDocument(2, "basilisk"));
      assert.deepEqual(
        looked,
        PLACES.map((place) => ({ place, found: 0 })),
      );
      assert.deepEqual([repaired, left], [[], []]);
      assert.deepEqual({ runs: world.counted["index_runs"], chat: server().model.counts.chat }, before);
      await assertNowhere(world, "basilisk");
      await assertNowhere(world, "Person_Ada");
      await assertHolds(world, [animalDocument(1, "zebra")]);
    });
  });
}

async function indexed({ memory }: DatasetWorld, ...documents: readonly MemoryDocument[]): Promise<void> {
  await memory.put(putsOf(documents), never);
  await memory.flush(never);
}

async function forgotten({ memory }: DatasetWorld, { account }: MemoryDocument): Promise<Forgetting> {
  const [result] = await memory.remove([{ account }], never);
  assert.ok(result?.outcome === "removed");
  return result.forgetting;
}
