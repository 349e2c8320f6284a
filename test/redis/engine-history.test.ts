import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { type ManualClock, manualClock, systemClock } from "../../src/clock.ts";
import { encodeEvent } from "../../src/crm/event.ts";
import type { RedisEngine } from "../../src/engines/redis/redis-engine.ts";
import type { NewEvent } from "../../src/queue/queue.ts";
import { claim, claimOne, complete, type EngineStore, eventOf, storeTier, WITHIN } from "./engine-store.ts";

const DAY_MS = 86_400_000;
/** What a waiting event may cost; BullMQ's costs some 2,050. */
const BYTES_MAX = 400;

storeTier("the redis engine's memory", (emptyStore) => {
  test("a waiting event of an account of its own costs 400 bytes at most", WITHIN, async (context) => {
    const { open, server } = await emptyStore(context);
    const engine = await open();
    await engine.prove();
    const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await server.ask("INFO", "memory"))?.[1]);
    const before = await usedBytes();
    const count = 20_000;
    for (let first = 0; first < count; first += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, index) => engine.queue.deliver([accountEvent(first + index)])));
    }
    const bytes = ((await usedBytes()) - before) / count;
    context.diagnostic(`${Math.round(bytes)} bytes an event`);
    assert.equal((await engine.view.stats()).lanes.sync.ready, count);
    assert.ok(bytes <= BYTES_MAX, `${bytes} bytes`);
    await server.ask("FLUSHALL"); // Too much for the look over everything that comes after a test.
  });
});

/** An update of an account as receivers make it of the CRM's own notification. */
function accountEvent(index: number): NewEvent {
  const recordId = `48768760${String(index * 7_919).padStart(11, "0")}`;
  const observedAt = systemClock.now() - 1_000 - index;
  const fields = ["Billing_City", "Phone"];
  const note = encodeEvent({ module: "Accounts", recordId, operation: "update", fields, observedAt });
  const dedupKey = `moment:${note}`;
  const eventId = `evt_${hash("sha256", dedupKey, "hex").slice(0, 32)}`;
  return eventOf(eventId, {
    key: accountKey(recordId),
    dedupKey,
    reason: { eventId, note, receivedAt: systemClock.now() },
  });
}

storeTier("the redis engine's history", (emptyStore) => {
  /** A store whose clock stands still. */
  const still = async (...[context]: Parameters<typeof emptyStore>) => {
    const clock = manualClock();
    return { clock, store: await emptyStore(context, clock) };
  };
  const event = (clock: ManualClock, id: string, more: Partial<NewEvent> = {}) =>
    eventOf(id, { reason: { eventId: id, note: "note", receivedAt: clock.now() }, ...more });

  /** Delivers events with keys of their own and completes them. */
  const passThrough = async (engine: RedisEngine, clock: ManualClock, ids: readonly string[]) => {
    await engine.queue.deliver(ids.map((id) => event(clock, id)));
    const leases = await claim(engine, ids.length);
    assert.equal(leases.length, ids.length);
    await complete(engine, ...leases);
  };
  /** Lets pruning come to its end. */
  const prune = async (engine: RedisEngine, clock: ManualClock) => {
    for (let second = 0; second < 30; second += 1) {
      await clock.advance(1_000);
      await claim(engine, 1);
    }
  };
  const historyKeys = async ({ keys }: EngineStore) =>
    (await Promise.all(["log:", "fate:", "ids:", "dedup"].map(keys))).map((found) => found.length);
  /** The youngest page of records, and what stands beside it. */
  const YOUNGEST = [1, 1, 1, 0];
  const numbered = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}${n}`);

  test("when history ends nothing is left of it but the youngest page", WITHIN, async (context) => {
    const { clock, store } = await still(context);
    const engine = await store.open({ clock });
    await passThrough(engine, clock, numbered("e", 1_000));
    assert.deepEqual((await historyKeys(store)).slice(0, 3), [32, 5, 2]);
    await clock.advance(DAY_MS);
    await prune(engine, clock);
    assert.deepEqual(await historyKeys(store), YOUNGEST);
    assert.deepEqual(await engine.view.events("e999"), []);
    await passThrough(engine, clock, ["later"]);
    assert.equal((await engine.view.events("later"))[0]?.fate, "synced");
  });

  test("a page with a dead letter or a waiting event stays while it is needed", WITHIN, async (context) => {
    const { clock, store } = await still(context);
    const engine = await store.open({ clock });
    await engine.queue.deliver([event(clock, "dead"), event(clock, "waiting", { key: "zoho/w", lane: "index" })]);
    const lease = await claimOne(engine);
    await engine.queue.settle([{ verb: "dead", lease, failure: { code: "SINK_REFUSED", message: "refused" } }]);
    await passThrough(engine, clock, numbered("e", 1_000));
    await clock.advance(DAY_MS);
    await prune(engine, clock);
    assert.deepEqual((await historyKeys(store)).slice(0, 2), [2, 2]);
    assert.deepEqual(await store.keys("held-pages"), ["held-pages"]);
    assert.equal((await engine.view.events("dead"))[0]?.fate, "dead");
    assert.equal((await engine.view.events("waiting"))[0]?.fate, "queued");
    assert.deepEqual(await engine.view.events("e5"), []);
    await engine.view.purge({});
    assert.equal((await engine.view.events("dead"))[0]?.fate, "dead", "a purge leaves history alone");
    const [held] = await engine.queue.claim({ lane: "index", limit: 1, leaseMs: 30_000 });
    assert.ok(held);
    await complete(engine, held);
    await clock.advance(DAY_MS);
    await prune(engine, clock);
    assert.deepEqual(await historyKeys(store), YOUNGEST);
    assert.deepEqual(await store.keys("held-pages"), []);
  });

  test("with too many events kept history is cut down to the dedup window, and no further", WITHIN, async (context) => {
    const { clock, store } = await still(context);
    const engine = await store.open({ clock, historyRows: 100, queue: { dedupWindowMs: 60_000 } });
    await passThrough(engine, clock, numbered("e", 320));
    await clock.advance(50_000);
    await passThrough(engine, clock, numbered("late", 320));
    await prune(engine, clock);
    assert.deepEqual(await engine.view.events("e1"), []);
    assert.equal((await engine.view.events("late1")).length, 1);
    assert.deepEqual(await engine.queue.deliver([event(clock, "late1")]), { outcome: "taken", events: ["duplicate"] });
  });

  test(
    "a dead letter holds a bounded number of reasons; the older ones stay dead in the history",
    WITHIN,
    async (context) => {
      const { clock, store } = await still(context);
      const engine = await store.open({ clock });
      const die = async (ids: readonly string[]) => {
        await engine.queue.deliver(ids.map((id) => event(clock, id, { key: "zoho/1" })));
        const lease = await claimOne(engine);
        await engine.queue.settle([{ verb: "dead", lease, failure: { code: "SINK_REFUSED", message: "refused" } }]);
      };
      await die(numbered("e", 9_999));
      await die(numbered("more", 3));
      assert.equal((await engine.view.deadLetters({ limit: 1 }))[0]?.reasonCount, 10_000);
      assert.equal((await engine.view.events("e0"))[0]?.fate, "dead");
      assert.equal(await engine.view.redrive({}), 1);
      assert.equal((await engine.view.stats()).size, 10_000);
      assert.equal((await engine.view.events("e0"))[0]?.fate, "dead");
      assert.equal((await engine.view.events("e2"))[0]?.fate, "queued");
    },
  );

  test("tombstones go after 90 days", WITHIN, async (context) => {
    const { clock, store } = await still(context);
    const engine = await store.open({ clock });
    await engine.queue.deliver([event(clock, "1")]);
    const lease = await claimOne(engine);
    const written = { verb: "remove", fingerprint: "", title: "Acme", readAt: clock.now() } as const;
    await engine.ledger.record([
      { right: lease, account: accountKey("1"), ...written, children: [], isIndexed: false },
    ]);
    await complete(engine, lease);
    await clock.advance(90 * DAY_MS);
    await prune(engine, clock);
    assert.equal((await engine.ledger.totals()).removed, 0);
    assert.deepEqual(await engine.ledger.list({ limit: 10 }), []);
  });
});
