import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAILURES_MAX } from "../../src/queue/queue.ts";
import {
  bury,
  claim,
  claimOne,
  complete,
  counter,
  type EngineHarness,
  eventOf,
  FAILURE,
  fateOf,
  idsOf,
  keysOf,
  LEASE_MS,
  retry,
  type StartEngine,
  startFor,
  take,
  workOf,
} from "./engine-harness.ts";

/** What every queue view keeps: dead letters, redrive, purge, history, figures. */
export function queueViewContract(name: string, start: StartEngine): void {
  describe(`${name}: dead letters`, () => deadLetters(start));
  describe(`${name}: redrive and purge`, () => redriveAndPurge(start));
  describe(`${name}: history`, () => history(start));
  describe(`${name}: figures`, () => figures(start));
}

/** A dead letter of `key` with one event. */
async function die(engine: EngineHarness, key: string, eventId: string): Promise<void> {
  await take(engine, key, eventId);
  const lease = (await claim(engine)).find((candidate) => candidate.key === key);
  assert.ok(lease);
  await bury(engine, lease);
}

async function onlyLetter(engine: EngineHarness) {
  const letters = await engine.ports.view.deadLetters({ limit: 10 });
  assert.equal(letters.length, 1);
  const [letter] = letters;
  assert.ok(letter);
  return letter;
}

function deadLetters(start: StartEngine): void {
  test("a dead letter tells cause, attempts, failures and reasons", async (t) => {
    const engine = await startFor(t, start);
    const firstAt = engine.clock.now();
    await take(engine, "zoho/1", "e1");
    await retry(engine, await claimOne(engine), 1_000);
    await engine.clock.advance(1_000);
    await take(engine, "zoho/1", "e2");
    await bury(engine, await claimOne(engine), { code: "SINK_REFUSED", message: "refused" });
    const letter = await onlyLetter(engine);
    assert.match(letter.id, /^dl_\d+$/);
    assert.equal(letter.lane, "sync");
    assert.equal(letter.key, "zoho/1");
    assert.equal(letter.cause, "SINK_REFUSED");
    assert.equal(letter.message, "refused");
    assert.equal(letter.attempts, 2);
    assert.equal(letter.failedAt, firstAt + 1_000);
    assert.equal(letter.firstReceivedAt, firstAt);
    assert.deepEqual(letter.failures, [
      { ...FAILURE, attempt: 1, failedAt: firstAt },
      { code: "SINK_REFUSED", message: "refused", attempt: 2, failedAt: firstAt + 1_000 },
    ]);
    assert.deepEqual(
      letter.reasons.map((reason) => reason.eventId),
      ["e1", "e2"],
    );
    assert.equal(letter.reasonCount, 2);
    assert.deepEqual(await engine.ports.view.deadLetter(letter.id), letter);
    assert.deepEqual(await engine.ports.view.deadLetter("zoho/1"), letter);
    assert.equal(await engine.ports.view.deadLetter("dl_999999"), undefined);
    assert.equal(await fateOf(engine, "e1"), "dead");
    assert.equal(await counter(engine, "events_dead"), 2);
    assert.equal(await counter(engine, "jobs_dead:sync"), 1);
  });

  test("dead letters are not claimed, and survive a kill", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    await engine.crash();
    assert.deepEqual(await claim(engine), []);
    assert.equal((await onlyLetter(engine)).key, "zoho/1");
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("the newest dead letter comes first, and the limit holds", async (t) => {
    const engine = await startFor(t, start);
    for (const n of [1, 2, 3]) {
      await die(engine, `zoho/${n}`, `e${n}`);
      await engine.clock.advance(10);
    }
    assert.deepEqual(
      (await engine.ports.view.deadLetters({ limit: 2 })).map((letter) => letter.key),
      ["zoho/3", "zoho/2"],
    );
  });

  test("an event that came during the last attempt gets a fresh job", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await take(engine, "zoho/1", "e2");
    await bury(engine, lease);
    const fresh = await claimOne(engine);
    assert.deepEqual(idsOf(fresh), ["e2"]);
    assert.equal(fresh.attempt, 1);
    assert.equal((await onlyLetter(engine)).reasonCount, 1);
    assert.equal(await fateOf(engine, "e1"), "dead");
    assert.equal(await fateOf(engine, "e2"), "queued");
  });

  test("a key has one dead letter: the older goes into the newer", async (t) => {
    const engine = await startFor(t, start);
    const firstAt = engine.clock.now();
    for (const n of [1, 2, 3]) {
      await die(engine, "zoho/1", `e${n}`);
      await engine.clock.advance(1_000);
    }
    const letter = await onlyLetter(engine);
    assert.deepEqual(
      letter.reasons.map((reason) => reason.eventId),
      ["e1", "e2", "e3"],
    );
    assert.equal(letter.firstReceivedAt, firstAt);
    assert.equal(letter.failures.length, 3);
    assert.equal((await engine.ports.view.stats()).lanes.sync.dead, 1);
    assert.equal(await counter(engine, "events_dead"), 3);
  });

  test("failures are bounded, the newest kept", async (t) => {
    const engine = await startFor(t, start);
    for (let n = 0; n < FAILURES_MAX + 3; n++) {
      await take(engine, "zoho/1", `e${n}`);
      await bury(engine, await claimOne(engine), { code: "SINK_REFUSED", message: `time ${n}` });
    }
    const { failures } = await onlyLetter(engine);
    assert.equal(failures.length, FAILURES_MAX);
    assert.equal(failures.at(-1)?.message, `time ${FAILURES_MAX + 2}`);
  });

  test("a later success of the key closes its dead letter", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    await die(engine, "zoho/2", "e2");
    await take(engine, "zoho/1", "e3");
    await complete(engine, await claimOne(engine));
    assert.equal((await onlyLetter(engine)).key, "zoho/2");
    assert.equal(await fateOf(engine, "e1"), "superseded");
    assert.equal(await fateOf(engine, "e3"), "synced");
    assert.equal(await counter(engine, "dead_letters_healed"), 1);
    assert.equal((await engine.ports.view.stats()).lanes.sync.dead, 1);
  });
}

function redriveAndPurge(start: StartEngine): void {
  test("a redrive puts a dead letter back: attempts anew, reasons and failures kept", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    assert.equal(await engine.ports.view.redrive({ only: [(await onlyLetter(engine)).id] }), 1);
    assert.equal(await fateOf(engine, "e1"), "queued");
    const stats = await engine.ports.view.stats();
    assert.equal(stats.size, 1);
    assert.equal(stats.events, 1);
    assert.equal(stats.lanes.sync.dead, 0);
    const lease = await claimOne(engine);
    assert.equal(lease.attempt, 1);
    assert.deepEqual(idsOf(lease), ["e1"]);
    assert.equal((await engine.ports.view.jobs("zoho/1"))[0]?.failures.length, 1);
    await complete(engine, lease);
    assert.equal(await fateOf(engine, "e1"), "synced");
    assert.equal(await counter(engine, "dead_letters_redriven"), 1);
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("a redrive joins the live job of its key", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2", { delayMs: 5_000 });
    assert.equal(await engine.ports.view.redrive({ only: ["zoho/1"] }), 1);
    assert.deepEqual(await engine.ports.view.deadLetters({ limit: 10 }), []);
    assert.equal((await engine.ports.view.jobs("zoho/1"))[0]?.failures.length, 1, "its failures go with it");
    const lease = await claimOne(engine);
    assert.deepEqual(idsOf(lease), ["e1", "e2"]);
    await complete(engine, lease);
    assert.equal(await fateOf(engine, "e1"), "superseded");
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("a redrive joins a leased job as one more run", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2");
    const lease = await claimOne(engine);
    await engine.ports.view.redrive({});
    await complete(engine, lease);
    assert.deepEqual(idsOf(await claimOne(engine)), ["e1"]);
  });

  test("a redrive may mean all, some, or at most so many", async (t) => {
    const engine = await startFor(t, start);
    for (const n of [1, 2, 3, 4, 5]) await die(engine, `zoho/${n}`, `e${n}`);
    const { view } = engine.ports;
    assert.equal(await view.redrive({ only: ["zoho/1", "zoho/1", "zoho/nobody", "dl_999999"] }), 1);
    assert.equal(await view.redrive({ only: [] }), 0);
    assert.equal(await view.redrive({ limit: 2 }), 2);
    assert.equal(await view.redrive({}), 2);
    assert.equal(await view.redrive({}), 0);
    assert.equal((await claim(engine)).length, 5);
  });

  test("a redrive of very many reaches all of them", async (t) => {
    const engine = await startFor(t, start);
    const count = 450;
    await engine.ports.queue.deliver(Array.from({ length: count }, (_, n) => eventOf(engine, `zoho/${n}`, `e${n}`)));
    const held = await claim(engine, count);
    await engine.ports.queue.settle(held.map((lease) => ({ verb: "dead", lease, failure: FAILURE })));
    assert.equal((await engine.ports.view.stats()).lanes.sync.dead, count);
    assert.equal(await engine.ports.view.redrive({}), count);
    assert.equal((await engine.ports.view.stats()).lanes.sync.ready, count);
  });

  test("a purge deletes a dead letter for good; its events stay dead", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    await die(engine, "zoho/2", "e2");
    assert.equal(await engine.ports.view.purge({ only: ["zoho/1"] }), 1);
    assert.equal((await onlyLetter(engine)).key, "zoho/2");
    assert.equal(await fateOf(engine, "e1"), "dead");
    assert.equal((await engine.ports.view.events("e1"))[0]?.key, "zoho/1");
    await take(engine, "zoho/1", "e3");
    await complete(engine, await claimOne(engine));
    assert.equal(await fateOf(engine, "e1"), "dead");
  });

  test("a command beside the service redrives, and the service works on it", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    const command = await engine.beside();
    assert.equal(await command.view.redrive({ only: ["zoho/1"] }), 1);
    assert.deepEqual(idsOf(await claimOne(engine)), ["e1"]);
    assert.equal((await command.view.stats()).lanes.sync.leased, 1);
    await command.queue.enqueue([workOf(engine, "zoho/2")]);
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/2"]);
  });
}

const DAY_MS = 86_400_000;

/** Lets old history be deleted, which is done a piece at a time. */
async function prune(engine: EngineHarness): Promise<void> {
  for (let second = 0; second < 5; second++) {
    await engine.clock.advance(1_000);
    await claim(engine);
  }
}

function history(start: StartEngine): void {
  test("an event is found by its id, with what became of it", async (t) => {
    const engine = await startFor(t, start);
    const receivedAt = engine.clock.now();
    await take(engine, "zoho/1", "evt_1");
    const waiting = { eventId: "evt_1", note: "note of evt_1", receivedAt, lane: "sync", key: "zoho/1" };
    assert.deepEqual(await engine.ports.view.events("evt_1"), [{ ...waiting, fate: "queued" }]);
    await engine.clock.advance(10);
    await complete(engine, await claimOne(engine));
    assert.deepEqual(await engine.ports.view.events("evt_1"), [
      { ...waiting, fate: "synced", settledAt: receivedAt + 10 },
    ]);
    assert.deepEqual(await engine.ports.view.events("evt_2"), []);
  });

  test("the events of a delivery are found by the delivery's id, and each by its own", async (t) => {
    const engine = await startFor(t, start);
    const ids = ["msg:7:101", "msg:7:102", "msg:7", "msg:71:101", "msg:7:x"];
    await engine.ports.queue.deliver(ids.map((id, index) => eventOf(engine, `zoho/${index}`, id)));
    const found = async (id: string) => (await engine.ports.view.events(id)).map((event) => event.eventId).sort();
    assert.deepEqual(await found("msg:7"), ["msg:7", "msg:7:101", "msg:7:102"]);
    assert.deepEqual(await found("msg:7:101"), ["msg:7:101"]);
    assert.deepEqual(await found("msg:7:x"), ["msg:7:x"]);
    assert.deepEqual(await found("msg:71"), ["msg:71:101"]);
  });

  test("an id made from the dedup key is found like any other, also after its memory ended", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    // SHA-256 of "abc", cut to 128 bits.
    const eventId = "evt_ba7816bf8f01cfea414140de5dae2223";
    await take(engine, "zoho/1", eventId, { dedupKey: "abc" });
    assert.deepEqual(idsOf(await claimOne(engine)), [eventId]);
    assert.equal(await fateOf(engine, eventId), "queued");
    await engine.clock.advance(60_000);
    await take(engine, "zoho/1", eventId, { dedupKey: "abc" });
    assert.equal(await fateOf(engine, eventId), "2 events");
  });

  test("the jobs of a key are shown in every lane, live and dead", async (t) => {
    const engine = await startFor(t, start);
    await die(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2");
    const lease = await claimOne(engine);
    await take(engine, "zoho/1", "e3");
    await take(engine, "zoho/1", "e4", { lane: "route", delayMs: 5_000 });
    const jobs = await engine.ports.view.jobs("zoho/1");
    const seen = jobs.map((job) => `${job.lane} ${job.state} ${job.reasonCount}`).sort();
    assert.deepEqual(seen, ["route delayed 1", "sync dead 1", "sync leased 2"]);
    const leased = jobs.find((job) => job.state === "leased");
    assert.equal(leased?.jobId, lease.jobId);
    assert.equal(leased?.leaseExpiresAt, lease.expiresAt);
    assert.equal(leased?.attempt, 1);
  });

  test("a dedup key is known for as long as its window says, though history is shorter", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 2 * DAY_MS });
    await take(engine, "zoho/1", "e1", { dedupKey: "k" });
    await complete(engine, await claimOne(engine));
    await engine.clock.advance(1.5 * DAY_MS);
    await prune(engine);
    assert.equal(await take(engine, "zoho/1", "e2", { dedupKey: "k" }), "duplicate");
  });

  test("the end of an old event leaves the dedup key to a newer one", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 3_600_000 });
    await take(engine, "zoho/1", "e1", { dedupKey: "k" });
    await complete(engine, await claimOne(engine));
    await engine.clock.advance(DAY_MS - 60_000);
    assert.equal(await take(engine, "zoho/1", "e2", { dedupKey: "k" }), "queued");
    await complete(engine, await claimOne(engine));
    await engine.clock.advance(120_000);
    await prune(engine);
    assert.equal(await fateOf(engine, "e1"), "0 events");
    assert.equal(await take(engine, "zoho/1", "e3", { dedupKey: "k" }), "duplicate");
  });

  test("settled events are forgotten after a day, waiting and dead ones are not", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    await take(engine, "zoho/1", "settled");
    await complete(engine, await claimOne(engine));
    await die(engine, "zoho/2", "dead");
    await take(engine, "zoho/3", "waiting");
    const day = 86_400_000;
    await engine.clock.advance(day - 1_000);
    await take(engine, "zoho/4", "later");
    assert.equal(await fateOf(engine, "settled"), "synced");
    for (let second = 0; second < 5; second++) {
      await engine.clock.advance(2_000);
      await take(engine, "zoho/4", `later${second}`);
    }
    assert.equal(await fateOf(engine, "settled"), "0 events");
    assert.equal(await fateOf(engine, "dead"), "dead");
    assert.equal(await fateOf(engine, "waiting"), "queued");
  });
}

function figures(start: StartEngine): void {
  test("an empty queue says so", async (t) => {
    const engine = await startFor(t, start, { capacity: 7 });
    const stats = await engine.ports.view.stats();
    const nothing = { ready: 0, delayed: 0, leased: 0, dead: 0, unsettled: 0, unfinishedMs: 0 };
    assert.deepEqual(stats, {
      lanes: { route: nothing, sync: nothing, index: nothing },
      size: 0,
      events: 0,
      capacity: 7,
    });
  });

  test("the figures of a lane tell states, ages and running work", async (t) => {
    const engine = await startFor(t, start);
    const startAt = engine.clock.now();
    await take(engine, "zoho/1", "e1");
    await engine.clock.advance(100);
    const [lease] = await claim(engine);
    assert.ok(lease);
    await take(engine, "zoho/2", "e2");
    await take(engine, "zoho/2", "e3");
    await take(engine, "zoho/3", "e4", { delayMs: 5_000 });
    await engine.ports.queue.enqueue([workOf(engine, "zoho/4")]);
    await engine.clock.advance(50);
    const stats = await engine.ports.view.stats();
    assert.deepEqual(stats.lanes.sync, {
      ready: 2,
      delayed: 1,
      leased: 1,
      dead: 0,
      unsettled: 5,
      oldestReceivedAt: startAt,
      oldestDueAt: startAt + 100,
      oldestLeasedAt: startAt + 100,
      unfinishedMs: 50,
    });
    assert.equal(stats.size, 5);
    assert.equal(stats.events, 4);
  });

  test("memhook's own work does not count as lag", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.queue.enqueue([workOf(engine, "zoho/1")]);
    await engine.clock.advance(5_000);
    const { lanes } = await engine.ports.view.stats();
    assert.equal(lanes.sync.unsettled, 1);
    assert.equal(lanes.sync.oldestReceivedAt, undefined);
    assert.equal(lanes.sync.oldestDueAt, engine.clock.now() - 5_000);
  });

  test("figures agree over crashes and lost leases, and end at nothing", async (t) => {
    const engine = await startFor(t, start);
    const count = 20;
    await engine.ports.queue.deliver(Array.from({ length: count }, (_, n) => eventOf(engine, `zoho/${n}`, `e${n}`)));
    await claim(engine, 7);
    await engine.crash();
    await claim(engine, 5);
    await engine.clock.advance(LEASE_MS);
    for (let left = await claim(engine); left.length > 0; left = await claim(engine)) {
      for (const lease of left) await complete(engine, lease);
    }
    const { lanes, size, events } = await engine.ports.view.stats();
    assert.deepEqual([lanes.sync.ready, lanes.sync.leased, lanes.sync.delayed, size, events], [0, 0, 0, 0, 0]);
    assert.equal(await counter(engine, "events_settled"), count);
  });
}
