import assert from "node:assert/strict";
import { test } from "node:test";
import { eventOf, quiet, taken, until, world } from "../../../test/fakes/spill-world.ts";
import type { DeliveryResult } from "../../queue/queue.ts";
import { openSpill, type Spill } from "./spilling-queue.ts";

test("what was spilled while the store was away goes in past its capacity; what comes meanwhile waits for room in the file", async (t) => {
  const { store, clock, counts, lines, open } = world(t);
  const spill = open();
  store.mood = "away";
  const spilled = Array.from({ length: 600 }, (_, id) => eventOf(id));
  for (const event of spilled) await spill.deliver([event]);
  store.capacity = 0;
  store.mood = "here";
  let live: Promise<DeliveryResult> | undefined;
  store.beforeAnswer = () => {
    if (store.queued.length > 300) live ??= spill.deliver([eventOf("live")]); // Known to be back by then.
  };
  await clock.advance(1_000);
  await until(() => store.queued.length === 600);
  assert.deepEqual(await live, taken("queued"));
  await until(() => spill.status().waiting === 1); // The live one: it waits for room.
  await until(() => clock.sleepers === 1);
  store.queued.length = 0;
  store.capacity = 1;
  await clock.advance(100);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(store.queued, ["elive"]);
  assert.deepEqual(counts, { spill_events: 601, spill_replayed: 601 });
  await until(() => lines.length === 2);
  await clock.advance(60_000);
  assert.deepEqual(await spill.deliver([eventOf("later")]), { outcome: "full" });
});

/** A spill whose file holds one delivery, "behind", that waits for room in a store whose capacity two others have passed. */
async function heldUp({ store, clock, open }: ReturnType<typeof world>): Promise<Spill> {
  const spill = open();
  store.mood = "away";
  for (const id of [1, 2]) await spill.deliver([eventOf(id)]);
  store.mood = "here";
  store.capacity = 1;
  // The first finds that the store is back. The second is not answered before one more delivery has met a store that is full.
  store.beforeAnswer = async () => {
    if (store.queued.length < 2) return;
    store.beforeAnswer = () => undefined;
    await spill.deliver([eventOf("behind")]);
  };
  await until(() => clock.sleepers === 1);
  await clock.advance(50);
  await until(() => spill.status().waiting === 1 && clock.sleepers === 1);
  assert.deepEqual(store.queued, ["e1", "e2"]);
  return spill;
}

test("what waits for room is looked at ten times a second, however long it waits", async (t) => {
  const made = world(t);
  const { store, clock } = made;
  await heldUp(made);
  for (let look = 0; look < 8; look++) {
    const { calls } = store;
    await clock.advance(99);
    await quiet();
    assert.equal(store.calls, calls);
    await clock.advance(1);
    await until(() => store.calls === calls + 1 && clock.sleepers === 1);
  }
});

test("what waits for room goes in piece by piece as there is some, and is removed when all of it is in", async (t) => {
  const made = world(t);
  const { store, clock } = made;
  const spill = await heldUp(made);
  const ids = [10, 11, 12, 13, 14];
  assert.equal((await spill.deliver(ids.map((id) => eventOf(id)))).outcome, "taken");
  assert.deepEqual(await spill.deliver([eventOf("behind")]), taken("duplicate"));
  for (let room = 1; room <= 6; room++) {
    store.capacity = 2 + room;
    await clock.advance(100);
    await until(() => store.queued.length === 2 + room);
    await until(() => spill.status().waiting === 0 || clock.sleepers === 1);
    assert.equal(spill.status().waiting, room < 6 ? 5 : 0);
  }
  assert.deepEqual(store.queued, ["e1", "e2", "ebehind", ...ids.map((id) => `e${id}`)]);
});

test("what waits for room waits for it in the next process as well", async (t) => {
  const made = world(t);
  const { store, clock, open } = made;
  await (await heldUp(made)).close();
  const next = open();
  next.start();
  await until(() => clock.sleepers === 1);
  assert.deepEqual([next.status().waiting, store.queued], [1, ["e1", "e2"]]);
  store.capacity = 3;
  await clock.advance(100);
  await until(() => next.status().waiting === 0);
  assert.deepEqual(store.queued, ["e1", "e2", "ebehind"]);
});

test("what a further outage brings goes in at once, past what waits for room", async (t) => {
  const made = world(t);
  const { store, clock } = made;
  const spill = await heldUp(made);
  store.mood = "away";
  await clock.advance(100); // The next look finds that it is away.
  await until(() => spill.status().isAway);
  for (const id of [3, 4]) assert.deepEqual(await spill.deliver([eventOf(id)]), taken("queued"));
  store.mood = "here";
  await clock.advance(1_000);
  await until(() => store.queued.length === 4 && clock.sleepers === 1);
  assert.deepEqual([spill.status().waiting, store.queued], [1, ["e1", "e2", "e3", "e4"]]);
});

test("a delivery for which neither the store nor the file has room is refused as the store refuses it", async (t) => {
  const made = world(t, { bytesMax: 500 });
  const { store, counts, clock } = made;
  const spill = await heldUp(made);
  let [accepted, result] = [0, await spill.deliver([eventOf("0")])];
  for (; result.outcome === "taken" && accepted < 100; accepted++) {
    result = await spill.deliver([eventOf(`0${accepted}`)]);
  }
  assert.deepEqual([result, spill.status().isAway, spill.status().refusal], [{ outcome: "full" }, false, "full"]);
  assert.equal(counts["spill_refused"], 1);
  store.capacity = 1_000;
  await clock.advance(100);
  await until(() => spill.status().waiting === 0);
  assert.equal(store.queued.length, 2 + 1 + accepted);
});

test("a receiver with nothing to replay refuses nobody, though the replay of another has filled the store", async (t) => {
  const { store, clock, open } = world(t);
  const [one, other] = [open(), world(t)];
  const two = openSpill({ ...other.deps, store, clock });
  t.after(() => two.close());
  store.mood = "away";
  for (let id = 0; id < 100; id++) await one.deliver([eventOf(id)]);
  await two.deliver([eventOf("two")]);
  store.mood = "here";
  await clock.advance(1_000);
  await until(() => one.status().waiting + two.status().waiting === 0);
  assert.deepEqual(await two.deliver([eventOf("taken")]), taken("queued"));
  store.capacity = 10; // What the other replays is over the bound only now.
  await clock.advance(50_000);
  assert.deepEqual(await two.deliver([eventOf("live")]), taken("queued"));
  store.capacity = 1_000;
  await clock.advance(100);
  await until(() => two.status().waiting === 0);
  assert.equal(store.queued.at(-1), "elive");
});

test("a minute after an outage the store decides again, full or not, though one still waits here", async (t) => {
  const made = world(t);
  const { store, clock } = made;
  const spill = await heldUp(made);
  await clock.advance(60_000);
  await until(() => clock.sleepers === 1);
  assert.deepEqual(await spill.deliver([eventOf("late")]), { outcome: "full" });
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("duplicate"));
  assert.equal(spill.status().waiting, 1);
  store.capacity = 3; // Another receiver may take the room as well, so this one's senders are not kept from it.
  assert.deepEqual(await spill.deliver([eventOf("late")]), taken("queued"));
  store.capacity = 4;
  await clock.advance(100);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(store.queued, ["e1", "e2", "elate", "ebehind"]);
});

test("a delivery that the store keeps refusing puts backpressure off no longer than others do", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "away";
  for (const id of ["good", "bad"]) await spill.deliver([eventOf(id)]);
  store.mood = "here";
  store.moodFor = ([event]) => (event?.reason.eventId === "ebad" ? "bug" : undefined);
  await until(() => clock.sleepers === 1);
  await clock.advance(50);
  await until(() => store.queued.length === 1 && clock.sleepers === 1);
  store.capacity = 1;
  await clock.advance(60_000);
  assert.deepEqual(await spill.deliver([eventOf("late")]), { outcome: "full" });
  store.capacity = 2;
  assert.deepEqual(await spill.deliver([eventOf("late")]), taken("queued"));
  assert.equal(spill.status().waiting, 1);
});

test("a process that finds deliveries of an earlier one refuses nobody while it replays them", async (t) => {
  const { store, clock, open } = world(t);
  const before = open();
  store.mood = "away";
  await before.deliver([eventOf(1)]);
  await before.close();
  [store.mood, store.capacity] = ["here", 0];
  const next = open();
  next.start();
  await until(() => next.status().waiting === 0);
  assert.deepEqual(await next.deliver([eventOf(2)]), taken("queued"));
  await clock.advance(60_000);
  assert.deepEqual(await next.deliver([eventOf(3)]), { outcome: "full" });
});
