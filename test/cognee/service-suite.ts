import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { type AccountLoad, startLoad } from "../fakes/account-load.ts";
import { accountsWith, assertNowhere } from "../fakes/cognee-world.ts";
import {
  assertConverged,
  assertNothingSpent,
  atRest,
  deadLetters,
  type ServiceWorld,
  startServiceWorld,
  waitFor,
} from "../fakes/service-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

/** Accounts that Cognee has before anything goes wrong; with those that come they are some thirty. */
const ACCOUNTS = 14;
const ACCOUNTS_NEW = 16;
/** How long Cognee is away, and how long its model is (issue 8). */
const SERVER_AWAY_MS = 60_000;
const MODEL_AWAY_MS = 30_000;
/** At least so much of it falls into a time in which the service works. */
const MODEL_MET_MS = 10_000;
/** How long the model thinks of a document when the server is killed: it dies while it waits for the model, as it mostly does with a real one. */
const THINKING_MS = 5_000;
/** The circuit is open within the time that one refused call takes; a busy machine has more to do. */
const NOTICED_MS_MAX = 20_000;
/** Longest wait between two probes, and a bit. */
const PROBED_MS_MAX = 45_000;
/** Until all is written after an outage: thirty documents, behind calls that Cognee itself tries again for two minutes. */
const SETTLED_MS_MAX = 180_000;
/** Which of sixteen breaks the index, counted from 0: one in the middle. */
const POISON_PLACE = 6;
/** Index runs to find one document among sixteen: all, four groups, four alone; and one where they did not come to be in one run. */
const POISON_RUNS_MAX = 10;
/** The most that Cognee gives. */
const RUN_ROWS_MAX = 500;

/** The whole of memhook on a real Cognee: what its troubles and a model's cost those who only see the service. */
export function serviceSuite(server: () => CogneeServer): void {
  describe("the service", () => {
    let world: ServiceWorld;

    before(async () => {
      world = await startServiceWorld({ cognee: server(), dataset: "service", accounts: ACCOUNTS });
      assert.equal(await world.announce("create", ...world.simulator.crm.ids("Accounts")), 200);
      await atRest(world);
      await assertConverged(world);
    });
    after(() => world?.close());

    test("Cognee is killed and away for a minute under load, and its model for half a minute more: nothing is lost, nothing spent, and work resumes by itself", (t) =>
      outlasts(t, world, server()));

    test("a document that breaks the index among sixteen new ones is one dead letter, and heals when the CRM is mended", (t) =>
      isolates(t, world, server()));

    test("a deleted account is nowhere, and its receipt says where was looked", () => forgets(world));
  });
}

async function outlasts(t: TestContext, world: ServiceWorld, server: CogneeServer): Promise<void> {
  const { model } = server;
  const load = startLoad(world, { accountsNew: ACCOUNTS_NEW });
  t.after(async () => {
    // What failed in the middle of it must not fail the next test.
    model.setDelayMs(0);
    await model.setAway(false);
    await server.start();
    await load.stop();
  });
  await thinking(server);
  await server.kill();
  const serverBackAt = systemClock.now() + SERVER_AWAY_MS;
  model.setDelayMs(0);
  await waitFor("an open circuit", async () => (await sinkOf(world)).state !== "closed", NOTICED_MS_MAX);
  await waitFor("the end of the minute", () => isDegradedUntil(world, serverBackAt), 2 * SERVER_AWAY_MS);

  await model.setAway(true);
  await server.start();
  const modelBackAt = systemClock.now() + MODEL_AWAY_MS;
  await waitFor("a closed circuit", async () => (await sinkOf(world)).state === "closed", PROBED_MS_MAX);
  const written = await world.counted("sink_documents_total");
  const metAt = Math.max(modelBackAt, systemClock.now() + MODEL_MET_MS);
  await waitFor("the end of the half minute", async () => systemClock.now() >= metAt, 2 * MODEL_AWAY_MS);
  const { state } = await sinkOf(world);
  const since = (await world.counted("sink_documents_total")) - written;
  t.diagnostic(`without its model: the circuit of the sink is ${state}, ${since} documents were written`);

  await model.setAway(false);
  await assertOutlasted(t, world, load);
  const [newcomer] = await accountsWith(world.dataset.memory, "Newcomer");
  assert.ok(newcomer !== undefined, "found by a question");
}

async function isolates(t: TestContext, world: ServiceWorld, { model }: CogneeServer): Promise<void> {
  const { crm } = world.simulator;
  const animals = Array.from({ length: 16 }, (_, index) => (index === POISON_PLACE ? "basilisk" : "zebra"));
  const ids = animals.map((animal, index) =>
    crm.create("Accounts", { Account_Name: `Keeper ${index}`, Description: `keeps a ${animal}` }),
  );
  const poison = ids[POISON_PLACE] ?? "";
  const before = await runsOf(world);
  model.setUnembeddable("basilisk");
  t.after(() => model.setUnembeddable(undefined));
  assert.equal(await world.announce("create", ...ids), 200);
  await waitFor("a dead letter", async () => (await world.health()).dead_letters > 0, SETTLED_MS_MAX);
  await atRest(world, SETTLED_MS_MAX);
  assert.deepEqual(
    (await deadLetters(world)).map(({ account_id, cause }) => [account_id, cause]),
    [[poison, "SINK_REFUSED"]],
  );
  await assertConverged(world, [poison]);
  const runs = (await runsOf(world)) - before;
  t.diagnostic(`one document that breaks the index among ${ids.length} cost ${runs} runs of cognify`);
  assert.ok(runs <= POISON_RUNS_MAX, `${runs} runs`);

  crm.update("Accounts", poison, { Description: "keeps an okapi" });
  assert.equal(await world.announce("update", poison), 200);
  await waitFor("a closed dead letter", async () => (await world.health()).dead_letters === 0);
  await atRest(world);
  assert.deepEqual(await deadLetters(world), []);
  await assertConverged(world);
  assert.deepEqual(await accountsWith(world.dataset.memory, "okapi"), [`zoho/${poison}`]);
}

async function forgets(world: ServiceWorld): Promise<void> {
  const { crm } = world.simulator;
  const id = crm.create("Accounts", { Account_Name: "marmalade works", Description: "keeps marmalade" });
  assert.equal(await world.announce("create", id), 200);
  await atRest(world);
  assert.deepEqual(await accountsWith(world.dataset.memory, "marmalade"), [`zoho/${id}`]);
  crm.delete("Accounts", id);
  assert.equal(await world.announce("delete", id), 200);
  await atRest(world);
  for (const word of ["marmalade", id]) await assertNowhere(world.dataset, word);
  await assertConverged(world);
  const receipt = (await world.command("memory", "receipt", id)) as Record<string, unknown>; // Looked at below.
  const { account_id, sink, event_ids, looked_at, left } = receipt;
  assert.deepEqual([account_id, sink, left], [id, "cognee", []]);
  assert.ok(Array.isArray(event_ids) && event_ids.length === 1, "the event that told of it");
  assert.deepEqual(
    looked_at,
    ["listing", "CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"].map((place) => ({ place, found: 0 })),
  );
}

/** What is claimed after an outage under load, which ends here. */
async function assertOutlasted(t: TestContext, world: ServiceWorld, load: AccountLoad): Promise<void> {
  const startedAt = systemClock.now();
  await load.stop();
  await atRest(world, SETTLED_MS_MAX);
  t.diagnostic(
    `${JSON.stringify(load.answers)} answers of deliveries to ${load.announced.size} accounts; at rest after ${systemClock.now() - startedAt} ms`,
  );
  assert.deepEqual(Object.keys(load.answers), ["200"]);
  assert.ok(
    [...load.announced.values()].some((times) => times > 1),
    "some accounts changed several times",
  );
  await assertNothingSpent(world);
  assert.equal((await world.health()).status, "healthy");
  await assertConverged(world);
}

/** Resolves when the model thinks of a document. */
async function thinking({ model }: CogneeServer): Promise<void> {
  model.setDelayMs(THINKING_MS);
  const before = model.counts.chat;
  await waitFor("the model thinks", async () => model.counts.chat > before);
}

async function sinkOf({ health }: ServiceWorld) {
  return (await health()).circuits.sink;
}

/** Asserts that the trouble is told, by name; true when the time has come. */
async function isDegradedUntil({ health }: ServiceWorld, at: number): Promise<boolean> {
  const { status, problems, circuits } = await health();
  assert.equal(status, "degraded");
  assert.deepEqual(
    problems.map(({ code }) => code),
    ["circuit_open:sink"],
  );
  assert.equal(circuits.sink.cause, "SINK_UNREACHABLE");
  return systemClock.now() >= at;
}

/** Runs of cognify that the dataset has had. */
async function runsOf({ dataset }: ServiceWorld): Promise<number> {
  const query = `dataset_id=:id&pipeline_name=cognify_pipeline&limit=${RUN_ROWS_MAX}`;
  const rows = await dataset.call("GET", `/activity/pipeline-runs?${query}`);
  return new Set((rows as readonly { readonly pipeline_run_id: string }[]).map((row) => row.pipeline_run_id)).size; // Cognee's documented shape.
}
