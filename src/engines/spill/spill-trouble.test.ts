import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventOf, MEGABYTE, taken, until, world } from "../../../test/fakes/spill-world.ts";
import { connect, openDatabase } from "../embedded/database.ts";
import { SpillFile } from "./spill-file.ts";
import { SPILL_MIGRATIONS } from "./spill-table.ts";
import { type SpillDeps, SpillingQueue } from "./spilling-queue.ts";

test("a delivery that the store refuses again and again is tried less and less often, once a second in the end", async (t) => {
  const { store, clock, lines, open } = world(t);
  const spill = open();
  store.mood = "away";
  for (const id of [1, 2]) await spill.deliver([eventOf(id)]);
  store.mood = "here";
  store.moodFor = ([event]) => (event?.reason.eventId === "e2" ? "bug" : undefined);
  await until(() => clock.sleepers === 1);
  await clock.advance(50);
  await until(() => spill.status().waiting === 1);
  const waits: number[] = [];
  for (let look = 0; look < 7; look++) {
    await until(() => clock.sleepers === 1);
    const { calls } = store;
    let waited = 0;
    for (; store.calls === calls; waited++) await clock.advance(1);
    waits.push(waited);
  }
  assert.deepEqual(waits.slice(-2), [999, 999]);
  assert.ok(waits.every((waited, look) => look === 0 || waited >= (waits[look - 1] ?? 0)));
  assert.equal(lines.filter(({ level }) => level === "error").length, 1, "told once");
});

test("a damaged row is counted, told once and set aside; the others are replayed", async (t) => {
  const { store, clock, counts, lines, deps, open } = world(t);
  const spill = open();
  store.mood = "away";
  for (let id = 0; id < 5; id++) await spill.deliver([eventOf(id)]);
  const beside = connect(deps.path);
  beside.exec("UPDATE deliveries SET events = '{}' WHERE seq IN (1, 3)");
  beside.close();
  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(store.queued, ["e1", "e3", "e4"]);
  assert.equal(counts["faults:STORE_INVALID"], 2);
  assert.equal(lines.filter(({ level }) => level === "error").length, 1);
});

/** A spill, and the database that its file is. */
function openOver(t: TestContext, deps: SpillDeps) {
  const database = openDatabase(deps.path, SPILL_MIGRATIONS);
  const file = new SpillFile(database, { bytesMax: MEGABYTE, onClosed: () => undefined });
  const spill = new SpillingQueue(deps, file);
  t.after(() => spill.close());
  return { spill, database };
}

test("a disk that cannot be written refuses deliveries while the store is away, and takes them when it can", async (t) => {
  const { store, clock, counts, deps } = world(t);
  const { spill, database } = openOver(t, deps);
  store.mood = "away";
  await spill.deliver([eventOf("a")]);
  database.exec("PRAGMA max_page_count = 2");
  const large = Array.from({ length: 100 }, (_, id) => eventOf(id));
  await assert.rejects(spill.deliver(large), { code: "STORE_UNAVAILABLE" });
  assert.equal(counts["spill_refused"], 100);
  database.exec("PRAGMA max_page_count = 1000");
  assert.equal((await spill.deliver(large)).outcome, "taken");
  store.mood = "here";
  await clock.advance(1_000);
  await until(() => spill.status().waiting === 0);
  assert.equal(store.queued.length, 101);
});

test("a file that cannot be written says so until a delivery is written, or a probe when nobody sends any", async (t) => {
  const { store, clock, deps } = world(t);
  const { spill, database } = openOver(t, deps);
  const readOnly = (mode: "ON" | "OFF") => database.exec(`PRAGMA query_only = ${mode}`); // SQLITE_READONLY, as of a disk.
  store.mood = "away";
  readOnly("ON");
  await assert.rejects(spill.deliver([eventOf(1)]), { code: "STORE_UNAVAILABLE" });
  assert.equal(spill.status().refusal, "unwritable");
  readOnly("OFF");
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("queued"));
  assert.equal(spill.status().refusal, undefined);

  readOnly("ON");
  await assert.rejects(spill.deliver([eventOf(2)]), { code: "STORE_UNAVAILABLE" });
  store.mood = "here";
  await until(() => clock.sleepers === 1);
  await clock.advance(1_000);
  await until(() => store.queued.length === 1 && clock.sleepers === 1);
  assert.deepEqual([spill.status().refusal, spill.status().isAway], ["unwritable", false]);
  readOnly("OFF");
  await clock.advance(1_000);
  await until(() => spill.status().refusal === undefined);
  await until(() => clock.sleepers === 0); // And then nothing is probed any more.
});

test("one delivery that the store refuses for another reason holds up no other, and is tried again", async (t) => {
  for (const mood of ["bug", "invalid"] as const) {
    const { store, clock, counts, lines, open } = world(t);
    const spill = open();
    store.mood = "away";
    for (const id of [0, 1, 2, 3]) await spill.deliver([eventOf(id)]);
    store.mood = "here";
    store.moodFor = ([event]) => (event?.reason.eventId === "e1" ? mood : undefined);
    await clock.advance(50);
    await until(() => spill.status().waiting === 1);
    assert.deepEqual(store.queued, ["e0", "e2", "e3"]);
    assert.equal(lines.filter(({ level }) => level === "error").length, 1);
    store.moodFor = () => undefined;
    await until(() => clock.sleepers === 1);
    await clock.advance(1_000);
    await until(() => spill.status().waiting === 0);
    assert.deepEqual(store.queued, ["e0", "e2", "e3", "e1"]);
    assert.equal(counts[mood === "bug" ? "faults:UNEXPECTED" : "faults:STORE_INVALID"], 1);
  }
});

test("a fault of the store that is not its absence is the caller's, and so is a bug", async (t) => {
  const { store, open } = world(t);
  const spill = open();
  store.mood = "invalid";
  await assert.rejects(spill.deliver([eventOf(1)]), { code: "STORE_INVALID" });
  store.mood = "bug";
  await assert.rejects(spill.deliver([eventOf(1)]), TypeError);
  assert.deepEqual([spill.status().waiting, spill.status().isAway], [0, false]);
});

test("a call that fails late, when a later one was answered, does not make the store look away", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  const answer = Promise.withResolvers<void>();
  store.moodFor = ([event]) => (event?.reason.eventId === "e1" ? "lost" : undefined);
  store.beforeAnswer = () => {
    store.beforeAnswer = () => undefined;
    return answer.promise;
  };
  const slow = spill.deliver([eventOf(1)]);
  await until(() => store.queued.length === 1);
  assert.deepEqual(await spill.deliver([eventOf(2)]), taken("queued"));
  store.moodFor = () => undefined;
  answer.resolve();
  assert.deepEqual(await slow, taken("queued"));
  assert.equal(spill.status().isAway, false);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual([store.queued, clock.sleepers], [["e1", "e2"], 0]);
});

test("a call that is answered late, when a later one failed, does not make the store look back", async (t) => {
  const { store, clock, open } = world(t);
  const spill = open();
  const answer = Promise.withResolvers<void>();
  store.beforeAnswer = () => answer.promise;
  const slow = spill.deliver([eventOf(1)]);
  await until(() => store.queued.length === 1);
  store.mood = "away";
  await spill.deliver([eventOf(2)]);
  answer.resolve();
  assert.deepEqual(await slow, taken("queued"));
  const { calls } = store;
  await spill.deliver([eventOf(3)]);
  assert.deepEqual([spill.status().isAway, store.calls], [true, calls]);
  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
});
