import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { manualClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { type Log, silentLog } from "../../log.ts";
import type { DeliverOptions, DeliveryResult, NewEvent } from "../../queue/queue.ts";
import { connect, openDatabase } from "../embedded/database.ts";
import { SPILL_MIGRATIONS, SpillFile } from "./spill-file.ts";
import { openSpill, type Spill, type SpillDeps, SpillingQueue } from "./spilling-queue.ts";

const MEGABYTE = 1_000_000;
/** Turns of the event loop within which anything that needs no clock has happened. */
const TURNS_MAX = 500;

/** How the store behaves for one call: `lost` = applied, but the answer never came. */
type Mood = "here" | "away" | "lost" | "invalid" | "bug";

/** A small honest store: it dedups, is bounded, and applies a delivery whole or not at all. */
class SmallStore {
  mood: Mood = "here";
  /** Decides for single calls; undefined = by mood. */
  moodFor: (events: readonly NewEvent[]) => Mood | undefined = () => undefined;
  capacity = Number.POSITIVE_INFINITY;
  /** Ids of the events that were queued, in order. */
  readonly queued: string[] = [];
  calls = 0;
  /** Runs before an answer leaves, as for a process that dies there. */
  beforeAnswer: () => Promise<void> | void = () => undefined;
  readonly #known = new Set<string>();

  deliver = async (events: readonly NewEvent[], options: DeliverOptions = {}): Promise<DeliveryResult> => {
    this.calls += 1;
    const mood = this.moodFor(events) ?? this.mood;
    await new Promise((resolve) => setImmediate(resolve));
    if (mood === "away") throw new Fault("STORE_UNAVAILABLE", "delivering");
    if (mood === "invalid") throw new Fault("STORE_INVALID", "delivering");
    if (mood === "bug") throw new TypeError("a bug");
    const isFull = this.queued.length + events.length > this.capacity;
    if (isFull && options.isAcknowledged !== true) return { outcome: "full" };
    const fates = events.map((event) => this.#take(event));
    await this.beforeAnswer();
    if (mood === "lost") throw new Fault("STORE_UNAVAILABLE", "waiting for the answer");
    return { outcome: "taken", events: fates };
  };

  #take({ dedupKey, reason }: NewEvent): "queued" | "duplicate" {
    if (dedupKey !== undefined && this.#known.has(dedupKey)) return "duplicate";
    if (dedupKey !== undefined) this.#known.add(dedupKey);
    this.queued.push(reason.eventId);
    return "queued";
  }
}

/** A spill over a small store, with all that it says. */
function world(t: TestContext, options: { readonly bytesMax?: number; readonly path?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "memhook-spill-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = new SmallStore();
  const clock = manualClock();
  const counts: Record<string, number> = {};
  const lines: { readonly level: string; readonly message: string; readonly [field: string]: unknown }[] = [];
  const say =
    (level: string): Log["info"] =>
    (fields, message) =>
      lines.push({ ...fields, level, message });
  const deps: SpillDeps = {
    path: options.path ?? join(folder, "spill.db"),
    bytesMax: options.bytesMax ?? MEGABYTE,
    store,
    clock,
    random: { next: () => 0.999 },
    log: { ...silentLog, info: say("info"), warn: say("warn"), error: say("error") },
    counters: {
      add: (deltas) => {
        for (const [name, delta] of Object.entries(deltas)) counts[name] = (counts[name] ?? 0) + delta;
      },
    },
  };
  const open = (): Spill => {
    const spill = openSpill(deps);
    t.after(() => spill.close());
    return spill;
  };
  return { store, clock, counts, lines, deps, open };
}

const eventOf = (id: number | string, more: Partial<NewEvent> = {}): NewEvent => ({
  lane: "sync",
  key: `zoho/${id}`,
  rank: "live",
  delayMs: 0,
  dedupKey: `key ${id}`,
  label: "Accounts.update",
  reason: { eventId: `e${id}`, note: `["Accounts","${id}","update",["Phone"],0,0]`, receivedAt: 1_760_000_000_000 },
  ...more,
});

function keyless(id: number | string): NewEvent {
  const { dedupKey: _, ...event } = eventOf(id);
  return event;
}

const taken = (...events: readonly ("queued" | "duplicate" | "filtered")[]) => ({ outcome: "taken", events });

/** Turns the event loop until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (isSo()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`still not: ${isSo}`);
}

/** Lets everything happen that needs no clock. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("while the store answers, its answer is passed on and nothing is spilled", async (t) => {
  const { store, counts, lines, open } = world(t);
  const spill = open();
  spill.start();
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("queued"));
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("duplicate"));
  store.capacity = 1;
  assert.deepEqual(await spill.deliver([eventOf(2)]), { outcome: "full" });
  const status = { waiting: 0, bytes: 0, bytesMax: MEGABYTE, isAway: false, isFull: false };
  assert.deepEqual([spill.status(), counts, lines], [status, {}, []]);
});

test("while the store is away every delivery is taken, and all are replayed in the order of arrival when it is back", async (t) => {
  const { store, clock, counts, lines, open } = world(t);
  const spill = open();
  spill.start();
  store.mood = "away";
  const awaySince = clock.now();
  // Many are under way at that moment, and more come.
  const inFlight = Array.from({ length: 50 }, (_, id) => spill.deliver([eventOf(id)]));
  assert.deepEqual(new Set((await Promise.all(inFlight)).map((result) => result.outcome)), new Set(["taken"]));
  const calls = store.calls;
  assert.deepEqual(await spill.deliver([eventOf(50), eventOf(51, { isFiltered: true })]), taken("queued", "filtered"));
  for (let id = 52; id < 1_000; id++) await spill.deliver([eventOf(id)]);
  assert.equal(store.calls, calls, "nobody waits for a store that is known to be away");
  const status = spill.status();
  assert.deepEqual([status.waiting, status.isAway, status.awaySince], [1_000, true, awaySince]);

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
  assert.ok(accepted > 1 && spill.status().isFull && spill.status().bytes <= 500);
  assert.deepEqual(counts, { spill_events: accepted, spill_refused: 1 });
  store.mood = "here";
  await clock.advance(50);
  await until(() => spill.status().waiting === 0);
  assert.deepEqual(await spill.deliver([eventOf(accepted)]), taken("queued"));
  assert.equal(store.queued.length, accepted + 1);
  assert.equal(spill.status().isFull, false);
});

test("with nothing to replay, one live delivery after the backoff finds that the store is back", async (t) => {
  const { store, clock, open } = world(t, { bytesMax: 1 });
  const spill = open();
  store.mood = "away";
  const refused = () => assert.rejects(spill.deliver([eventOf(1)]), { code: "STORE_UNAVAILABLE" });
  await refused();
  await refused();
  assert.equal(store.calls, 1);
  await clock.advance(50);
  await until(() => clock.sleepers === 0);
  await Promise.all([refused(), refused(), refused()]);
  assert.equal(store.calls, 2);
  store.mood = "here";
  await until(() => clock.sleepers === 1);
  await clock.advance(100);
  await quiet();
  assert.deepEqual(await spill.deliver([eventOf(1)]), taken("queued"));
  assert.equal(spill.status().isAway, false);

  // The next outage begins with a short wait again.
  store.mood = "away";
  await assert.rejects(spill.deliver([eventOf(2)]), { code: "STORE_UNAVAILABLE" });
  await until(() => clock.sleepers === 1);
  await clock.advance(50);
  await quiet();
  store.mood = "here";
  assert.deepEqual(await spill.deliver([eventOf(2)]), taken("queued"));
});

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
  assert.deepEqual([result, spill.status().isAway, spill.status().isFull], [{ outcome: "full" }, false, true]);
  assert.equal(counts["spill_refused"], 1);
  store.capacity = 1_000;
  await clock.advance(100);
  await until(() => spill.status().waiting === 0);
  assert.equal(store.queued.length, 2 + 1 + accepted);
});

test("a delivery that the store refuses again and again is tried less and less often, once a second in the end", async (t) => {
  const { store, clock, open } = world(t);
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

test("a disk that cannot be written refuses deliveries while the store is away, and takes them when it can", async (t) => {
  const { store, clock, counts, deps } = world(t);
  const database = openDatabase(deps.path, SPILL_MIGRATIONS);
  const file = new SpillFile(database, { bytesMax: MEGABYTE, onClosed: () => undefined });
  const spill = new SpillingQueue(deps, file);
  t.after(() => spill.close());
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
