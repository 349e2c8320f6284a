import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AccountKey } from "../../src/account.ts";
import { animalDocument, animalDocuments, assertHolds, datasetWorld, putOf, putsOf } from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
const COUNT = 16;
/** Which of them breaks the run: in the middle of a group of the search. */
const PLACE = 7;
/** The first run; then groups of four, of which the poison's fails; then those of that group one by one. */
const RUNS = { all: 9, failed: 3 } as const;

/**
 * A document that breaks the run. The model refuses to embed it, which fails a run within seconds: where its chat cannot be read, Cognee tries for four
 * minutes by a constant in its code (measured), so the search would take a quarter of an hour here.
 */
export function poisonSuite(server: () => CogneeServer): void {
  describe("a document that breaks the run", () => {
    test("is found among 16 and refused alone; the others are searchable", async (t) => {
      const world = datasetWorld(server());
      const { memory, counted } = world;
      const documents = animalDocuments(COUNT, "zebra").map((document, index) =>
        index === PLACE - 1 ? animalDocument(PLACE, "basilisk") : document,
      );
      const poison = animalDocument(PLACE, "basilisk");
      server().model.setUnembeddable("basilisk");
      await memory.put(putsOf(documents), never);
      const aside: AccountKey[] = [];
      const setAside = async (accounts: readonly AccountKey[]) => void aside.push(...accounts);
      const refused = await memory.flush(never, { setAside });
      assert.deepEqual(
        refused.map(({ account, fault }) => [account, fault.code]),
        [[poison.account, "SINK_REFUSED"]],
      );
      assert.equal(aside.length, COUNT, "all were noted before one was taken out");
      await assertHolds(
        world,
        documents.filter(({ account }) => account !== poison.account),
      );
      t.diagnostic(`index runs: ${counted["index_runs"]}, of which ${counted["index_runs_failed"]} failed`);
      assert.deepEqual({ all: counted["index_runs"], failed: counted["index_runs_failed"] }, RUNS);

      const [next] = await memory.put([putOf(poison)], never);
      assert.equal(next?.outcome === "failed" && next.fault.code, "SINK_REFUSED");
      server().model.setUnembeddable(undefined);
      await memory.put([putOf(poison)], never);
      await memory.flush(never);
      await assertHolds(world, documents);
    });

    test("by an update is refused alone, and its old text stays", async () => {
      const world = datasetWorld(server());
      await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
      await world.memory.flush(never);
      server().model.setUnembeddable("basilisk");
      const updates = [animalDocument(1, "basilisk"), animalDocument(2, "okapi")];
      const [bad, good] = await world.memory.put(putsOf(updates), never);
      server().model.setUnembeddable(undefined);
      assert.equal(bad?.outcome === "failed" && bad.fault.code, "SINK_WRITE_FAILED");
      assert.equal(good?.outcome, "stored");
      await assertHolds(world, [animalDocument(1, "zebra"), animalDocument(2, "okapi")]);
    });
  });
}
