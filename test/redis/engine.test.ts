import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { type Clock, manualClock, systemClock } from "../../src/clock.ts";
import type { RedisEngine } from "../../src/engines/redis/redis-engine.ts";
import { SCRIPTS } from "../../src/engines/redis/scripts.generated.ts";
import type { LedgerOutcome } from "../../src/memory/ledger.ts";
import { dedupHash } from "../../src/queue/event-id.ts";
import type { Lease } from "../../src/queue/queue.ts";
import {
  claim,
  claimOne,
  complete,
  deliver,
  eventOf,
  eventually,
  isAway,
  LEASE_MS,
  outcomesOf,
  storeTier,
  WITHIN,
} from "./engine-store.ts";
import { startReplyCutter } from "./reply-cutter.ts";

/** Longest test of something that takes no time. */
const AT_ONCE = { timeout: 3_000 };
const HOUR_MS = 3_600_000;
const FAILURE = { code: "CRM_READ_FAILED", message: "could not be read" } as const;

/** A write under a lease. */
function outcomeOf(lease: Lease): LedgerOutcome {
  const written = { verb: "put", fingerprint: "f", title: "Acme", readAt: systemClock.now() } as const;
  return {
    right: lease,
    account: accountKey(lease.key.replace("zoho/", "")),
    ...written,
    children: [],
    isIndexed: true,
  };
}

/** Every port answers. */
async function everyPortAnswers(engine: RedisEngine): Promise<void> {
  const { queue, view, ledger, counters, channels, sealed, duties } = engine;
  await engine.prove();
  await view.stats();
  await view.deadLetters({ limit: 1 });
  await view.events("e");
  await ledger.totals();
  await ledger.read([accountKey("1")]);
  await ledger.children(accountKey("1"), 1);
  await channels.list();
  await sealed.write("name", "sealed");
  assert.equal(await sealed.read("name"), "sealed");
  counters.add({ some: 1 });
  await counters.read();
  assert.equal(await duties.hold("duty", LEASE_MS), true);
  await queue.waitForWork("sync", 1, new AbortController().signal);
  assert.equal((await deliver(engine, "any")).outcome, "taken");
  assert.deepEqual(await complete(engine, await claimOne(engine)), ["settled"]);
}

storeTier("the redis engine, when the store loses what it knew", (emptyStore) => {
  test(
    "after FLUSHALL every port answers without a restart; leases from before are stale, though ids and tokens begin anew",
    WITHIN,
    async (context) => {
      const { open, server } = await emptyStore(context);
      const engine = await open({ random: { next: () => 0.5 } });
      await deliver(engine, "1");
      const old = await claimOne(engine);
      await server.ask("SCRIPT", "FLUSH");
      await server.ask("FLUSHALL");
      assert.deepEqual(outcomesOf([await deliver(engine, "1")]), ["queued"]);
      const lease = await claimOne(engine);
      assert.deepEqual([lease.token, lease.jobId.split(".")[1]], [old.token, old.jobId.split(".")[1]]);
      assert.deepEqual(await complete(engine, old), ["stale"]);
      for (const settled of [
        await engine.queue.settle([{ verb: "retry", lease: old, dueAt: systemClock.now(), failure: FAILURE }]),
        await engine.queue.extend([old], LEASE_MS),
        await engine.ledger.intend([outcomeOf(old)]),
      ]) {
        assert.deepEqual(settled, ["stale"]);
      }
      assert.deepEqual(await engine.ledger.record([outcomeOf(old)]), [{ outcome: "stale" }]);
      assert.deepEqual(await engine.ledger.record([outcomeOf(lease)]), [{ outcome: "written", displaced: [] }]);
      assert.deepEqual(await complete(engine, lease), ["settled"]);
      await everyPortAnswers(engine);
    },
  );

  test(
    "a claim that a fail-over forgot is made again with another token, and the old one is stale",
    WITHIN,
    async (context) => {
      const { open, server } = await emptyStore(context);
      const engine = await open();
      await deliver(engine, "1");
      await server.ask("SAVE");
      const old = await claimOne(engine);
      await server.restart();
      await eventually(() => engine.isConnected());
      const lease = await claimOne(engine);
      assert.equal(lease.jobId, old.jobId);
      assert.notEqual(lease.token, old.token);
      assert.deepEqual(await engine.ledger.record([outcomeOf(old)]), [{ outcome: "stale" }]);
      assert.deepEqual(await complete(engine, old), ["stale"]);
      assert.deepEqual(await complete(engine, lease), ["settled"]);
    },
  );

  test("while it is down every method says so, and all work when it is back", WITHIN, async (context) => {
    const { open, server } = await emptyStore(context);
    const engine = await open();
    await server.ask("SAVE");
    await everyPortAnswers(engine);
    await server.kill();
    await eventually(() => !engine.isConnected());
    const { queue, view, ledger, channels, sealed, duties, counters } = engine;
    const one = { lane: "sync", key: "zoho/1", rank: "live", delayMs: 0, reason: { note: "", receivedAt: 0 } } as const;
    const waited = queue.waitForWork("sync", 60_000, context.signal);
    counters.add({ kept: 2 });
    for (const ask of [
      () => deliver(engine, "1"),
      () => claim(engine),
      () => queue.enqueue([one]),
      () => view.stats(),
      () => ledger.totals(),
      () => channels.list(),
      () => sealed.read("name"),
      () => duties.hold("duty", LEASE_MS),
      () => counters.read(),
      () => engine.prove(),
      () => engine.survey(),
      () => engine.acquireWorkerLock(),
    ]) {
      await assert.rejects(ask(), isAway);
    }
    await server.restart();
    await eventually(() => engine.isConnected());
    await deliver(engine, "4");
    await waited;
    await complete(engine, await claimOne(engine));
    assert.equal((await counters.read())["kept"], 2);
    await everyPortAnswers(engine);
  });

  test("all that is asked in one turn is told that the store is away", AT_ONCE, async (context) => {
    const { open, server } = await emptyStore(context);
    const engine = await open();
    await engine.prove();
    await server.kill();
    const asked = [deliver(engine, "1"), deliver(engine, "2"), deliver(engine, "3"), engine.view.stats()];
    for (const each of await Promise.allSettled(asked)) assert.ok(each.status === "rejected" && isAway(each.reason));
    await server.restart();
  });

  test("what is counted while it is down is written when it is back", WITHIN, async (context) => {
    const clock = manualClock();
    const { open, server } = await emptyStore(context, clock);
    const [engine, other] = [await open({ clock }), await open()];
    await engine.prove();
    await server.kill();
    await eventually(() => !engine.isConnected());
    engine.counters.add({ outages: 2 });
    await clock.advance(1_000);
    await server.restart();
    await eventually(async () => {
      await clock.advance(1_000);
      return engine.isConnected() && other.isConnected();
    });
    await engine.close();
    assert.equal((await other.counters.read())["outages"], 2);
  });

  test(
    "a full server takes nothing in, all or nothing, but work on it ends; it takes again when there is room",
    WITHIN,
    async (context) => {
      const { open, server, check } = await emptyStore(context);
      const engine = await open();
      await deliver(engine, "1", "2", "3");
      const [first, second] = await claim(engine, 2);
      assert.ok(first && second);
      await server.ask("CONFIG", "SET", "maxmemory", "1");
      context.after(() => server.ask("CONFIG", "SET", "maxmemory", "0"));
      const refused = await Promise.allSettled([deliver(engine, "4"), deliver(engine, "5"), engine.prove()]);
      for (const each of refused) assert.ok(each.status === "rejected" && isAway(each.reason));
      const retry = { verb: "retry", lease: second, dueAt: systemClock.now() + HOUR_MS, failure: FAILURE } as const;
      assert.deepEqual(await engine.ledger.record([outcomeOf(first)]), [{ outcome: "written", displaced: [] }]);
      assert.deepEqual(await engine.queue.settle([{ verb: "complete", lease: first }, retry]), ["settled", "settled"]);
      const third = await claimOne(engine);
      assert.deepEqual(await engine.queue.extend([third], LEASE_MS), ["settled"]);
      await server.ask("CONFIG", "SET", "maxmemory", "0");
      await check();
      assert.equal((await engine.view.stats()).events, 2);
      assert.deepEqual(outcomesOf([await deliver(engine, "4", "1")]), ["queued,duplicate"]);
      assert.deepEqual(await complete(engine, third, await claimOne(engine)), ["settled", "settled"]);
    },
  );
});

storeTier("the redis engine, when an answer is lost", (emptyStore) => {
  /** A random source whose next values are chosen: claims of two processes may have the same nonce. */
  const choosable = () => {
    const random = { value: 0, next: () => random.value };
    return random;
  };

  test(
    "a claim whose answer was lost is given back by the next one, attempt not spent; no other lease is",
    WITHIN,
    async (context) => {
      const { open, server } = await emptyStore(context);
      const cutter = await startReplyCutter(context, server.address);
      const [random, others] = [choosable(), choosable()];
      const engine = await open({ address: cutter.address, random });
      const other = await open({ random: others });
      await deliver(engine, "1", "2", "3", "4");
      random.value = 0.1;
      const [held] = await claim(engine, 1);
      others.value = 0.5;
      const [foreign] = await claim(other, 1);
      random.value = 0.5;
      const isCut = cutter.cut(SCRIPTS.claim);
      await assert.rejects(claim(engine), isAway);
      await isCut;
      assert.equal((await other.view.stats()).lanes.sync.leased, 4);
      random.value = 0.6;
      await assert.rejects(claim(engine), isAway, "one that never left takes nothing along");
      await eventually(() => engine.isConnected());
      random.value = 0.7;
      const again = await claim(engine);
      assert.deepEqual(
        again.map(({ key, attempt }) => [key, attempt]),
        [
          ["zoho/3", 1],
          ["zoho/4", 1],
        ],
      );
      assert.ok(held !== undefined && foreign !== undefined);
      assert.deepEqual(await complete(other, foreign), ["settled"]);
      assert.deepEqual(await complete(engine, held, ...again), ["settled", "settled", "settled"]);
    },
  );

  test(
    "a delivery whose answer was lost is a duplicate when it is repeated; without a dedup key it joins its job",
    WITHIN,
    async (context) => {
      const { open, server } = await emptyStore(context);
      const cutter = await startReplyCutter(context, server.address);
      const engine = await open({ address: cutter.address });
      const { dedupKey: _, ...nameless } = eventOf("2");
      const isCut = cutter.cut(SCRIPTS.deliver);
      await assert.rejects(engine.queue.deliver([eventOf("1"), nameless]), isAway);
      await isCut;
      await eventually(() => engine.isConnected());
      assert.deepEqual(outcomesOf([await engine.queue.deliver([eventOf("1"), nameless])]), ["duplicate,coalesced"]);
      assert.deepEqual(
        (await claim(engine)).map(({ reasonCount }) => reasonCount),
        [1, 2],
      );
    },
  );

  test(
    "a settlement whose answer was lost is stale when it is repeated, and was done once",
    WITHIN,
    async (context) => {
      const { open, server } = await emptyStore(context);
      const cutter = await startReplyCutter(context, server.address);
      const engine = await open({ address: cutter.address });
      await deliver(engine, "1");
      const lease = await claimOne(engine);
      const isCut = cutter.cut(SCRIPTS.settle);
      await assert.rejects(complete(engine, lease), isAway);
      await isCut;
      await eventually(() => engine.isConnected());
      assert.deepEqual(await complete(engine, lease), ["stale"]);
      assert.equal((await engine.counters.read())["jobs_completed:sync"], 1);
    },
  );
});

storeTier("the redis engine in several processes", (emptyStore) => {
  test(
    "a process brings work, and one that waits elsewhere is told: no time passes for it",
    AT_ONCE,
    async (context) => {
      const clock: Clock = {
        now: systemClock.now,
        sleep: (_, signal) => new Promise((_resolve, reject) => signal?.addEventListener("abort", reject)),
      };
      const { open } = await emptyStore(context);
      const [waiter, bringer] = [await open({ clock }), await open({ clock })];
      for (let round = 0; round < 10; round += 1) {
        const waited = waiter.queue.waitForWork("sync", 60_000, context.signal);
        await waiter.view.stats(); // Behind the look of the waiter, which found nothing.
        await deliver(bringer, `${round}`);
        await waited;
        await complete(waiter, await claimOne(waiter));
      }
    },
  );

  test("where the call is lost, the waiter looks by itself", WITHIN, async (context) => {
    const { open, server } = await emptyStore(context);
    const [waiter, bringer] = [await open(), await open()];
    const startedAt = performance.now();
    const waited = waiter.queue.waitForWork("sync", 3_000, context.signal);
    await waiter.view.stats();
    await server.ask("CLIENT", "KILL", "TYPE", "pubsub");
    await deliver(bringer, "1");
    await waited;
    assert.ok(performance.now() - startedAt < 2_500);
  });

  test("dedup keys whose hashes begin with the same six bytes are two", WITHIN, async (context) => {
    const { open } = await emptyStore(context);
    const engine = await open();
    const [one, other] = [eventOf("1", { dedupKey: "k16119685" }), eventOf("2", { dedupKey: "k31139947" })];
    assert.deepEqual(dedupHash("k16119685").subarray(0, 6), dedupHash("k31139947").subarray(0, 6));
    const results = [await engine.queue.deliver([one]), await engine.queue.deliver([other, other])];
    assert.deepEqual(outcomesOf(results), ["queued", "queued,duplicate"]);
  });

  test("capacity, dedup, counters and leases are shared", WITHIN, async (context) => {
    const { open } = await emptyStore(context);
    const [one, other] = [await open({ queue: { capacity: 3 } }), await open({ queue: { capacity: 3 } })];
    const results = await Promise.all([deliver(one, "1", "2"), deliver(other, "3", "4"), deliver(one, "5", "6")]);
    assert.equal(results.filter(({ outcome }) => outcome === "full").length, 2, "whichever came first, one fits");
    const [[first], [second]] = [await claim(one, 1), await claim(other, 1)];
    assert.ok(first && second);
    assert.notEqual(first.key, second.key);
    assert.deepEqual(await claim(one), []);
    const known = first.reasons[0]?.eventId ?? "";
    assert.deepEqual(outcomesOf([await deliver(other, known)]), ["duplicate"]);
    assert.deepEqual(await complete(other, first), ["settled"], "who has the lease may hand it on");
    one.counters.add({ shared: 1 });
    other.counters.add({ shared: 2 });
    await one.close();
    assert.equal((await other.counters.read())["shared"], 3);
    assert.equal((await other.counters.read())["events_accepted"], 2);
  });

  test("a process that begins frees the leases of its predecessor, and of no other", WITHIN, async (context) => {
    const { open } = await emptyStore(context);
    const [one, other] = [await open({ workerName: "one" }), await open({ workerName: "other" })];
    await deliver(one, "1", "2");
    const [gone] = await claim(one, 1);
    const [held] = await claim(other, 1);
    assert.ok(gone && held);
    const successor = await open({ workerName: "one" });
    await successor.acquireWorkerLock();
    const lease = await claimOne(successor);
    assert.deepEqual([lease.key, lease.attempt], [gone.key, 1]);
    assert.deepEqual(await complete(one, gone), ["stale"]);
    assert.deepEqual(await complete(other, held), ["settled"]);
  });

  test(
    "a duty passes on after its lease, at once when given back, and at once to a successor of the same name",
    WITHIN,
    async (context) => {
      const clock = manualClock();
      const { open } = await emptyStore(context, clock);
      const [one, other] = [await open({ clock, workerName: "one" }), await open({ clock, workerName: "other" })];
      const hold = (engine: RedisEngine) => engine.duties.hold("channels", LEASE_MS);
      assert.equal(await hold(one), true);
      await clock.advance(LEASE_MS - 1);
      assert.equal(await hold(other), false);
      await clock.advance(1);
      assert.equal(await hold(other), true);
      assert.equal(await hold(one), false);
      const successor = await open({ clock, workerName: "other" });
      assert.equal(await hold(successor), true);
      await successor.duties.release("channels");
      assert.equal(await hold(one), true);
    },
  );
});

storeTier("the redis engine's clock is the server's", (emptyStore) => {
  /** Does something as a process whose clock goes wrong by so much. */
  function skewed(context: TestContext) {
    const right = Date.now;
    let byMs = 0;
    context.mock.method(Date, "now", () => right() + byMs);
    return async <Result>(skewMs: number, act: () => Promise<Result>): Promise<Result> => {
      byMs = skewMs;
      try {
        return await act();
      } finally {
        byMs = 0;
      }
    };
  }

  test(
    "a process whose clock is an hour off takes no lease and no duty that another holds",
    WITHIN,
    async (context) => {
      const { open } = await emptyStore(context);
      const inProcess = skewed(context);
      const [one, other] = [await open(), await open()];
      await deliver(one, "1");
      const lease = await claimOne(one);
      assert.equal(await one.duties.hold("channels", LEASE_MS), true);
      for (const skewMs of [HOUR_MS, -HOUR_MS]) {
        assert.deepEqual(await inProcess(skewMs, () => claim(other)), []);
        assert.equal(await inProcess(skewMs, () => other.duties.hold("channels", LEASE_MS)), false);
        assert.equal((await inProcess(skewMs, () => other.view.stats())).lanes.sync.leased, 1);
      }
      assert.deepEqual(await one.queue.extend([lease], LEASE_MS), ["settled"]);
      assert.deepEqual(await complete(one, lease), ["settled"]);
    },
  );

  test(
    "a lease, a backoff and a failure of a process whose clock is an hour off are dated like any",
    WITHIN,
    async (context) => {
      const { open } = await emptyStore(context);
      const inProcess = skewed(context);
      const [one, other] = [await open(), await open()];
      const near = (time: number | undefined, wanted: number) =>
        assert.ok(Math.abs((time ?? 0) - wanted) < 5_000, `${time} is about ${wanted}`);
      for (const skewMs of [HOUR_MS, -HOUR_MS]) {
        const id = String(skewMs);
        await deliver(one, id);
        const lease = await inProcess(skewMs, () => claimOne(other));
        near(lease.expiresAt, systemClock.now() + skewMs + LEASE_MS);
        near((await one.view.jobs(`zoho/${id}`))[0]?.leaseExpiresAt, systemClock.now() + LEASE_MS);
        const dueAt = systemClock.now() + skewMs + LEASE_MS;
        const retry = { verb: "retry", lease, dueAt, failure: FAILURE } as const;
        assert.deepEqual(await inProcess(skewMs, () => other.queue.settle([retry])), ["settled"]);
        const [job] = await one.view.jobs(`zoho/${id}`);
        assert.equal(job?.state, "delayed");
        near(job?.dueAt, systemClock.now() + LEASE_MS);
        near(job?.failures[0]?.failedAt, systemClock.now());
      }
    },
  );

  test(
    "an event that seems to come from the future does not wait for longer than the maximum",
    WITHIN,
    async (context) => {
      const { open } = await emptyStore(context);
      const inProcess = skewed(context);
      const engine = await open({ queue: { maxWaitMs: 10_000 } });
      for (const id of ["1", "2"]) {
        await inProcess(HOUR_MS, () => engine.queue.deliver([eventOf(id, { key: "zoho/1", delayMs: 60_000 })]));
      }
      const [job] = await engine.view.jobs("zoho/1");
      assert.equal(job?.reasonCount, 2);
      assert.ok((job?.dueAt ?? 0) - systemClock.now() <= 10_000);
      assert.ok(((await engine.view.stats()).lanes.sync.oldestReceivedAt ?? 0) <= systemClock.now());
    },
  );
});

storeTier("the redis engine's turns", (emptyStore) => {
  test(
    "what is asked in one turn is done in the order of asking, whichever scripts it takes",
    WITHIN,
    async (context) => {
      const { open } = await emptyStore(context);
      const engine = await open();
      await deliver(engine, "1", "2");
      const [first, second] = await claim(engine);
      assert.ok(first && second);
      const answers = await Promise.all([
        complete(engine, first),
        engine.ledger.record([outcomeOf(first)]),
        engine.ledger.record([outcomeOf(second)]),
        complete(engine, second),
        engine.ledger.record([outcomeOf(second)]),
        deliver(engine, "3"),
        claim(engine),
      ]);
      const written = { outcome: "written", displaced: [] };
      const [, , , , , , claimed] = answers;
      assert.deepEqual(answers.slice(0, 5), [
        ["settled"],
        [{ outcome: "stale" }],
        [written],
        ["settled"],
        [{ outcome: "stale" }],
      ]);
      assert.deepEqual(
        claimed.map(({ key }) => key),
        ["zoho/3"],
      );
    },
  );

  test("many deliveries of one turn go in a few calls, and each is told its own outcome", WITHIN, async (context) => {
    const { open, server } = await emptyStore(context);
    const engine = await open();
    await engine.prove();
    await server.ask("CONFIG", "RESETSTAT");
    const count = 1_200;
    const asked = Array.from({ length: count }, (_, n) =>
      n % 3 === 2 ? deliver(engine, `${n - 1}`) : deliver(engine, `${n}`),
    );
    assert.deepEqual(
      outcomesOf(await Promise.all(asked)),
      Array.from({ length: count }, (_, n) => (n % 3 === 2 ? "duplicate" : "queued")),
    );
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await server.ask("INFO", "commandstats"))?.[1];
    assert.equal(Number(calls), 3, "at most 500 in one call, so that no other caller waits long");
    const leases = await claim(engine, 10);
    const settled = [leases.slice(0, 3), leases.slice(0, 1), leases.slice(3)].map((some) => complete(engine, ...some));
    assert.deepEqual(
      (await Promise.all(settled)).map((letters) => letters.join()),
      ["settled,settled,settled", "stale", Array(7).fill("settled").join()],
    );
  });

  test("a delivery of 5,000 events is taken whole, claimed and settled", WITHIN, async (context) => {
    const { open } = await emptyStore(context);
    const engine = await open();
    const ids = Array.from({ length: 5_000 }, (_, n) => `${n}`);
    const [outcome] = outcomesOf([await deliver(engine, ...ids)]);
    assert.deepEqual(new Set(outcome?.split(",")), new Set(["queued"]));
    assert.deepEqual(
      (await claim(engine, 1_000)).map(({ key }) => key),
      ids.slice(0, 1_000).map((id) => `zoho/${id}`),
    );
    const leases = await claim(engine, 10_000);
    assert.equal(leases.length, 4_000);
    assert.deepEqual(new Set(await complete(engine, ...leases)), new Set(["settled"]));
    const { events, lanes } = await engine.view.stats();
    assert.deepEqual([events, lanes.sync.leased, lanes.sync.ready], [1_000, 1_000, 0]);
  });
});
