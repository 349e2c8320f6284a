import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import {
  type CogneeStandIn,
  type CogneeStandInOptions,
  startCogneeStandIn,
} from "../../src/simulator/cognee/cognee-stand-in.ts";
import { accountsWith } from "../fakes/cognee-world.ts";
import {
  assertConverged,
  assertNothingSpent,
  atRest,
  type ServiceWorld,
  startServiceWorld,
  waitFor,
} from "../fakes/service-world.ts";

/** Slow enough that work has a middle, as the real one has, and fast enough for a test. */
const SLOW = { callMs: 5, addDocumentMs: 40, cognifyDocumentMs: 40, updateMs: 60 };
/** Documents of a load that is cut off. */
const LOADED = 24;
/** Done of it, at least, when it is cut off. */
const BEGUN = 3;

/** A stand-in Cognee, and the service on it. */
interface Scene extends ServiceWorld {
  readonly cognee: CogneeStandIn;
  readonly ids: readonly string[];
}

/** What differs from the usual scene. */
interface SceneWish {
  readonly accounts: number;
  readonly env?: (cognee: CogneeStandIn) => Readonly<Record<string, string>>;
  readonly latency?: CogneeStandInOptions["latency"];
}

describe("the service on Cognee", () => {
  test("is killed with kill -9 while documents are added, indexed and replaced: nothing is lost, nothing twice", async (t) => {
    const scene = await sceneOf(t, { accounts: LOADED, latency: SLOW });
    const { cognee, ids } = scene;
    assert.equal(await scene.announce("create", ...ids), 200);
    await killWhen(scene, "documents are added", () => cognee.counts.documentsAdded);
    describeAll(scene, "zebra"); // Cognee ends that add by itself, so one more would now be of other texts, and make twins.
    await scene.restart("SIGKILL");
    assert.equal(await scene.announce("update", ...ids), 200);
    await killWhen(scene, "documents are indexed", () => cognee.counts.documentsCognified);
    await scene.restart("SIGKILL");
    await atRest(scene);
    await assertConverged(scene);
    describeAll(scene, "okapi");
    assert.equal(await scene.announce("update", ...ids), 200);
    await killWhen(scene, "documents are replaced", () => cognee.counts.documentsUpdated);
    await scene.restart("SIGKILL");
    await atRest(scene);
    await assertConverged(scene);
    await assertNothingSpent(scene);
  });

  test("asks nothing of Cognee for accounts that have not changed", async (t) => {
    const scene = await loadedScene(t, { accounts: 6 });
    const before = { ...scene.cognee.counts.calls };
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await waitFor("all looked at", async () => (await scene.counted("syncs_unchanged_total")) === scene.ids.length);
    await atRest(scene);
    assert.deepEqual(scene.cognee.counts.calls, before);
  });

  test("takes deliveries while Cognee is away, says so, spends nothing, and goes on by itself", async (t) => {
    const scene = await loadedScene(t, { accounts: 6 });
    const { cognee, simulator } = scene;
    await cognee.crash();
    describeAll(scene, "okapi");
    const newcomer = simulator.crm.create("Accounts", { Account_Name: "Newcomer", Description: "keeps a quokka" });
    assert.equal(await scene.announce("update", ...scene.ids, newcomer), 200);
    await assertOpens(scene, "sink", "SINK_UNREACHABLE");
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await cognee.restart();
    await waitFor("a closed circuit", async () => (await scene.health()).circuits.sink.state === "closed");
    await atRest(scene);
    await assertConverged(scene);
    await assertNothingSpent(scene);
    assert.deepEqual(await accountsWith(scene.dataset.memory, "quokka"), [`zoho/${newcomer}`]);
  });

  test("starts while Cognee is away, takes deliveries, says so, and begins by itself", async (t) => {
    const scene = await loadedScene(t, { accounts: 4 });
    await scene.cognee.crash();
    await scene.restart("SIGTERM");
    describeAll(scene, "okapi");
    assert.equal((await fetch(`${scene.served().url}/readyz`)).status, 200);
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await assertOpens(scene, "sink", "SINK_UNREACHABLE");
    await scene.cognee.restart();
    await atRest(scene);
    await assertConverged(scene);
    await assertNothingSpent(scene);
  });

  test("starts with a key that Cognee refuses, and says so", async (t) => {
    const scene = await loadedScene(t, { accounts: 2 });
    describeAll(scene, "okapi");
    await scene.restart("SIGTERM", { COGNEE_API_KEY: "of another" });
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await assertOpens(scene, "sink", "SINK_UNAUTHORIZED");
    await scene.restart("SIGTERM");
    await atRest(scene);
    await assertConverged(scene);
  });

  test("writes every account again to a Cognee that lost the dataset while it was away", async (t) => {
    const scene = await loadedScene(t, { accounts: 4 });
    await scene.dataset.call("DELETE", "/datasets/:id");
    await scene.cognee.crash();
    assert.equal(
      await scene.announce("create", scene.simulator.crm.create("Accounts", { Account_Name: "Newcomer" })),
      200,
    );
    await assertOpens(scene, "sink", "SINK_UNREACHABLE");
    await scene.cognee.restart();
    await waitFor(
      "every account",
      async () => (await scene.counted("syncs_written_total")) >= 2 * scene.ids.length + 1,
    );
    await atRest(scene);
    await assertConverged(scene);
  });

  test("hands no more documents to the model than the budget has; the rest waits and is no dead letter", async (t) => {
    const scene = await sceneOf(t, { accounts: 5, env: () => ({ COGNIFY_BUDGET_PER_HOUR: "3" }) });
    assert.equal(await scene.announce("create", ...scene.ids), 200);
    await assertOpens(scene, "budget", "SINK_OVER_BUDGET");
    await waitFor("what was in the budget is indexed", async () => scene.cognee.counts.documentsCognified === 3);
    await waitFor("the two others", async () => (await scene.health()).queue_size === 2);
    assert.equal(scene.cognee.counts.documentsAdded, 3);
    await assertNothingSpent(scene);
    await scene.restart("SIGTERM", { COGNIFY_BUDGET_PER_HOUR: "100" });
    // What waits is tried within ten minutes of the start; news of an account does not wait for that.
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await atRest(scene);
    await assertConverged(scene);
    await assertNothingSpent(scene);
  });

  test("signs in by name and password, and again when its sign-in has ended", async (t) => {
    const env = ({ username, password }: CogneeStandIn) => ({
      ...{ COGNEE_API_KEY: "", COGNEE_USERNAME: username, COGNEE_PASSWORD: password },
    });
    const scene = await loadedScene(t, { accounts: 3, env });
    const logins = () => scene.cognee.counts.calls["POST /auth/login"];
    assert.equal(logins(), 1);
    scene.cognee.endLogins();
    describeAll(scene, "okapi");
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await atRest(scene);
    assert.equal(logins(), 2);
    await assertConverged(scene);
    await assertNothingSpent(scene);
  });

  test("says so when its key no longer works, keeps what comes, and does it by another key", async (t) => {
    const scene = await loadedScene(t, { accounts: 3 });
    const another = await replaceKey(scene.cognee);
    describeAll(scene, "okapi");
    assert.equal(await scene.announce("update", ...scene.ids), 200);
    await assertOpens(scene, "sink", "SINK_UNAUTHORIZED");
    await assertNothingSpent(scene);
    await scene.restart("SIGTERM", { COGNEE_API_KEY: another });
    await atRest(scene);
    await assertNothingSpent(scene);
    await assertConverged({ ...scene, dataset: scene.datasetBy(another) });
  });
});

/** A scene before anything has happened; closed after the test. */
async function sceneOf(t: TestContext, { accounts, env, latency = {} }: SceneWish): Promise<Scene> {
  const cognee = await startCogneeStandIn({ clock: systemClock, latency });
  t.after(() => cognee.close());
  const world = await startServiceWorld({ cognee, dataset: "crm", accounts, env: env?.(cognee) ?? {} });
  t.after(() => world.close());
  return { ...world, cognee, ids: world.simulator.crm.ids("Accounts") };
}

/** A scene in which Cognee has every account. */
async function loadedScene(t: TestContext, wish: SceneWish): Promise<Scene> {
  const scene = await sceneOf(t, wish);
  assert.equal(await scene.announce("create", ...scene.ids), 200);
  await atRest(scene);
  await assertConverged(scene);
  return scene;
}

/** Changes every account in the CRM. */
function describeAll({ simulator, ids }: Scene, animal: string): void {
  for (const id of ids) simulator.crm.update("Accounts", id, { Description: `keeps ${animal} ${id}` });
}

/** Kills the service as soon as some of the load is done, but not all. */
async function killWhen(scene: Scene, what: string, done: () => number): Promise<void> {
  const before = done();
  await waitFor(what, async () => done() - before >= BEGUN);
  await scene.served().end("SIGKILL");
  assert.ok(done() - before < LOADED, `${what}: in the middle`);
}

/** Waits until a circuit is open, and asserts that health names it and why. */
async function assertOpens({ health }: Scene, circuit: "sink" | "budget", cause: string): Promise<void> {
  const shown = await waitFor(`an open circuit ${circuit}`, async () => {
    const found = await health();
    return found.circuits[circuit].state === "open" && found;
  });
  assert.equal(shown.status, "degraded");
  assert.equal(shown.circuits[circuit].cause, cause);
  assert.deepEqual(
    shown.problems.map(({ code }) => code),
    [`circuit_open:${circuit}`],
  );
  assert.match(shown.problems[0]?.message ?? "", new RegExp(cause));
}

/** Makes another key and takes the one in use away, as an administrator does. */
async function replaceKey({ url, apiKey }: CogneeStandIn): Promise<string> {
  const call = async (method: string, path: string, key: string) => {
    const headers = { "x-api-key": key, "content-type": "application/json" };
    const init = { method, headers, ...(method === "POST" ? { body: "{}" } : {}) };
    const response = await fetch(`${url}/api/v1/auth/api-keys${path}`, init);
    assert.equal(response.status, 200);
    return response.json();
  };
  const keys = (await call("GET", "", apiKey)) as readonly { readonly id: string; readonly key: string }[]; // Cognee's documented shape.
  const { key } = (await call("POST", "", apiKey)) as { readonly key: string };
  for (const { id } of keys) await call("DELETE", `/${id}`, key);
  return key;
}
