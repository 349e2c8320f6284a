import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Lease } from "../../src/queue/queue.ts";
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
  release,
  retry,
  type StartEngine,
  startFor,
  take,
  workOf,
} from "./engine-harness.ts";

/** What every queue keeps: one lease per key, fencing, attempts, losses, passing, clocks that jump. */
export function leaseContract(name: string, start: StartEngine): void {
  describe(`${name}: leases`, () => leases(start));
  describe(`${name}: attempts and losses`, () => attempts(start));
  describe(`${name}: passing on`, () => passing(start));
  describe(`${name}: clocks`, () => clocks(start));
}

function leases(start: StartEngine): void {
  test("one lease per key at a time", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await claimOne(engine);
    await take(engine, "zoho/1", "e2");
    await engine.ports.queue.enqueue([workOf(engine, "zoho/1", { rank: "urgent" })]);
    assert.deepEqual(await claim(engine), []);
  });

  test("refuses a settle from a worker whose lease passed to another", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const old = await claimOne(engine);
    await engine.clock.advance(LEASE_MS);
    const current = await claimOne(engine);
    assert.ok(current.token > old.token);
    for (const settled of [await complete(engine, old), await retry(engine, old, 1), await release(engine, old)]) {
      assert.equal(settled, "stale");
    }
    assert.equal(await bury(engine, old), "stale");
    assert.deepEqual(await engine.ports.queue.extend([old], LEASE_MS), ["stale"]);
    assert.equal(await fateOf(engine, "e1"), "queued");
    assert.equal(await complete(engine, current), "settled");
  });

  test("refuses a settle from a worker whose lease has expired, though nobody took it over", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await engine.clock.advance(LEASE_MS);
    assert.equal(await complete(engine, lease), "stale");
    assert.deepEqual(await engine.ports.queue.extend([lease], LEASE_MS), ["stale"]);
    assert.equal(await fateOf(engine, "e1"), "queued");
  });

  test("a lease settles once", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    const both = await engine.ports.queue.settle([
      { verb: "complete", lease },
      { verb: "complete", lease },
    ]);
    assert.deepEqual(both, ["settled", "stale"]);
    assert.equal(await counter(engine, "jobs_completed:sync"), 1);
  });

  test("one stale lease does not hinder its neighbours", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.queue.deliver([1, 2, 3].map((n) => eventOf(engine, `zoho/${n}`, `e${n}`)));
    const held = await claim(engine);
    const [first, second, third] = held;
    assert.ok(first && second && third);
    await complete(engine, second);
    const settled = await engine.ports.queue.settle(held.map((lease) => ({ verb: "complete", lease })));
    assert.deepEqual(settled, ["settled", "stale", "settled"]);
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("extending keeps a lease for as long as it is extended", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    for (let third = 0; third < 9; third++) {
      await engine.clock.advance(LEASE_MS / 3);
      assert.deepEqual(await engine.ports.queue.extend([lease], LEASE_MS), ["settled"]);
      assert.deepEqual(await claim(engine), []);
    }
    assert.equal(await complete(engine, lease), "settled");
  });

  test("a lease that is not extended any more ends, whatever was claimed with it", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.queue.deliver([1, 2].map((n) => eventOf(engine, `zoho/${n}`, `e${n}`)));
    const [first, second] = await claim(engine);
    assert.ok(first && second);
    await engine.clock.advance(LEASE_MS / 2);
    assert.deepEqual(await engine.ports.queue.extend([second], LEASE_MS), ["settled"]);
    await engine.clock.advance(LEASE_MS / 2);
    assert.deepEqual(keysOf(await claim(engine)), [first.key]);
    await engine.clock.advance(LEASE_MS / 2);
    assert.deepEqual(keysOf(await claim(engine)), [second.key]);
    assert.equal(await complete(engine, second), "stale");
  });

  test("a lease that was given back settles nothing, though its job is leased again", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const old = await claimOne(engine);
    await release(engine, old);
    const current = await claimOne(engine);
    assert.equal(await complete(engine, old), "stale");
    assert.equal(await fateOf(engine, "e1"), "queued");
    assert.equal(await complete(engine, current), "settled");
  });

  test("an expired lease is reclaimed by the next claim, of whatever lane", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await claimOne(engine);
    await engine.clock.advance(LEASE_MS - 1);
    assert.deepEqual(await claim(engine), []);
    await engine.clock.advance(1);
    assert.deepEqual(await claim(engine, 1, "route"), []);
    assert.equal((await engine.ports.view.stats()).lanes.sync.ready, 1);
    assert.equal(await counter(engine, "leases_lost:sync"), 1);
  });

  test("the leases of a killed process are free at once for its successor", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const old = await claimOne(engine);
    await take(engine, "zoho/1", "e2");
    await engine.crash();
    const lease = await claimOne(engine);
    assert.deepEqual(idsOf(lease), ["e1", "e2"]);
    assert.ok(lease.token > old.token);
    assert.equal(await complete(engine, old), "stale");
    assert.equal(await complete(engine, lease), "settled");
    assert.equal((await engine.ports.view.stats()).size, 0);
  });
}

function attempts(start: StartEngine): void {
  test("attempts are counted at the claim, over retries", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    for (const attempt of [1, 2, 3]) {
      const lease = await claimOne(engine);
      assert.equal(lease.attempt, attempt);
      await retry(engine, lease, 1_000);
      assert.deepEqual(await claim(engine), [], "not before its backoff");
      await engine.clock.advance(1_000);
    }
    assert.equal(await counter(engine, "jobs_retried:sync"), 3);
  });

  test("a release gives the attempt back", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    for (let round = 0; round < 20; round++) {
      const lease = await claimOne(engine);
      assert.equal(lease.attempt, 1);
      assert.equal(await release(engine, lease), "settled");
    }
    assert.equal(await counter(engine, "jobs_released:sync"), 20);
    assert.equal(await fateOf(engine, "e1"), "queued");
  });

  test("a release may say when the job is due again", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await engine.ports.queue.settle([{ verb: "release", lease, dueAt: engine.clock.now() + 5_000 }]);
    assert.deepEqual(await claim(engine), []);
    await engine.clock.advance(5_000);
    await claimOne(engine);
  });

  test("a success starts the count anew for what joined meanwhile", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await retry(engine, await claimOne(engine), 0);
    const second = await claimOne(engine);
    await take(engine, "zoho/1", "e2");
    await complete(engine, second);
    assert.equal((await claimOne(engine)).attempt, 1);
    const [job] = await engine.ports.view.jobs("zoho/1");
    assert.deepEqual(job?.failures, []);
  });

  test("a lost worker spends no attempt, but a crash loop ends in the dead letters", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    for (let crash = 0; crash < 10; crash++) {
      await engine.clock.advance(30_000); // The longest pause of a job that lost its workers.
      const lease = await claimOne(engine);
      assert.equal(lease.attempt, 1);
      await engine.crash();
    }
    assert.deepEqual(await claim(engine), []);
    const [letter] = await engine.ports.view.deadLetters({ limit: 10 });
    assert.equal(letter?.cause, "WORKER_LOST");
    assert.equal(letter?.key, "zoho/1");
    assert.equal(await fateOf(engine, "e1"), "dead");
  });

  test("any settle ends the count of losses", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    for (let round = 0; round < 3; round++) {
      for (let crash = 0; crash < 6; crash++) {
        await engine.clock.advance(30_000);
        await claimOne(engine);
        await engine.crash();
      }
      await engine.clock.advance(30_000);
      await retry(engine, await claimOne(engine), 0);
    }
    assert.deepEqual(await engine.ports.view.deadLetters({ limit: 10 }), []);
  });

  test("a job that lost three workers waits before it is claimed again, longer each time", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    for (const delayMs of [0, 0, 0, 1_000, 2_000]) {
      if (delayMs > 0) {
        await engine.clock.advance(delayMs - 1);
        assert.deepEqual(await claim(engine), []);
        await engine.clock.advance(1);
      }
      await claimOne(engine);
      await engine.crash();
    }
  });

  test("a job that lost two workers is claimed alone, so that its neighbours live", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/poison", "e0");
    for (let crash = 0; crash < 2; crash++) {
      await claimOne(engine);
      await engine.crash();
    }
    await engine.ports.queue.deliver([1, 2, 3].map((n) => eventOf(engine, `zoho/${n}`, `e${n}`)));
    await take(engine, "zoho/first", "e9", { rank: "urgent" });
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/first"]);
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/poison"]);
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/1", "zoho/2", "zoho/3"]);
  });
}

function passing(start: StartEngine): void {
  const to = { lane: "sync", key: "zoho/1", rank: "live", delayMs: 0 } as const;
  const takeContact = (engine: EngineHarness, id: string) =>
    take(engine, "zoho/Contacts/9", id, { lane: "route", label: "Contacts.update" });
  const pass = (engine: EngineHarness, lease: Lease) =>
    engine.ports.queue.settle([{ verb: "pass", lease, to, also: [workOf(engine, "zoho/2")] }]);

  test("a pass moves the events on, and enqueues the rest", async (t) => {
    const engine = await startFor(t, start);
    await takeContact(engine, "e1");
    await takeContact(engine, "e2");
    assert.deepEqual(await pass(engine, await claimOne(engine, "route")), ["settled"]);
    const stats = await engine.ports.view.stats();
    assert.equal(stats.events, 2);
    assert.equal(stats.lanes.route.unsettled, 0);
    assert.equal(stats.lanes.sync.unsettled, 3);
    const held = await claim(engine);
    assert.deepEqual(keysOf(held), ["zoho/1", "zoho/2"]);
    const [moved, own] = held;
    assert.ok(moved && own);
    assert.deepEqual(idsOf(moved), ["e1", "e2"]);
    assert.deepEqual(idsOf(own), [undefined]);
    for (const lease of held) await complete(engine, lease);
    assert.equal(await fateOf(engine, "e1"), "superseded");
    assert.equal(await fateOf(engine, "e2"), "synced");
    assert.equal((await engine.ports.view.events("e2"))[0]?.key, "zoho/1");
    assert.equal((await engine.ports.view.stats()).size, 0);
  });

  test("events passed to a leased job are answered by one more run", async (t) => {
    const engine = await startFor(t, start);
    await takeContact(engine, "e1");
    await take(engine, "zoho/1", "e2");
    const route = await claimOne(engine, "route");
    const sync = await claimOne(engine);
    await pass(engine, route);
    await complete(engine, sync);
    assert.equal(await fateOf(engine, "e1"), "queued");
    assert.equal(await fateOf(engine, "e2"), "synced");
    const again = (await claim(engine)).find((lease) => lease.key === "zoho/1");
    assert.deepEqual(again && idsOf(again), ["e1"]);
  });

  test("events that came during the routing are routed again", async (t) => {
    const engine = await startFor(t, start);
    await takeContact(engine, "e1");
    const route = await claimOne(engine, "route");
    await takeContact(engine, "e2");
    await pass(engine, route);
    assert.deepEqual(idsOf(await claimOne(engine, "route")), ["e2"]);
    assert.equal((await engine.ports.view.stats()).events, 2);
  });

  test("passed events keep the time of their arrival", async (t) => {
    const engine = await startFor(t, start);
    const arrivedAt = engine.clock.now();
    await takeContact(engine, "e1");
    await engine.clock.advance(5_000);
    await pass(engine, await claimOne(engine, "route"));
    assert.equal((await engine.ports.view.stats()).lanes.sync.oldestReceivedAt, arrivedAt);
    assert.equal((await claim(engine))[0]?.oldestReceivedAt, arrivedAt);
  });

  test("completing enqueues what else is due", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    const index = workOf(engine, "zoho_crm", { lane: "index" });
    await engine.ports.queue.settle([{ verb: "complete", lease, also: [index, workOf(engine, "zoho/1")] }]);
    assert.equal((await claimOne(engine, "index")).key, "zoho_crm");
    assert.equal((await claimOne(engine)).key, "zoho/1");
  });

  test("a stale settle enqueues nothing", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await engine.clock.advance(LEASE_MS);
    const stale = { verb: "complete", lease, also: [workOf(engine, "zoho/2")] } as const;
    assert.deepEqual(await engine.ports.queue.settle([stale]), ["stale"]);
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/1"]);
  });
}

function clocks(start: StartEngine): void {
  const HOUR_MS = 3_600_000;

  test("a clock that jumps back strands neither waiting jobs nor leases", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    await claimOne(engine);
    await take(engine, "zoho/2", "e2", { delayMs: 1_000 });
    await take(engine, "zoho/3", "e3");
    await retry(engine, await claimOne(engine), 2_000);
    await engine.clock.advance(-HOUR_MS);
    await take(engine, "zoho/4", "e4");
    assert.deepEqual(keysOf(await claim(engine)), ["zoho/4"]);
    await engine.clock.advance(2_000);
    assert.deepEqual([...keysOf(await claim(engine))].sort(), ["zoho/2", "zoho/3"]);
    await engine.clock.advance(LEASE_MS - 2_000);
    assert.ok(keysOf(await claim(engine)).includes("zoho/1"));
  });

  test("a lease survives a clock that jumps back", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await engine.clock.advance(-HOUR_MS);
    assert.deepEqual(await claim(engine), []);
    assert.deepEqual(await engine.ports.queue.extend([lease], LEASE_MS), ["settled"]);
    assert.equal(await complete(engine, lease), "settled");
  });

  test("after a jump back an old memory does not make real changes duplicates for longer than the window", async (t) => {
    const engine = await startFor(t, start, { dedupWindowMs: 60_000 });
    await take(engine, "zoho/1", "e1", { dedupKey: "k" });
    await complete(engine, await claimOne(engine));
    await engine.clock.advance(-HOUR_MS);
    assert.equal(await take(engine, "zoho/1", "e2", { dedupKey: "k" }), "queued");
  });

  test("after a jump back a constant stream still cannot starve a key", async (t) => {
    const engine = await startFor(t, start, { maxWaitMs: 5_000 });
    await take(engine, "zoho/1", "e0", { delayMs: 2_000 });
    await engine.clock.advance(-HOUR_MS);
    for (let second = 1; second <= 5; second++) {
      await take(engine, "zoho/1", `e${second}`, { delayMs: 2_000 });
      await engine.clock.advance(1_000);
    }
    assert.equal((await claimOne(engine)).reasonCount, 6);
  });

  test("a clock that jumps forward makes leases stale, and the work is done again", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    const lease = await claimOne(engine);
    await engine.clock.advance(HOUR_MS);
    const again = await claimOne(engine);
    assert.equal(await complete(engine, lease), "stale");
    assert.equal(await complete(engine, again), "settled");
  });

  test("failures stay with a job, the newest last", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/1", "e1");
    for (const n of [1, 2, 3]) {
      const lease = await claimOne(engine);
      const failure = { ...FAILURE, message: `time ${n}` };
      await engine.ports.queue.settle([{ verb: "retry", lease, dueAt: engine.clock.now(), failure }]);
    }
    const [job] = await engine.ports.view.jobs("zoho/1");
    assert.deepEqual(
      job?.failures.map((failure) => [failure.message, failure.attempt]),
      [
        ["time 1", 1],
        ["time 2", 2],
        ["time 3", 3],
      ],
    );
  });
}
