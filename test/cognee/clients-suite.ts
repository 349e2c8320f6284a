import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MemoryDocument } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import type { Memory } from "../../src/memory/memory.ts";
import {
  animalDocument,
  animalDocuments,
  assertHolds,
  assertNowhere,
  assertOneRunAtATime,
  type DatasetWorld,
  datasetWorld,
  putOf,
  putsOf,
  refOf,
  sharingDocument,
  until,
} from "../fakes/cognee-world.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
/** How long the model thinks where another client takes over meanwhile. */
const HELD_MS = 4_000;
/** Until a call has come to the server, which shows nothing of it while it waits for its turn. */
const ARRIVED_MS = 500;

/** Several clients of one dataset: such as are gone, and such as work at once. */
export function clientsSuite(server: () => CogneeServer): void {
  describe("a client is gone, and another does its work again while the server still does what it was told", () =>
    goneClients(server));
  describe("two workers", () => twoWorkers(server));
}

/** The other knows from the ledger that a write was begun, and nothing else. */
function goneClients(server: () => CogneeServer): void {
  test("its add had not got its turn: no twin", async () => {
    const world = datasetWorld(server());
    const { update } = await held(server(), world);
    const gone = await begun(world, "/add", (memory, signal) =>
      memory.put(
        [2, 3].map((id) => putOf(animalDocument(id, "zebra"))),
        signal,
      ),
    );
    await gone.leave();
    const now = [2, 3].map((id) => animalDocument(id, "okapi"));
    await world.memory.put(putsOf(now, { isUncertain: true }), never);
    await update;
    await world.memory.flush(never);
    await assertHolds(world, animalDocuments(3, "okapi"));
  });

  test("its add had not got its turn, and the account is to be forgotten: nothing is left", async () => {
    const world = datasetWorld(server());
    const { update } = await held(server(), world);
    const gone = await begun(world, "/add", (memory, signal) =>
      memory.put([putOf(animalDocument(2, "basilisk"))], signal),
    );
    await gone.leave();
    await removeAgain(world, animalDocument(2, "basilisk"));
    await update;
    await assertHolds(world, animalDocuments(1, "okapi"));
  });

  test("its run had begun: there is no second one at once", async () => {
    const world = datasetWorld(server());
    await world.memory.put(putsOf(animalDocuments(3, "zebra")), never);
    const gone = await thinking(server(), world, (memory, signal) => memory.flush(signal));
    await gone.leave();
    await world.another().flush(never);
    await assertHolds(world, animalDocuments(3, "zebra"));
    await assertOneRunAtATime(world);
  });

  test("its update had begun, and the account is as it was before by now: the old text is there", async () => {
    const world = datasetWorld(server());
    const stored = await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
    await world.memory.flush(never);
    const update = putOf(animalDocument(1, "okapi"), { sinkRef: refOf(stored[0]) });
    const gone = await thinking(server(), world, (memory, signal) => memory.put([update], signal));
    await gone.leave();
    await world.memory.put([putOf(animalDocument(1, "zebra"), { isUncertain: true })], never);
    await world.memory.flush(never);
    await assertHolds(world, animalDocuments(2, "zebra"));
  });

  test("its forgetting had begun, with a repair: nothing is left, and the others are searchable", async () => {
    const world = datasetWorld(server());
    const [kept, forgotten] = [sharingDocument(1, "zebra"), sharingDocument(2, "basilisk")];
    for (const document of [kept, forgotten]) {
      await world.memory.put([putOf(document)], never);
      await world.memory.flush(never);
    }
    const gone = await thinking(server(), world, (memory, signal) =>
      memory.remove([{ account: forgotten.account }], signal),
    );
    await gone.leave();
    await removeAgain(world, forgotten);
    await assertHolds(world, [kept]);
    await assertNowhere(world, "basilisk");
  });
}

function twoWorkers(server: () => CogneeServer): void {
  test("write other accounts, and the same ones one after the other, while one of them runs the index: no twin", async () => {
    const world = datasetWorld(server());
    const [one, other] = [world.memory, world.another()];
    const [mine, theirs] = [animalDocuments(6, "zebra").slice(0, 3), animalDocuments(6, "zebra").slice(3)];
    const [, stored] = await Promise.all([
      one.put(putsOf(mine), never),
      other.put(putsOf(theirs), never),
      one.flush(never),
    ]);
    await one.flush(never);
    const changed = theirs.map((_, index) => animalDocument(index + 4, "okapi"));
    const updates = changed.map((document, index) => putOf(document, { sinkRef: refOf(stored[index]) }));
    const [again] = await Promise.all([one.put(updates, never), one.flush(never)]);
    const last = changed.map((_, index) => animalDocument(index + 4, "lemur"));
    await other.put(
      last.map((document, index) => putOf(document, { sinkRef: refOf(again[index]) })),
      never,
    );
    await one.flush(never);
    await assertHolds(world, [...mine, ...last]);
    await assertOneRunAtATime(world);
  });

  test("write the same accounts at once, as after a lost lease: the write that sets it right leaves no twin", async () => {
    const world = datasetWorld(server());
    const [one, other] = [world.memory, world.another()];
    await Promise.all([
      one.put(putsOf(animalDocuments(3, "zebra")), never),
      other.put(putsOf(animalDocuments(3, "okapi"), { isUncertain: true }), never),
    ]);
    await one.put(putsOf(animalDocuments(3, "lemur"), { isUncertain: true }), never);
    await one.flush(never);
    await assertHolds(world, animalDocuments(3, "lemur"));
  });
}

/** A client that begins work, and is gone. */
interface GoneClient {
  /** Hangs up. The server does not notice. */
  readonly leave: () => Promise<void>;
}

type Work = (memory: Memory, signal: AbortSignal) => Promise<unknown>;

/** Begins work, as far as a call of this path was sent. */
async function begun(world: DatasetWorld, path: string, work: Work): Promise<GoneClient> {
  const sent = Promise.withResolvers<void>();
  const watched: typeof fetch = (input, init) => {
    const answer = fetch(input, init);
    if (String(input).includes(path)) sent.resolve();
    return answer;
  };
  const stop = new AbortController();
  const call = work(world.another({ fetch: watched }), stop.signal);
  call.catch(() => undefined); // Looked at when it leaves.
  await sent.promise;
  return {
    leave: async () => {
      await systemClock.sleep(ARRIVED_MS);
      stop.abort(new Error("gone"));
      await assert.rejects(call, /gone/);
    },
  };
}

/** Begins work for which the model is asked, and thinks. */
async function thinking({ model }: CogneeServer, world: DatasetWorld, work: Work): Promise<GoneClient> {
  const before = model.counts.chat;
  model.setDelayMs(HELD_MS);
  const gone = await begun(world, "/", work);
  await until("the model thinks", () => model.counts.chat > before);
  model.setDelayMs(0);
  return gone;
}

/** An update of another client holds the dataset for as long as the model thinks. */
async function held(server: CogneeServer, world: DatasetWorld) {
  const [first] = await world.memory.put([putOf(animalDocument(1, "zebra"))], never);
  await world.memory.flush(never);
  const update = putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) });
  let call: Promise<unknown> = Promise.resolve();
  await thinking(server, world, (memory, signal) => {
    call = memory.put([update], signal);
    return call;
  });
  return { update: call };
}

async function removeAgain({ memory }: DatasetWorld, { account }: MemoryDocument): Promise<void> {
  const [result] = await memory.remove([{ account }], never);
  assert.equal(result?.outcome, "removed");
  await memory.flush(never);
}
