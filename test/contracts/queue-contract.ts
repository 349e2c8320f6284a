import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LEASE_REASONS_MAX } from "../../src/queue/queue.ts";
import {
  bury,
  claim,
  claimOne,
  complete,
  counter,
  eventOf,
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

/** Longest wait of a waiter that is to be woken. */
const WITHIN = { timeout: 3_000 };

/** What every queue keeps: taking, joining, claiming, order. */
export function queueContract(name: string, start: StartEngine): void {
  describe(`${name}: deliveries`, () => deliveries(start));
  describe(`${name}: joining and due times`, () => joining(start));
  describe(`${name}: order`, () => order(start));
  describe(`${name}: waiting for work`, () => waiting(start));
  describe(`${name}: durability`, () => durability(start));
}

function deliveries(start: StartEngine): void {
  test("an event becomes a job that carries its reason", async (t) => {
    const engine = await startFor(t, start);
    assert.equal(await take(engine, "zoho/1", "e1", { rank: "urgent" }), "queued");
    const lease = await claimOne(engine);
    assert.equal(lease.key, "zoho/1");
    assert.equal(lease.rank, "urgent");
    assert.equal(lease.attempt, 1);
    assert.equal(lease.reasonCount, 1);
    assert.equal(lease.oldestReceivedAt, engine.clock.now());
    assert.equal(lease.expiresAt, engine.clock.now() + LEASE_MS);
    assert.deepEqual(lease.reasons, [{ eventId: "e1", note: "note of e1", receivedAt: engine.clock.now() }]);
  });

  test("an equal dedup key inside the window is a duplicate, and makes no work", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    await take(engine, "zoho/1", "e1", { dedupKey: "k" });
    await complete(engine, await claimOne(engine));
    await engine.clock.advance(59_999);
    assert.equal(await take(engine, "zoho/1", "e2", { dedupKey: "k" }), "duplicate");
    assert.deepEqual(await claim(engine), []);
    assert.equal(await counter(engine, "events_duplicate"), 1);
    assert.equal(await fateOf(engine, "e2"), "0 events");
  });

  test("an equal dedup key after the window is a new event, though the old one still waits", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    await take(engine, "zoho/1", "e1", { dedupKey: "k" });
    await engine.clock.advance(60_000);
    assert.equal(await take(engine, "zoho/1", "e2", { dedupKey: "k" }), "coalesced");
    assert.equal(await take(engine, "zoho/1", "e3", { dedupKey: "k" }), "duplicate");
    assert.deepEqual(idsOf(await claimOne(engine)), ["e1", "e2"]);
  });

  test("a duplicate of an event that waits, of one that is worked on and of a dead one is a duplicate", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { dedupKey: "k" });
    assert.equal(await take(engine, "zoho/1", "e1", { dedupKey: "k" }), "duplicate");
    const lease = await claimOne(engine);
    assert.equal(await take(engine, "zoho/1", "e1", { dedupKey: "k" }), "duplicate");
    await bury(engine, lease);
    assert.equal(await take(engine, "zoho/1", "e1", { dedupKey: "k" }), "duplicate");
    assert.deepEqual(await claim(engine), []);
  });

  test("events without a dedup key are never duplicates", async (t) => {
    const engine = await startFor(t, start);
    const { dedupKey: _, ...event } = eventOf(engine, "zoho/1", "e1");
    const result = await engine.ports.queue.deliver([event, event]);
    assert.deepEqual(result, { outcome: "taken", events: ["queued", "coalesced"] });
    assert.equal((await claimOne(engine)).reasonCount, 2);
  });

  test("one delivery tells the outcome of each of its events, duplicates among themselves included", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e0");
    const result = await engine.ports.queue.deliver([
      eventOf(engine, "zoho/1", "e1"),
      eventOf(engine, "zoho/2", "e2"),
      eventOf(engine, "zoho/2", "e2"),
      eventOf(engine, "zoho/3", "e3", { isFiltered: true }),
    ]);
    assert.deepEqual(result, { outcome: "taken", events: ["coalesced", "queued", "duplicate", "filtered"] });
  });

  test("a filtered event is remembered and counted, and makes no work", async (t) => {
    const engine = await startFor(t, start);
    assert.equal(await take(engine, "zoho/1", "e1", { isFiltered: true }), "filtered");
    assert.equal(await take(engine, "zoho/1", "e1", { isFiltered: true }), "duplicate");
    assert.deepEqual(await claim(engine), []);
    const [event] = await engine.ports.view.events("e1");
    assert.equal(event?.fate, "filtered");
    assert.equal(event?.key, "zoho/1");
    assert.equal(await counter(engine, "events_filtered"), 1);
    assert.equal((await engine.ports.view.stats()).events, 0);
  });

  test("a delivery past the capacity is refused whole and leaves no trace", async (t) => {
    const engine = await startFor(t, start, { capacity: 3 });
    const { queue, view, counters } = engine.ports;
    await take(engine, "zoho/1", "e1");
    const before = await counters.read();
    const delivery = ["e2", "e3", "e4"].map((id) => eventOf(engine, "zoho/1", id));
    assert.deepEqual(await queue.deliver(delivery), { outcome: "full" });
    assert.deepEqual(await counters.read(), before);
    assert.equal((await view.stats()).events, 1);
    assert.equal(await fateOf(engine, "e2"), "0 events");
    assert.deepEqual(idsOf(await claimOne(engine)), ["e1"]);
  });

  test("a delivery that was acknowledged before is taken past the capacity, and counts against it", async (t) => {
    const engine = await startFor(t, start, { capacity: 2 });
    const { queue, view } = engine.ports;
    await take(engine, "zoho/1", "e1");
    const delivery = ["e1", "e2", "e3", "e4"].map((id) => eventOf(engine, "zoho/1", id));
    const both = await Promise.all([
      queue.deliver([eventOf(engine, "zoho/2", "f1"), eventOf(engine, "zoho/3", "f2")]),
      queue.deliver(delivery, { isAcknowledged: true }),
      queue.deliver([eventOf(engine, "zoho/2", "f1")]),
    ]);
    assert.deepEqual(both, [
      { outcome: "full" },
      { outcome: "taken", events: ["duplicate", "coalesced", "coalesced", "coalesced"] },
      { outcome: "full" },
    ]);
    assert.equal((await view.stats()).events, 4);
    await complete(engine, await claimOne(engine));
    assert.equal(await take(engine, "zoho/2", "f1"), "queued");
  });

  test("a refused event is taken later, and is no duplicate then", async (t) => {
    const engine = await startFor(t, start, { capacity: 1 });
    await take(engine, "zoho/1", "e1");
    assert.deepEqual(await engine.ports.queue.deliver([eventOf(engine, "zoho/2", "e2")]), { outcome: "full" });
    await complete(engine, await claimOne(engine));
    assert.equal(await take(engine, "zoho/2", "e2"), "queued");
  });

  test("leased events take up capacity, settled and dead ones do not", async (t) => {
    const engine = await startFor(t, start, { capacity: 2 });
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/2", "e2");
    const leases = await claim(engine);
    assert.equal((await engine.ports.queue.deliver([eventOf(engine, "zoho/3", "e3")])).outcome, "full");
    for (const lease of leases) await (lease.key === "zoho/1" ? complete(engine, lease) : bury(engine, lease));
    assert.equal((await engine.ports.view.stats()).events, 0);
    assert.equal(await take(engine, "zoho/3", "e3"), "queued");
  });

  test("a replay of an outage longer than the window knows what the outage began with", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    const startedAt = engine.clock.now();
    await engine.clock.advance(600_000);
    const at = (eventId: string, receivedAt: number) =>
      eventOf(engine, "zoho/1", eventId, { dedupKey: "k", reason: { eventId, note: "note", receivedAt } });
    const replayed = [at("e1", startedAt), at("e2", startedAt + 59_999), at("e3", startedAt + 60_000)];
    const results = [];
    for (const event of replayed) results.push(await engine.ports.queue.deliver([event], { isAcknowledged: true }));
    assert.deepEqual(
      results.map((result) => result.outcome === "taken" && result.events[0]),
      ["queued", "duplicate", "coalesced"],
    );
  });

  test("a delivery that names an event twice needs room for one", async (t) => {
    const engine = await startFor(t, start, { capacity: 1 });
    const event = eventOf(engine, "zoho/1", "e1");
    const result = await engine.ports.queue.deliver([event, event]);
    assert.deepEqual(result, { outcome: "taken", events: ["queued", "duplicate"] });
  });

  test("over the capacity, as after a redrive, a duplicate is still a duplicate", async (t) => {
    const engine = await startFor(t, start, { capacity: 1 });
    await take(engine, "zoho/1", "e1");
    await engine.ports.queue.settle([
      { verb: "dead", lease: await claimOne(engine), failure: { code: "X", message: "x" } },
    ]);
    await take(engine, "zoho/2", "e2");
    assert.equal(await engine.ports.view.redrive({}), 1);
    const again = await engine.ports.queue.deliver([eventOf(engine, "zoho/2", "e2")]);
    assert.deepEqual(again, { outcome: "taken", events: ["duplicate"] });
  });

  test("at capacity duplicates and filtered events are still taken", async (t) => {
    const engine = await startFor(t, start, { capacity: 1 });
    await take(engine, "zoho/1", "e1");
    const delivery = [eventOf(engine, "zoho/1", "e1"), eventOf(engine, "zoho/2", "e2", { isFiltered: true })];
    assert.deepEqual(await engine.ports.queue.deliver(delivery), {
      outcome: "taken",
      events: ["duplicate", "filtered"],
    });
  });

  test("deliveries in one turn of the event loop do not pass the capacity together", async (t) => {
    const engine = await startFor(t, start, { capacity: 5 });
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => engine.ports.queue.deliver([eventOf(engine, "zoho/1", `e${index}`)])),
    );
    assert.equal(results.filter((result) => result.outcome === "taken").length, 5);
    assert.equal((await engine.ports.view.stats()).events, 5);
  });

  test("equal events delivered in one turn are taken once", async (t) => {
    const engine = await startFor(t, start);
    const results = await Promise.all(
      Array.from({ length: 10 }, () => engine.ports.queue.deliver([eventOf(engine, "zoho/1", "e1")])),
    );
    const outcomes = results.flatMap((result) => (result.outcome === "taken" ? result.events : []));
    assert.equal(outcomes.filter((outcome) => outcome === "queued").length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === "duplicate").length, 9);
  });

  test("memhook's own work is not bounded by the capacity and is no event", async (t) => {
    const engine = await startFor(t, start, { capacity: 1 });
    await engine.ports.queue.enqueue([workOf(engine, "zoho/1"), workOf(engine, "zoho/2")]);
    const stats = await engine.ports.view.stats();
    assert.equal(stats.size, 2);
    assert.equal(stats.events, 0);
    assert.equal(await take(engine, "zoho/3", "e1"), "queued");
  });

  test("every accepted event is counted, in all and by label", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2", { label: "Contacts.create", lane: "route", key: "zoho/Contacts/9" });
    await take(engine, "zoho/1", "e2");
    const counts = await engine.ports.counters.read();
    assert.equal(counts["events_total"], 3);
    assert.equal(counts["events_accepted"], 2);
    assert.equal(counts["events_accepted:Accounts.update"], 1);
    assert.equal(counts["events_accepted:Contacts.create"], 1);
    assert.equal(counts["events_duplicate"], 1);
  });
}

function joining(start: StartEngine): void {
  test("events of one key become one job; the newest is synced, the others are superseded", async (t) => {
    const engine = await startFor(t, start);
    for (const id of ["e1", "e2", "e3"]) await take(engine, "zoho/1", id);
    const lease = await claimOne(engine);
    assert.deepEqual(idsOf(lease), ["e1", "e2", "e3"]);
    assert.equal(await complete(engine, lease), "settled");
    assert.equal(await fateOf(engine, "e1"), "superseded");
    assert.equal(await fateOf(engine, "e2"), "superseded");
    assert.equal(await fateOf(engine, "e3"), "synced");
    assert.equal(await counter(engine, "jobs_coalesced"), 2);
    assert.equal(await counter(engine, "events_settled"), 3);
    assert.equal(await counter(engine, "events_superseded"), 2);
  });

  test("a lease carries the newest reasons and counts all", async (t) => {
    const engine = await startFor(t, start);
    const ids = Array.from({ length: LEASE_REASONS_MAX + 5 }, (_, index) => `e${index}`);
    await engine.ports.queue.deliver(ids.map((id) => eventOf(engine, "zoho/1", id)));
    const lease = await claimOne(engine);
    assert.deepEqual(idsOf(lease), ids.slice(5));
    assert.equal(lease.reasonCount, LEASE_REASONS_MAX + 5);
    await complete(engine, lease);
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("an event during a lease causes exactly one more run, with the new reasons only", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const first = await claimOne(engine);
    for (const id of ["e2", "e3"]) assert.equal(await take(engine, "zoho/1", id), "coalesced");
    assert.deepEqual(await claim(engine), [], "the key is leased");
    await complete(engine, first);
    assert.equal(await fateOf(engine, "e1"), "synced");
    assert.equal(await fateOf(engine, "e2"), "queued");
    const second = await claimOne(engine);
    assert.deepEqual(idsOf(second), ["e2", "e3"]);
    assert.equal(second.attempt, 1);
    assert.ok(second.token > first.token);
    await complete(engine, second);
    assert.deepEqual(await claim(engine), []);
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("memhook's own work during a lease causes one more run, and joins silently where work waits", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await engine.ports.queue.enqueue([workOf(engine, "zoho/1")]);
    assert.equal((await engine.ports.view.stats()).size, 1, "joined without a reason of its own");
    const lease = await claimOne(engine);
    await engine.ports.queue.enqueue([workOf(engine, "zoho/1"), workOf(engine, "zoho/1")]);
    await complete(engine, lease);
    const again = await claimOne(engine);
    assert.equal(again.reasonCount, 1);
    assert.deepEqual(idsOf(again), [undefined]);
    await complete(engine, again);
    assert.deepEqual(await claim(engine), []);
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("a lane's keys are its own: the same key in two lanes is two jobs", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2", { lane: "route" });
    assert.deepEqual(idsOf(await claimOne(engine, "route")), ["e2"]);
    assert.deepEqual(idsOf(await claimOne(engine, "sync")), ["e1"]);
  });

  test("the minimum wait holds a job back, and each event counts it anew", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { delayMs: 1_000 });
    await engine.clock.advance(999);
    assert.deepEqual(await claim(engine), []);
    await take(engine, "zoho/1", "e2", { delayMs: 1_000 });
    await engine.clock.advance(999);
    assert.deepEqual(await claim(engine), []);
    await engine.clock.advance(1);
    assert.deepEqual(idsOf(await claimOne(engine)), ["e1", "e2"]);
  });

  test("the maximum wait ends a constant stream's delay", async (t) => {
    const engine = await startFor(t, start, { maxWaitMs: 5_000 });
    for (let second = 0; second < 5; second++) {
      await take(engine, "zoho/1", `e${second}`, { delayMs: 2_000 });
      assert.deepEqual(await claim(engine), []);
      await engine.clock.advance(1_000);
    }
    assert.equal((await claimOne(engine)).reasonCount, 5);
  });

  test("a key rests after a completed run: what comes then is one run at its end; urgent work does not wait", async (t) => {
    const engine = await startFor(t, start, { restMs: 1_000 });
    await take(engine, "zoho/1", "e1");
    await complete(engine, await claimOne(engine));
    await take(engine, "zoho/1", "e2");
    await take(engine, "zoho/1", "e3");
    await engine.clock.advance(999);
    assert.equal((await claim(engine)).length, 0);
    await engine.clock.advance(1);
    assert.equal((await claimOne(engine)).reasonCount, 2);

    await take(engine, "zoho/2", "f1");
    await complete(engine, await claimOne(engine));
    await take(engine, "zoho/2", "f2");
    await take(engine, "zoho/2", "f3", { rank: "urgent" });
    assert.equal((await claimOne(engine)).key, "zoho/2");
  });

  test("a rest is as long whenever it begins", async (t) => {
    const engine = await startFor(t, start, { restMs: 1_000 });
    for (let round = 0; round < 5; round++) {
      await take(engine, "zoho/1", `e${round}`);
      await complete(engine, await claimOne(engine));
      await engine.clock.advance(600);
      await take(engine, "zoho/1", `f${round}`);
      await engine.clock.advance(399);
      assert.deepEqual(await claim(engine), []);
      await engine.clock.advance(1);
      await complete(engine, await claimOne(engine));
      await engine.clock.advance(1_250);
    }
  });

  test("what joins during a run waits for the rest after it", async (t) => {
    const engine = await startFor(t, start, { restMs: 1_000 });
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await take(engine, "zoho/1", "e2");
    await complete(engine, lease);
    await engine.clock.advance(999);
    assert.equal((await claim(engine)).length, 0);
    await engine.clock.advance(1);
    assert.equal((await claimOne(engine)).reasonCount, 1);
  });

  test("an event without delay makes a waiting job due at once", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { delayMs: 5_000 });
    await take(engine, "zoho/1", "e2", { delayMs: 0, rank: "urgent" });
    const lease = await claimOne(engine);
    assert.equal(lease.rank, "urgent");
    assert.equal(lease.reasonCount, 2);
  });

  test("joining never makes an urgent job less urgent, nor a due job wait", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { rank: "urgent" });
    await take(engine, "zoho/1", "e2", { rank: "background", delayMs: 5_000 });
    assert.equal((await claimOne(engine)).rank, "urgent");
  });

  test("a new event pulls a failing job out of its backoff, attempts kept", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await retry(engine, await claimOne(engine), 20_000);
    assert.deepEqual(await claim(engine), []);
    await take(engine, "zoho/1", "e2", { delayMs: 1_000 });
    assert.deepEqual(await claim(engine), []);
    await engine.clock.advance(1_000);
    const lease = await claimOne(engine);
    assert.equal(lease.attempt, 2);
    assert.deepEqual(idsOf(lease), ["e1", "e2"]);
  });

  test("an event does not put off a job in backoff", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await retry(engine, await claimOne(engine), 500);
    await take(engine, "zoho/1", "e2", { delayMs: 5_000 });
    await engine.clock.advance(500);
    assert.equal((await claimOne(engine)).reasonCount, 2);
  });

  test("an event during a failing run makes the job due at once, one run for both", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await take(engine, "zoho/1", "e2", { rank: "urgent" });
    await retry(engine, lease, 20_000);
    const again = await claimOne(engine);
    assert.deepEqual(idsOf(again), ["e1", "e2"]);
    assert.equal(again.rank, "urgent");
    assert.equal(again.attempt, 2);
    await complete(engine, again);
    assert.equal((await engine.ports.view.stats()).size, 0);
  });
}

function order(start: StartEngine): void {
  test("urgent goes before live, live before background; within a rank the longest due goes first", async (t) => {
    const engine = await startFor(t, start);
    const ranks = ["background", "live", "urgent"] as const;
    for (const round of [1, 2]) {
      for (const rank of ranks) await take(engine, `zoho/${rank}${round}`, `${rank}${round}`, { rank });
      await engine.clock.advance(10);
    }
    assert.deepEqual(keysOf(await claim(engine, 4)), ["zoho/urgent1", "zoho/urgent2", "zoho/live1", "zoho/live2"]);
    assert.deepEqual(keysOf(await claim(engine, 4)), ["zoho/background1", "zoho/background2"]);
  });

  test("a job that has been due for longer goes first, though others were joined or made urgent meanwhile", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/first", "e1");
    await take(engine, "zoho/second", "e2", { delayMs: 1_000 });
    await take(engine, "zoho/urgent", "u1");
    await engine.clock.advance(500);
    await take(engine, "zoho/urgent second", "u2", { rank: "urgent" });
    await engine.clock.advance(5_000);
    await take(engine, "zoho/second", "e3");
    await take(engine, "zoho/urgent", "u3", { rank: "urgent" });
    const order = ["zoho/urgent", "zoho/urgent second", "zoho/first", "zoho/second"];
    for (const key of order) assert.deepEqual(keysOf(await claim(engine, 1)), [key]);
  });

  test("a key that was urgent and waits again does not pass one that has been due for longer", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2", { rank: "urgent" });
    const [urgent] = await claim(engine, 1);
    assert.ok(urgent);
    await complete(engine, urgent);
    await take(engine, "zoho/2", "e3");
    await engine.clock.advance(1_000);
    await take(engine, "zoho/1", "e4");
    for (const key of ["zoho/2", "zoho/1"]) assert.deepEqual(keysOf(await claim(engine, 1)), [key]);
  });

  test("a key that was urgent and waits again is claimed once, among others", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/1", "e2", { rank: "urgent" });
    const [urgent] = await claim(engine, 1);
    assert.ok(urgent);
    await complete(engine, urgent);
    await take(engine, "zoho/1", "e3");
    await take(engine, "zoho/2", "e4");
    await take(engine, "zoho/3", "e5", { delayMs: 1 });
    await engine.clock.advance(1);
    assert.deepEqual([...keysOf(await claim(engine))].sort(), ["zoho/1", "zoho/2", "zoho/3"]);
    assert.deepEqual(await claim(engine), []);
  });

  test("a job that is not due yet lets others pass", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { rank: "urgent", delayMs: 1_000 });
    await take(engine, "zoho/2", "e2", { rank: "background" });
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/2"]);
  });

  test("a claim hands out at most its limit, and each job once", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.queue.deliver([1, 2, 3, 4, 5].map((n) => eventOf(engine, `zoho/${n}`, `e${n}`)));
    const [a, b] = await Promise.all([claim(engine, 3), claim(engine, 3)]);
    assert.equal(a.length + b.length, 5);
    const tokens = [...a, ...b].map((lease) => lease.token);
    assert.equal(new Set(keysOf([...a, ...b])).size, 5);
    assert.equal(new Set(tokens).size, 5);
  });
}

function waiting(start: StartEngine): void {
  test("waiting ends at once when work is due", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await engine.ports.queue.waitForWork("sync", 60_000, new AbortController().signal);
  });

  test("waiting ends when work arrives, without time passing", async (t) => {
    const engine = await startFor(t, start);
    const waited = engine.ports.queue.waitForWork("sync", 60_000, new AbortController().signal);
    await take(engine, "zoho/1", "e1");
    await waited;
  });

  test("waiting ends at a job's due time, and not before", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { delayMs: 100 });
    let isOver = false;
    const waited = engine.ports.queue.waitForWork("sync", 60_000, new AbortController().signal).then(() => {
      isOver = true;
    });
    await engine.clock.advance(99);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isOver, false);
    await engine.clock.advance(1);
    await waited;
  });

  test("waiting ends at a due time that was set by a process before this one", WITHIN, async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1", { delayMs: 100 });
    await engine.restart();
    const waited = engine.ports.queue.waitForWork("sync", 60_000, new AbortController().signal);
    await engine.ports.view.stats(); // Behind the look of the waiter, which found nothing due.
    await engine.clock.advance(100);
    await waited;
  });

  test("waiting ends when a lease lapses", WITHIN, async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await claimOne(engine);
    const waited = engine.ports.queue.waitForWork("sync", 600_000, new AbortController().signal);
    await engine.ports.view.stats();
    await engine.clock.advance(LEASE_MS);
    await waited;
    assert.equal((await claimOne(engine)).attempt, 1);
  });

  test("waiting ends after its longest time, and on abort", async (t) => {
    const engine = await startFor(t, start);
    const timed = engine.ports.queue.waitForWork("sync", 100, new AbortController().signal);
    await engine.clock.advance(100);
    await timed;
    const abort = new AbortController();
    const aborted = engine.ports.queue.waitForWork("sync", 60_000, abort.signal);
    abort.abort();
    await aborted;
    await engine.ports.queue.waitForWork("sync", 60_000, abort.signal);
  });

  test("waiting ends when another process brings work", async (t) => {
    const engine = await startFor(t, start);
    const command = await engine.beside();
    const waited = engine.ports.queue.waitForWork("sync", 60_000, new AbortController().signal);
    await command.queue.enqueue([workOf(engine, "zoho/1")]);
    await engine.clock.advance(1_000);
    await waited;
    assert.equal((await claimOne(engine)).key, "zoho/1");
  });
}

function durability(start: StartEngine): void {
  test("a restart after a kill loses nothing that was acknowledged", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/2", "e2", { delayMs: 1_000 });
    await take(engine, "zoho/3", "e3");
    const lease = (await claim(engine)).find((candidate) => candidate.key === "zoho/3");
    assert.ok(lease);
    await complete(engine, lease);
    await engine.crash();
    assert.equal(await fateOf(engine, "e3"), "synced");
    assert.equal(await take(engine, "zoho/3", "e3"), "duplicate");
    await engine.clock.advance(1_000);
    assert.deepEqual([...keysOf(await claim(engine))].sort(), ["zoho/1", "zoho/2"]);
  });

  test("a duplicate is known after a restart, and no longer than its window", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    await take(engine, "zoho/1", "e1");
    await take(engine, "zoho/2", "e2", { isFiltered: true });
    await engine.restart();
    await engine.clock.advance(59_999);
    assert.equal(await take(engine, "zoho/1", "e1"), "duplicate");
    assert.equal(await take(engine, "zoho/2", "e2"), "duplicate");
    await engine.clock.advance(1);
    await engine.restart();
    assert.equal(await take(engine, "zoho/1", "e1"), "coalesced");
  });

  test("two processes on one store know each other's events", async (t) => {
    const engine = await startFor(t, start);
    const other = await engine.beside();
    const takeBeside = async (eventId: string) => {
      const result = await other.queue.deliver([eventOf(engine, "zoho/1", eventId)]);
      return result.outcome === "taken" ? result.events[0] : result.outcome;
    };
    await take(engine, "zoho/1", "e1");
    assert.equal(await takeBeside("e1"), "duplicate");
    // Each has delivered before: what the other adds from now on is news to it.
    for (const round of [1, 2]) {
      await takeBeside(`there ${round}`);
      // Work of one's own in between must not hide what the other did.
      await engine.ports.queue.enqueue([workOf(engine, "zoho/2")]);
      assert.equal(await take(engine, "zoho/1", `there ${round}`), "duplicate");
      await take(engine, "zoho/1", `here ${round}`);
      assert.equal(await takeBeside(`here ${round}`), "duplicate");
    }
  });

  test("what another process adds is known also where a delivery tripped on a bug", async (t) => {
    const engine = await startFor(t, start);
    const other = await engine.beside();
    await take(engine, "zoho/1", "e1");
    const broken = eventOf(engine, "zoho/9", "broken", { delayMs: Number.NaN });
    await assert.rejects(engine.ports.queue.deliver([eventOf(engine, "zoho/1", "gone"), broken]));
    await other.queue.deliver([eventOf(engine, "zoho/1", "there")]);
    assert.equal(await take(engine, "zoho/1", "there"), "duplicate");
    assert.equal(await take(engine, "zoho/1", "gone"), "coalesced");
  });

  test("a delivery that trips on a bug is not remembered, those of the same moment are", async (t) => {
    const engine = await startFor(t, start);
    const broken = eventOf(engine, "zoho/9", "broken", { delayMs: Number.NaN });
    const results = await Promise.allSettled([
      engine.ports.queue.deliver([eventOf(engine, "zoho/1", "e1")]),
      engine.ports.queue.deliver([eventOf(engine, "zoho/2", "e2"), broken]),
      engine.ports.queue.deliver([eventOf(engine, "zoho/3", "e3")]),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(await take(engine, "zoho/1", "e1"), "duplicate");
    assert.equal(await take(engine, "zoho/2", "e2"), "queued");
    assert.equal(await take(engine, "zoho/3", "e3"), "duplicate");
    assert.equal(await counter(engine, "events_accepted"), 3);
  });

  test("what was not acknowledged at a kill is whole or absent, never half", async (t) => {
    const engine = await startFor(t, start);
    const delivery = ["e1", "e2", "e3"].map((id, index) => eventOf(engine, `zoho/${index}`, id));
    // The old process is gone; what becomes of its promise nobody will ever know.
    void engine.ports.queue.deliver(delivery).catch(() => undefined);
    await engine.crash();
    const { size } = await engine.ports.view.stats();
    assert.ok(size === 0 || size === 3);
  });

  test("closing waits for steps in flight, and refuses what comes after", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const { queue, ledger, view } = engine.ports;
    const claiming = claim(engine);
    const delivering = queue.deliver([eventOf(engine, "zoho/2", "e2")]);
    await engine.restart();
    assert.equal((await claiming).length, 1);
    assert.equal((await delivering).outcome, "taken");
    assert.equal((await engine.ports.view.stats()).size, 2);
    const refused = { code: "STORE_UNAVAILABLE" };
    await assert.rejects(queue.deliver([eventOf(engine, "zoho/3", "e3")]), refused);
    await assert.rejects(queue.claim({ lane: "sync", limit: 1, leaseMs: 1 }), refused);
    await assert.rejects(queue.settle([]), refused);
    await assert.rejects(ledger.read(["zoho/1"]), refused);
    await assert.rejects(view.stats(), refused);
    await queue.waitForWork("sync", 60_000, new AbortController().signal);
    await queue.close();
  });

  test("a step that trips on a bug fails alone", async (t) => {
    const engine = await startFor(t, start);
    const broken = eventOf(engine, "zoho/1", "e1", {
      reason: { eventId: "e1", note: "x".repeat(5_000), receivedAt: 0 },
    });
    const results = await Promise.allSettled([
      engine.ports.queue.deliver([eventOf(engine, "zoho/2", "e2")]),
      engine.ports.queue.deliver([broken]),
      engine.ports.queue.deliver([eventOf(engine, "zoho/3", "e3")]),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/2", "zoho/3"]);
  });
}
