import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { MemoryDocument } from "../../src/account.ts";
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
  putOf,
  putsOf,
  refOf,
  rowsOf,
  sharingDocument,
  until,
} from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
/** Documents of an add that is cut off: Cognee stores them in batches of 20, so that there is a middle. */
const ADDED = 30;
/** Until a delete is in its middle: it takes a third of a second (measured). */
const DELETE_MIDDLE_MS = 100;
/** Documents of a run that is cut off: some four seconds of Cognee's time. */
const INDEXED = 12;
/** How long the model thinks where the server must die meanwhile; nobody waits for the end. */
const THINKING_MS = 20_000;
/** Embeddings after which a run of INDEXED documents writes, and is far from its end. */
const EMBEDDINGS_MIDDLE = 10;

/** A call that has not been answered. */
interface OpenCall {
  readonly call: Promise<unknown>;
  /** What is done right before the kill. */
  readonly last?: () => Promise<void>;
}

/** Work on a dataset of its own that is cut off. */
interface Scene {
  readonly name: string;
  readonly world: DatasetWorld;
  /** What is there before. */
  readonly prepare: () => Promise<void>;
  /** Resolves when the server is in the middle of the work, or will be right after the `last` word. */
  readonly begin: () => Promise<OpenCall>;
  /** The same work as memhook does it when an answer never came. */
  readonly again: () => Promise<void>;
  readonly expected: readonly MemoryDocument[];
  /** A word that must be nowhere in the graph. */
  readonly gone?: string;
}

/** What the sink leaves on a real Cognee that is killed at the worst places. */
export function crashSuite(server: () => CogneeServer): void {
  describe("the server is killed", () => {
    test("in the middle of an add and of the writing of a run; while the model reads for an update and a repair", async (t) => {
      const scenes = [updating(server(), "thinking"), repairing(server()), indexing(server()), adding(server())];
      await crashIn(t, server(), scenes);
    });

    test("in the middle of the writing of an update, and of a delete", async (t) => {
      await crashIn(t, server(), [deleting(server()), updating(server(), "writing")]);
    });
  });
}

async function crashIn(t: TestContext, server: CogneeServer, scenes: readonly Scene[]): Promise<void> {
  for (const { prepare } of scenes) await prepare();
  const open: OpenCall[] = [];
  for (const { begin } of scenes) open.push(await begin());
  for (const { last } of open) await last?.();
  await server.kill();
  for (const [index, { call }] of open.entries())
    await assert.rejects(
      call,
      { code: "SINK_UNREACHABLE" },
      `${scenes[index]?.name}: the server died before its answer`,
    );
  server.model.setDelayMs(0);
  await server.start();
  for (const scene of scenes) {
    const { name, world, expected, gone } = scene;
    t.diagnostic(`${name}: ${(await rowsOf(world)).length} documents after the crash`);
    if (!(await wentOn(scene))) {
      t.diagnostic(`${name}: the store is torn, as told; mended by hand`);
      await mendStore(server, world);
      await scene.again();
    }
    await assertHolds(world, expected);
    if (gone !== undefined) await assertNowhere(world, gone);
  }
}

/** Does the work again. False where the kill tore the store of the dataset, which Ladybug does now and then, and the sink says so. */
async function wentOn({ again }: Scene): Promise<boolean> {
  try {
    await again();
    return true;
  } catch (error) {
    if (error instanceof Fault && error.code === "SINK_DAMAGED") return false;
    throw error;
  }
}

function adding(server: CogneeServer): Scene {
  const world = datasetWorld(server);
  return {
    ...{ name: "add", world, expected: animalDocuments(ADDED, "okapi"), prepare: async () => undefined },
    begin: async () => {
      const call = world.memory.put(putsOf(animalDocuments(ADDED, "zebra")), never);
      call.catch(() => undefined); // Looked at after the crash.
      await until("some documents are stored", async () => (await rowsOf(world)).length > 0);
      return { call };
    },
    again: async () => {
      await world.memory.put(putsOf(animalDocuments(ADDED, "okapi"), { isUncertain: true }), never);
      await world.memory.flush(never);
    },
  };
}

function indexing(server: CogneeServer): Scene {
  const world = datasetWorld(server);
  const expected = animalDocuments(INDEXED, "zebra");
  return {
    ...{ name: "run", world, expected },
    prepare: async () => {
      await world.memory.put(putsOf(expected), never);
    },
    begin: async () => {
      server.model.setDelayMs(0);
      const before = server.model.counts.embeddings;
      const call = world.memory.flush(never);
      call.catch(() => undefined); // Looked at after the crash.
      await until("the run writes", () => server.model.counts.embeddings >= before + EMBEDDINGS_MIDDLE);
      return { call };
    },
    again: async () => {
      await world.memory.flush(never);
    },
  };
}

function updating(server: CogneeServer, stage: "thinking" | "writing"): Scene {
  const world = datasetWorld(server);
  const { counts } = server.model;
  let sinkRef = "";
  return {
    ...{ name: `update, ${stage}`, world, expected: [animalDocument(1, "okapi"), animalDocument(2, "zebra")] },
    prepare: async () => {
      const [first] = await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
      sinkRef = refOf(first);
      await world.memory.flush(never);
    },
    begin: async () => {
      server.model.setDelayMs(stage === "thinking" ? THINKING_MS : 0);
      const before = { ...counts };
      const call = world.memory.put([putOf(animalDocument(1, "okapi"), { sinkRef })], never);
      call.catch(() => undefined); // Looked at after the crash.
      await until(`the update is ${stage}`, () =>
        stage === "thinking" ? counts.chat > before.chat : counts.embeddings > before.embeddings,
      );
      return { call };
    },
    again: async () => {
      await world.memory.put([putOf(animalDocument(1, "okapi"), { sinkRef, isUncertain: true })], never);
      await world.memory.flush(never);
    },
  };
}

function repairing(server: CogneeServer): Scene {
  const world = datasetWorld(server);
  const keeper = sharingDocument(1, "zebra");
  const forgotten = sharingDocument(2, "basilisk");
  const remove = () => world.memory.remove([{ account: forgotten.account }], never);
  return {
    ...{ name: "repair of a forgetting", world, expected: [keeper], gone: "basilisk" },
    prepare: async () => {
      for (const document of [keeper, forgotten]) {
        await world.memory.put([putOf(document)], never);
        await world.memory.flush(never);
      }
    },
    begin: async () => {
      server.model.setDelayMs(THINKING_MS);
      const before = server.model.counts.chat;
      const call = remove();
      call.catch(() => undefined); // Looked at after the crash.
      await until("the other document is read again", () => server.model.counts.chat > before);
      return { call };
    },
    again: async () => {
      await world.memory.flush(never); // As the index job does that was queued before the removal; else that waits for the killed run.
      assert.equal((await remove())[0]?.outcome, "removed");
      await world.memory.flush(never);
    },
  };
}

/** The delete itself is held back until all other work is in its middle: it is over too soon. */
function deleting(server: CogneeServer): Scene {
  const world = datasetWorld(server);
  const { account } = animalDocument(1, "zebra");
  const [sent, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let dataId = "";
  const watched: typeof fetch = async (input, init) => {
    if (init?.method === "DELETE" && String(input).endsWith(dataId)) {
      sent.resolve();
      await released.promise;
    }
    return fetch(input, init);
  };
  return {
    ...{ name: "delete", world, expected: [animalDocument(2, "zebra")], gone: "Company 1" },
    prepare: async () => {
      const [first] = await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
      dataId = refOf(first);
      await world.memory.flush(never);
    },
    begin: async () => {
      const call = world.another({ fetch: watched }).remove([{ account }], never);
      call.catch(() => undefined); // Looked at after the crash.
      await sent.promise;
      const last = async () => {
        released.resolve();
        await systemClock.sleep(DELETE_MIDDLE_MS);
      };
      return { call, last };
    },
    again: async () => {
      assert.equal((await world.memory.remove([{ account }], never))[0]?.outcome, "removed");
      await world.memory.flush(never);
    },
  };
}
