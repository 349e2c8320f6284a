import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { eventOf, keyless, MEGABYTE, quiet, taken, until, world } from "../../../test/fakes/spill-world.ts";
import { Fault } from "../../faults.ts";
import { connect } from "../embedded/database.ts";
import { openSpill } from "./spilling-queue.ts";

test("while the store answers, its answer is passed on and nothing is spilled", async (t) => {
  const { store, counts, lines, open } = world(t);
  const spill = open();
  spill.start();
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("queued"));
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("duplicate"));
  store.capacity = 1;
  assert.deepEqual(await spill.deliver([eventOf(2)]), { outcome: "full" });
  const status = { waiting: 0, bytes: 0, bytesMax: MEGABYTE, isAway: false, refusal: undefined };
  assert.deepEqual([spill.status(), counts, lines], [status, {}, []]);
});

test("while the store is away every delivery is taken, and all are replayed in the order of arrival when it is back", async (t) => {
  const { store, clock, counts, lines, open } = world(t);
  const spill = open();
  spill.start();
  store.mood = "away";
  // Many are under way at that moment, and more come.
  const inFlight = Array.from({ length: 50 }, (_, id) => spill.deliver([eventOf(id)]));
  assert.deepEqual(new Set((await Promise.all(inFlight)).map((result) => result.outcome)), new Set(["taken"]));
  const calls = store.calls;
  assert.deepEqual(await spill.deliver([eventOf(50), eventOf(51, { isFiltered: true })]), taken("queued", "filtered"));
  for (let id = 52; id < 1_000; id++) await spill.deliver([eventOf(id)]);
  assert.equal(store.calls, calls, "nobody waits for a store that is known to be away");
  const status = spill.status();
  assert.deepEqual([status.waiting, status.isAway], [1_000, true]);

  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(
    store.queued,
    Array.from({ length: 1_000 }, (_, id) => `e${id}`),
  );
  assert.equal(spill.status().isAway, false);
  assert.deepEqual(counts, { spill_events: 1_000, spill_replayed: 1_000 });
  await until(() => lines.length === 2);
  const [begin, end] = lines;
  assert.deepEqual([begin?.level, begin?.["error"] instanceof Fault], ["warn", true]);
  assert.deepEqual([end?.level, end?.["events"], end?.["durationMs"]], ["info", 1_000, 50]);
});

test("one probe at a time looks whether the store is back, within a second", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "away";
  for (let id = 0; id < 10; id++) await spill.deliver([eventOf(id)]);
  const waits: number[] = [];
  for (let probe = 0; probe < 8; probe++) {
    await until(() => clock.sleepers === 1);
    const { calls } = store;
    let waited = 0;
    for (; store.calls === calls; waited++) await clock.advance(1);
    waits.push(waited);
    await quiet();
    assert.equal(store.calls, calls + 1);
  }
  assert.deepEqual(waits, [49, 99, 199, 399, 799, 999, 999, 999]);
});

test("new deliveries go to the store as soon as it answers, while others are still replayed", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "away";
  for (let id = 0; id < 2_000; id++) await spill.deliver([eventOf(id)]);
  store.mood = "here";
  await clock.advance(50);
  await until(() => !spill.status().isAway);
  assert.deepEqual(await spill.deliver([eventOf("new")]), taken("queued"));
  assert.ok(spill.status().waiting > 0);
  await until(() => spill.status().waiting === 0);
  assert.equal(new Set(store.queued).size, 2_001);
});

test("a delivery that the store took although its answer was lost is taken once", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "lost";
  assert.deepEqual(await spill.deliver([eventOf(1), eventOf(2)]), taken("queued", "queued"));
  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(store.queued, ["e1", "e2"]);
});

test("a sender's retries fill no file, and are counted as the duplicates that they are", async (t) => {
  const { store, clock, counts, open } = world(t);
  const spill = open();
  store.mood = "away";
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("queued"));
  const { bytes } = spill.status();
  for (let retry = 0; retry < 5; retry++) assert.deepEqual(await spill.deliver([eventOf(1)]), taken("duplicate"));
  assert.equal(spill.status().bytes, bytes);
  assert.deepEqual(await spill.deliver([keyless(2), keyless(2)]), taken("queued", "queued"));
  assert.deepEqual(counts, { spill_events: 3, events_total: 5, events_duplicate: 5 });
  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(store.queued, ["e1", "e2", "e2"]);
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("duplicate"));
});

test("past its bound a delivery is refused as unavailable, and taken once there is room", async (t) => {
  const { store, clock, counts, open } = world(t, { bytesMax: 500 });
  const spill = open();
  store.mood = "away";
  let accepted = 0;
  const refusal = await (async () => {
    for (;;) {
      try {
        await spill.deliver([eventOf(accepted)]);
        accepted += 1;
      } catch (error) {
        return error;
      }
    }
  })();
  assert.ok(refusal instanceof Fault && refusal.code === "STORE_UNAVAILABLE");
  assert.ok(accepted > 1 && spill.status().bytes <= 500);
  assert.equal(spill.status().refusal, "full");
  assert.deepEqual(counts, { spill_events: accepted, spill_refused: 1 });
  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(await spill.deliver([eventOf(accepted)]), taken("queued"));
  assert.equal(store.queued.length, accepted + 1);
  assert.equal(spill.status().refusal, undefined);
});

test("with nothing to replay, one probe at a time finds that the store is back, though nobody sends anything", async (t) => {
  const { store, clock, open } = world(t, { bytesMax: 1 });
  const spill = open();
  store.mood = "away";
  const refused = () => assert.rejects(spill.deliver([eventOf(1)]), { code: "STORE_UNAVAILABLE" });
  await refused();
  await refused();
  assert.equal(store.calls, 1);
  await until(() => clock.sleepers === 1);
  await clock.advance(50);
  await until(() => clock.sleepers === 1);
  await Promise.all([refused(), refused(), refused()]);
  assert.equal(store.calls, 2);
  store.mood = "here";
  await clock.advance(100);
  await until(() => !spill.status().isAway);
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("queued"));

  // The next outage begins with a short wait again.
  store.mood = "away";
  await assert.rejects(spill.deliver([eventOf(2)]), { code: "STORE_UNAVAILABLE" });
  await until(() => clock.sleepers === 1);
  store.mood = "here";
  await clock.advance(50);
  await until(() => !spill.status().isAway);
  assert.deepEqual(await spill.deliver([eventOf(2)]), taken("queued"));
  assert.deepEqual([store.queued, clock.sleepers], [["e1", "e2"], 0]);
});

test("a process that nobody sends anything notices an outage when it looks, and then that the store is back", async (t) => {
  const { store, clock, lines, open } = world(t);
  const spill = open();
  spill.start();
  store.mood = "away";
  await spill.look();
  assert.equal(spill.status().isAway, true);
  await until(() => clock.sleepers === 1);
  const { calls } = store;
  await spill.look();
  assert.equal(store.calls, calls, "who knows of the outage looks by itself");
  [store.mood, store.capacity] = ["here", 0];
  await clock.advance(50);
  await until(() => !spill.status().isAway && clock.sleepers === 0);
  assert.deepEqual([await spill.deliver([eventOf(1)]), lines.length], [taken("queued"), 1]);
});

test("a delivery of very many events is replayed in bounded calls and removed when all of it was answered", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "away";
  await spill.deliver(Array.from({ length: 1_001 }, (_, id) => keyless(id)));
  const sizes: number[] = [];
  store.moodFor = (events) => {
    sizes.push(events.length);
    return sizes.length === 3 ? "away" : "here";
  };
  await clock.advance(50);
  await until(() => clock.sleepers === 1);
  assert.equal(spill.status().waiting, 1_001);
  await clock.advance(50); // The backoff begins anew, as the store had answered.
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(sizes, [200, 200, 200, 200, 200, 200, 1]);
  assert.equal(store.queued.length, 1_001); // The pieces that were answered are not repeated.
});

test("killed between the store's answer and the removal, the next process replays it again and the store knows it", async (t) => {
  const first = world(t);
  const spill = first.open();
  first.store.mood = "away";
  for (let id = 0; id < 10; id++) await spill.deliver([eventOf(id)]);
  first.store.mood = "here";
  const copy = join(first.deps.path, "..", "killed.db");
  // What a kill at this instant would leave on the disk.
  first.store.beforeAnswer = () => {
    const beside = connect(first.deps.path);
    beside.exec(`VACUUM INTO '${copy}'`);
    beside.close();
    first.store.beforeAnswer = () => undefined;
  };
  await first.clock.advance(50);
  await until(() => spill.status().waiting === 0);

  const { store, counts, lines, deps } = world(t, { path: copy });
  const next = openSpill({ ...deps, store: first.store });
  t.after(() => next.close());
  assert.equal(next.status().waiting, 10);
  next.start();
  await until(() => next.status().waiting === 0);
  assert.deepEqual([first.store.queued.length, store.calls], [10, 0]);
  assert.deepEqual(counts, { spill_replayed: 10 });
  await until(() => lines.length === 2);
  assert.deepEqual(
    lines.map(({ level, events }) => [level, events]),
    [
      ["info", 10],
      ["info", 10],
    ],
  );
});

test("a file left by an earlier process waits for a store that is away at the start", async (t) => {
  const { store, clock, counts, open } = world(t);
  const before = open();
  store.mood = "away";
  await before.deliver([eventOf(1)]);
  await before.close();
  const after = open();
  after.start();
  await until(() => after.status().isAway);
  assert.deepEqual(await after.deliver([eventOf(2)]), taken("queued"));
  store.mood = "here";
  await clock.advance(1_000);
  await until(() => after.status().waiting === 0);
  assert.deepEqual(store.queued, ["e1", "e2"]);
  assert.equal(counts["spill_replayed"], 2);
});

test("closing waits for what is being replayed, so that it is not replayed again", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "away";
  await spill.deliver([keyless(1)]);
  store.mood = "here";
  const answer = Promise.withResolvers<void>();
  store.beforeAnswer = () => answer.promise;
  await until(() => clock.sleepers === 1);
  await clock.advance(50);
  await until(() => store.queued.length === 1);
  const closing = spill.close();
  await quiet();
  answer.resolve();
  await closing;
  assert.equal(open().status().waiting, 0);
});

test("closing ends the replay, keeps what waits, and may be repeated; the store's answers still pass", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  store.mood = "away";
  for (let id = 0; id < 5; id++) await spill.deliver([eventOf(id)]);
  await until(() => clock.sleepers === 1);
  await Promise.all([spill.close(), spill.close()]);
  await spill.close();
  assert.equal(clock.sleepers, 0);
  await assert.rejects(spill.deliver([eventOf(9)]), { code: "STORE_UNAVAILABLE" });
  assert.equal(open().status().waiting, 5);
});
