import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AccountKey } from "../../src/account.ts";
import { documentName } from "../../src/memory/cognee/document-name.ts";
import {
  accountsWith,
  animalDocument,
  animalDocuments,
  assertHolds,
  assertNowhere,
  type DatasetWorld,
  datasetWorld,
  newDataset,
  putOf,
  putsOf,
  sharingDocument,
} from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;

/** What a dataset for each account is for: nothing of one account is ever in another's. */
export function accountSuite(server: () => CogneeServer): void {
  describe("a dataset for each account", () => {
    test("holds one document, searchable when it is put; forgetting it deletes the dataset", async () => {
      const world = perAccount(server());
      const { memory } = world;
      const [kept, gone] = [sharingDocument(1, "zebra"), sharingDocument(2, "basilisk")];
      const stored = await memory.put(putsOf([kept, gone]), never);
      assert.ok(stored.every((result) => result.outcome === "stored" && result.isIndexed));
      await assertHolds(world.of(kept.account), [kept]);
      await assertHolds(world.of(gone.account), [gone]);
      assert.deepEqual(await accountsWith(memory, "basilisk"), [gone.account]);

      const [removed] = await memory.remove([{ account: gone.account }], never);
      assert.ok(removed?.outcome === "removed");
      const { looked, repaired, left } = removed.forgetting;
      const places = ["listing", "CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"];
      assert.deepEqual([looked, repaired, left], [places.map((place) => ({ place, found: 0 })), [], []]);
      assert.ok(!(await world.names()).includes(world.nameOf(gone.account)), "the dataset is gone");
      await assertNowhere(world.of(kept.account), "basilisk");
      await assertHolds(world.of(kept.account), [kept]);
      assert.deepEqual(await accountsWith(memory, "basilisk"), []);
    });

    test("is updated in place, and made again for an account that comes back", async () => {
      const world = perAccount(server());
      const { memory } = world;
      const [first] = await memory.put([putOf(animalDocument(1, "zebra"))], never);
      const sinkRef = first?.outcome === "stored" ? first.sinkRef : "";
      const runs = world.counted["index_runs"];
      const [second] = await memory.put([putOf(animalDocument(1, "okapi"), { sinkRef })], never);
      assert.deepEqual(second, { outcome: "stored", sinkRef, isIndexed: true });
      assert.equal(world.counted["index_runs"], runs, "an update needs no run");
      await memory.remove([{ account: animalDocument(1, "okapi").account }], never);
      await memory.put([putOf(animalDocument(1, "giraffe"), { sinkRef })], never);
      await assertHolds(world.of(animalDocument(1, "giraffe").account), [animalDocument(1, "giraffe")]);
    });

    test("of a document that breaks its run fails alone", async () => {
      const world = perAccount(server());
      const { memory } = world;
      server().model.setUnembeddable("basilisk");
      const documents = [animalDocument(1, "zebra"), animalDocument(2, "basilisk"), animalDocument(3, "zebra")];
      const results = await memory.put(putsOf(documents), never);
      server().model.setUnembeddable(undefined);
      const faults = results.map((result) => (result.outcome === "failed" ? result.fault.code : result.outcome));
      assert.deepEqual(faults, ["stored", "SINK_REFUSED", "stored"]);
      assert.deepEqual(new Set(await accountsWith(memory, "zebra")), new Set(keys(1, 3)));

      await memory.put([putOf(animalDocument(2, "basilisk"), { isUncertain: true })], never);
      await assertHolds(world.of(animalDocument(2, "basilisk").account), [animalDocument(2, "basilisk")]);
    });
  });
}

/** Accounts in datasets of their own. */
export interface AccountWorld extends DatasetWorld {
  /** The dataset of one. */
  readonly of: (account: AccountKey) => DatasetWorld;
  readonly nameOf: (account: AccountKey) => string;
  /** Of all datasets that the server has. */
  readonly names: () => Promise<readonly string[]>;
}

/** Makes one. */
export function perAccount(server: CogneeServer): AccountWorld {
  const base = newDataset();
  const world = datasetWorld(server, { dataset: base, isPerAccount: true });
  const nameOf = (account: AccountKey) => `${base}-${documentName(account)}`;
  return {
    ...world,
    nameOf,
    of: (account) => datasetWorld(server, { dataset: nameOf(account) }),
    names: async () =>
      ((await world.call("GET", "/datasets")) as readonly { readonly name: string }[]).map(({ name }) => name), // Cognee's documented shape.
  };
}

function keys(...ids: readonly number[]): readonly AccountKey[] {
  return animalDocuments(Math.max(...ids), "zebra")
    .filter((_, index) => ids.includes(index + 1))
    .map(({ account }) => account);
}
