import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import {
  accountsWith,
  addByHand,
  animalDocument,
  animalDocuments,
  assertHolds,
  datasetWorld,
  passagesOf,
  putOf,
  putsOf,
  refOf,
  rowsOf,
  until,
} from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
/** Cognee lists 100 unless it is asked for more. */
const LISTED = 110;
/** Cognee closes a connection that was idle for 5.0 s, and says nothing. */
const IDLE_MS = 5_500;
/** How long the model thinks where a search must come in between. */
const THINKING_MS = 4_000;

/** What a client of Cognee 1.6.5 falls into if it believes what it is told. */
export function trapsSuite(server: () => CogneeServer): void {
  describe("traps", () => {
    listingTraps(server);
    addingTraps(server);
    lifeTraps(server);
  });
}

function listingTraps(server: () => CogneeServer): void {
  test("more than 100 documents are all listed, and none is added again", async () => {
    const world = datasetWorld(server());
    const documents = animalDocuments(LISTED, "zebra");
    await world.memory.put(putsOf(documents), never);
    const listed = await world.another().list({ limit: 1_000 }, never);
    assert.deepEqual(listed.map(({ account }) => account).sort(), documents.map(({ account }) => account).sort());
    // Newest first: the first is the one that Cognee's own first page does not show.
    await world.another().put([putOf(animalDocument(1, "okapi"), { isUncertain: true })], never);
    assert.equal((await rowsOf(world)).length, LISTED);
  });

  test("documents of other clients are left alone, and are nobody's account", async () => {
    const world = datasetWorld(server());
    const { memory } = world;
    await addByHand(world, "handbook.md", "# A handbook that keeps a zebra\n");
    await memory.put([putOf(animalDocument(1, "zebra"))], never);
    await memory.flush(never);
    assert.deepEqual(
      (await memory.list({ limit: 10 }, never)).map(({ account }) => account),
      [accountKey("1")],
    );
    assert.deepEqual(
      (await memory.search("zebra", { limit: 10 }, never)).map(({ account }) => account),
      [accountKey("1")],
    );
    await memory.remove([{ account: accountKey("1") }], never);
    assert.deepEqual(
      (await rowsOf(world)).map(({ name }) => name),
      ["handbook"],
    );
    assert.deepEqual(
      (await passagesOf(world)).map(({ document_name: name }) => name),
      ["handbook"],
    );
  });
}

function addingTraps(server: () => CogneeServer): void {
  test("a refusal that names the document that is in the way leads to it", async () => {
    const world = datasetWorld(server());
    const [first] = await world.another().put([putOf(animalDocument(1, "zebra"))], never);
    const byHand = addByHand(world, "zoho-1.txt", animalDocument(1, "okapi").text);
    await assert.rejects(byHand, new RegExp(`: 409 .*zoho-1\\.txt' \\(data_id ${refOf(first)}\\)`));
    await world.memory.put([putOf(animalDocument(1, "okapi")), putOf(animalDocument(2, "okapi"))], never);
    await world.memory.flush(never);
    await assertHolds(world, animalDocuments(2, "okapi"));
  });

  test("two equal texts are two documents, though Cognee tells one id for both", async () => {
    const world = datasetWorld(server());
    const { text } = animalDocument(1, "zebra");
    const twins = [1, 2].map((id) => ({ ...animalDocument(id, "zebra"), text }));
    const stored = await world.memory.put(putsOf(twins), never);
    assert.notEqual(refOf(stored[0]), refOf(stored[1]));
    await world.memory.flush(never);
    await assertHolds(world, twins);
    await world.memory.put([putOf(animalDocument(2, "okapi"), { sinkRef: refOf(stored[1]) })], never);
    await assertHolds(world, [animalDocument(1, "zebra"), animalDocument(2, "okapi")]);
  });
}

function lifeTraps(server: () => CogneeServer): void {
  test("a dataset that somebody deleted is made again, and has another name for the ledger", async () => {
    const world = datasetWorld(server());
    const { memory } = world;
    await memory.put(putsOf(animalDocuments(2, "zebra")), never);
    await memory.flush(never);
    const before = await memory.identity(never);
    await world.call("DELETE", "/datasets/:id");
    assert.deepEqual(await memory.search("zebra", { limit: 10 }, never), []);
    const again = await memory.put([putOf(animalDocument(1, "okapi"), { isUncertain: true })], never);
    assert.equal(again[0]?.outcome, "stored");
    await memory.flush(never);
    await assertHolds(world, [animalDocument(1, "okapi")]);
    assert.notEqual(await memory.identity(never), before);
  });

  test("a write after 5.5 idle seconds does not fall into the connection that Cognee has closed", async () => {
    const { memory } = datasetWorld(server());
    await memory.probe(never);
    await systemClock.sleep(IDLE_MS); // Cognee's own time: there is nothing to wait for.
    const [stored] = await memory.put([putOf(animalDocument(1, "zebra"))], never);
    assert.equal(stored?.outcome, "stored");
  });

  test("a search while a run is under way is answered at once, from what was there before", async () => {
    const world = datasetWorld(server());
    const { memory } = world;
    const { model } = server();
    await memory.put([putOf(animalDocument(1, "zebra"))], never);
    await memory.flush(never);
    await memory.put([putOf(animalDocument(2, "zebra"))], never);
    model.setDelayMs(THINKING_MS);
    const before = model.counts.chat;
    let isUnderWay = true;
    const flush = memory.flush(never).then(() => {
      isUnderWay = false;
    });
    await until("the model thinks", () => model.counts.chat > before);
    model.setDelayMs(0);
    assert.deepEqual(await accountsWith(memory, "zebra"), [accountKey("1")]);
    assert.ok(isUnderWay, "the search did not wait for the run");
    await flush;
    await assertHolds(world, animalDocuments(2, "zebra"));
  });
}
