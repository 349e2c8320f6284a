import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Fault } from "../../src/faults.ts";
import {
  animalDocument,
  animalDocuments,
  assertHolds,
  assertNowhere,
  type DatasetWorld,
  datasetWorld,
  mendStore,
  passagesOf,
  putOf,
  putsOf,
  refOf,
  until,
} from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
/** How long the model thinks where another client takes over meanwhile. */
const HELD_MS = 4_000;
/** Until a call has come to the server, which shows nothing of it while it waits for its turn. */
const ARRIVED_MS = 500;
/** Documents of a run that is killed; Cognee reads 20 at once, so some are written while others are read. */
const KILLED_COUNT = 40;

/** What is done another way with a Cognee before 1.6, where somebody is killed in the middle of it. */
export function beforeSuite(server: () => CogneeServer): void {
  describe("an update without an update in place", () => {
    test("is completed by the next run when its process was killed between delete and add", async () => {
      const world = datasetWorld(server());
      const stored = await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
      await world.memory.flush(never);
      const update = putOf(animalDocument(1, "okapi"), { sinkRef: refOf(stored[0]) });
      const killed = world.another({ fetch: dyingAt("/api/v1/add") });
      await assert.rejects(killed.put([update], never), { code: "SINK_UNREACHABLE" });
      await assertHolds(world, [animalDocument(2, "zebra")]);

      const next = world.another();
      await next.put([{ ...update, isUncertain: true }], never);
      await next.flush(never);
      await assertHolds(world, [animalDocument(1, "okapi"), animalDocument(2, "zebra")]);
    });

    test("makes no twin when its process is gone and its add had not got its turn", async () => {
      const world = datasetWorld(server());
      await world.memory.put([putOf(animalDocument(1, "zebra"))], never);
      const { run } = await held(server(), world);
      const gone = new AbortController();
      const add = addAs(server(), world, gone.signal);
      await systemClock.sleep(ARRIVED_MS);
      gone.abort(new Error("gone"));
      await assert.rejects(add, /gone/);
      await world.memory.put([putOf(animalDocument(2, "okapi"), { isUncertain: true })], never);
      await run;
      await world.memory.flush(never);
      await assertHolds(world, [animalDocument(1, "zebra"), animalDocument(2, "okapi")]);
      await assertNowhere(world, "basilisk");
    });
  });

  test("what a killed run left counts as pending, though it can be found, until the next run has taken it", async () => {
    const world = datasetWorld(server());
    await world.memory.put([putOf(animalDocument(1, "zebra"))], never);
    await world.memory.flush(never);
    const herd = animalDocuments(KILLED_COUNT, "zebra");
    await world.memory.put(putsOf(herd.slice(1)), never);
    const flush = world.another().flush(never);
    await Promise.all([assert.rejects(flush), killWhenWriting(server(), world)]);
    await server().start();
    const listed = await world.another().list({ limit: KILLED_COUNT }, never);
    assert.equal(listed.filter(({ isIndexed }) => isIndexed).length, 1, "what the run before it took");
    await flushMended(server(), world);
    await assertHolds(world, herd);
  });
}

/** A process that is killed when it is about to send something. */
function dyingAt(path: string): typeof fetch {
  return async (input, init) => {
    if (new URL(String(input)).pathname === path) throw new TypeError("the process was killed");
    return fetch(input, init);
  };
}

/** A run that holds the dataset for as long as the model thinks. */
async function held({ model }: CogneeServer, world: DatasetWorld) {
  const before = model.counts.chat;
  model.setDelayMs(HELD_MS);
  const run = world.another().flush(never);
  await until("the model thinks", () => model.counts.chat > before);
  model.setDelayMs(0);
  return { run };
}

/** The add of a process that does not look whether a run is under way. */
async function addAs({ url, apiKey }: CogneeServer, { memory }: DatasetWorld, signal: AbortSignal): Promise<unknown> {
  const [id = ""] = (await memory.identity(never)).split("@");
  const form = new FormData();
  form.append("datasetId", id);
  form.append("data", new Blob([animalDocument(2, "basilisk").text], { type: "text/plain" }), "zoho-2.txt");
  return fetch(`${url}/api/v1/add`, { method: "POST", headers: { "x-api-key": apiKey }, body: form, signal });
}

/** Runs the index; first mends the store, as a person has to, where the kill has torn it. */
async function flushMended(server: CogneeServer, world: DatasetWorld): Promise<void> {
  try {
    await world.another().flush(never);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "SINK_DAMAGED") throw error;
    await mendStore(server, world);
    await world.another().flush(never);
  }
}

/** Kills the server when some of a run's documents can be found, and not all. */
async function killWhenWriting(server: CogneeServer, world: DatasetWorld): Promise<void> {
  await until("the run is writing", async () => (await passagesOf(world)).length > 1);
  await server.kill();
}
