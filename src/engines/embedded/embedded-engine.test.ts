import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { accountKey } from "../../account.ts";
import { type ManualClock, manualClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import type { NewEvent } from "../../queue/queue.ts";
import { connect, openDatabase } from "./database.ts";
import { openEmbeddedEngine } from "./embedded-engine.ts";
import { MIGRATIONS } from "./schema.ts";

const QUEUE = { capacity: 1_000_000, dedupWindowMs: 3_600_000, maxWaitMs: 10_000 };
const DAY_MS = 86_400_000;

function pathFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "memhook-embedded-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "store.db");
}

function openAt(t: TestContext, path: string, clock: ManualClock = manualClock()) {
  const engine = openEmbeddedEngine({ path, clock, log: silentLog, queue: QUEUE });
  t.after(() => engine.close());
  return engine;
}

function eventOf(id: number): NewEvent {
  const recordId = String(4_876_876_000_000n * 1_000_000n + BigInt(id));
  return {
    lane: "sync",
    key: `zoho/${recordId}`,
    rank: "live",
    delayMs: 0,
    dedupKey: `1000000068001|Accounts|update|${recordId}|Phone|17600000${id}`,
    label: "Accounts.update",
    reason: { eventId: `sender-${id}`, note: `["Accounts","${recordId}","update",["Phone"],0,0]`, receivedAt: 1 },
  };
}

test("commits are fsynced, in WAL mode", (t) => {
  const database = openDatabase(pathFor(t));
  t.after(() => database.close());
  assert.deepEqual(database.prepare("PRAGMA synchronous").get(), [2], "FULL");
  assert.deepEqual(database.prepare("PRAGMA journal_mode").get(), ["wal"]);
});

test("a store of a newer release is refused, and not touched", (t) => {
  const path = pathFor(t);
  const newer = connect(path);
  newer.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
  newer.close();
  assert.throws(
    () => openAt(t, path),
    (error) => error instanceof Fault && error.code === "STORE_INVALID",
  );
});

test("a store that cannot be opened is a fault with its cause", (t) => {
  const path = join(pathFor(t), "no", "such", "folder", "store.db");
  assert.throws(
    () => openAt(t, path),
    (error) => error instanceof Fault && error.code === "STORE_UNAVAILABLE" && error.cause instanceof Error,
  );
});

test("one process at a time has the worker lock; it is free again when that process closes", async (t) => {
  const path = pathFor(t);
  const service = openAt(t, path);
  const command = openAt(t, path);
  assert.equal(await service.acquireWorkerLock(), true);
  assert.equal(await service.acquireWorkerLock(), true);
  assert.equal(await command.acquireWorkerLock(), false);
  await assert.rejects(command.queue.claim({ lane: "sync", limit: 1, leaseMs: 1 }), { name: "AssertionBug" });
  await service.close();
  assert.equal(await command.acquireWorkerLock(), true);
});

test("while the store cannot be written every caller is told, nothing is remembered, and all goes on afterwards", async (t) => {
  const path = pathFor(t);
  const engine = openAt(t, path);
  const saboteur = new DatabaseSync(path, { defensive: false });
  t.after(() => saboteur.close());
  const version = Number(saboteur.prepare("PRAGMA schema_version").get()?.["schema_version"]);
  const sql = saboteur.prepare("SELECT sql FROM sqlite_schema WHERE name = 'reasons'").get()?.["sql"] ?? null;
  saboteur.exec("PRAGMA writable_schema = ON");
  const setSchema = saboteur.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 'reasons'");
  engine.counters.add({ deliveries: 1 });
  setSchema.run("CREATE TABLE reasons (");
  saboteur.exec(`PRAGMA schema_version = ${version + 1}`);
  const refused = await Promise.allSettled([engine.queue.deliver([eventOf(1)]), engine.queue.deliver([eventOf(2)])]);
  for (const result of refused) {
    assert.ok(result.status === "rejected" && result.reason instanceof Fault);
    assert.equal(result.reason.code, "STORE_INVALID");
    assert.ok(result.reason.cause instanceof Error);
  }
  setSchema.run(sql);
  saboteur.exec(`PRAGMA schema_version = ${version + 2}`);
  assert.deepEqual(await engine.queue.deliver([eventOf(1)]), { outcome: "taken", events: ["queued"] });
  const counts = await engine.counters.read();
  assert.equal(counts["deliveries"], 1);
  assert.equal(counts["events_accepted"], 1);
});

test("all steps of one turn share one transaction", async (t) => {
  const path = pathFor(t);
  const engine = openAt(t, path);
  const watcher = connect(path);
  t.after(() => watcher.close());
  const version = () => watcher.prepare("PRAGMA data_version").get()?.[0];
  const walSize = () => statSync(`${path}-wal`).size;
  await engine.queue.deliver([eventOf(0)]);
  const [versionBefore, sizeBefore] = [version(), walSize()];
  await Promise.all(Array.from({ length: 50 }, (_, index) => engine.queue.deliver([eventOf(index + 1)])));
  assert.notEqual(version(), versionBefore);
  assert.ok(walSize() - sizeBefore < 50 * 4 * 4_096, "fifty transactions would write each page fifty times");
});

test("a claim that finds nothing writes nothing", async (t) => {
  const path = pathFor(t);
  const engine = openAt(t, path);
  await engine.acquireWorkerLock();
  await engine.queue.deliver([{ ...eventOf(0), delayMs: 5_000 }]);
  await engine.queue.claim({ lane: "sync", limit: 10, leaseMs: 1_000 });
  const before = statSync(`${path}-wal`).size;
  for (let round = 0; round < 10; round++) await engine.queue.claim({ lane: "sync", limit: 10, leaseMs: 1_000 });
  assert.equal(statSync(`${path}-wal`).size, before);
});

test("a waiting event costs at most 400 bytes of file", async (t) => {
  const path = pathFor(t);
  const engine = openAt(t, path);
  const count = 20_000;
  for (let from = 0; from < count; from += 500) {
    await engine.queue.deliver(Array.from({ length: 500 }, (_, index) => eventOf(from + index)));
  }
  await engine.close();
  assert.ok(statSync(path).size / count <= 400, `${statSync(path).size / count} bytes`);
});

test("keys whose hashes begin alike are told apart, at once and later", async (t) => {
  // Found by trying: the SHA-256 of both begins with the same four bytes.
  const [first, second] = ["key 5979", "key 77859"];
  const clock = manualClock();
  const deliver = async (engine: ReturnType<typeof openAt>, dedupKeys: readonly string[]) => {
    const reason = { eventId: "e", note: "", receivedAt: clock.now() };
    const result = await engine.queue.deliver(dedupKeys.map((dedupKey) => ({ ...eventOf(1), dedupKey, reason })));
    return result.outcome === "taken" ? result.events : [];
  };
  const together = openAt(t, pathFor(t), clock);
  assert.deepEqual(await deliver(together, [first, second, first]), ["queued", "coalesced", "duplicate"]);
  assert.deepEqual(await deliver(together, [second, first]), ["duplicate", "duplicate"]);
  const apart = openAt(t, pathFor(t), clock);
  assert.deepEqual(await deliver(apart, [first]), ["queued"]);
  assert.deepEqual(await deliver(apart, [second]), ["coalesced"]);
  assert.deepEqual(await deliver(apart, [first]), ["duplicate"]);
});

test("the dedup memory keeps the window's events however much it grows, and no others for long", async (t) => {
  const clock = manualClock();
  const path = pathFor(t);
  const engine = openAt(t, path, clock);
  const deliver = async (from: number, count: number, to = engine) => {
    const receivedAt = clock.now();
    const events = Array.from({ length: count }, (_, index) => {
      const event = eventOf(from + index);
      return { ...event, key: "zoho/1", reason: { ...event.reason, receivedAt } };
    });
    const result = await to.queue.deliver(events);
    return result.outcome === "taken" ? result.events.filter((outcome) => outcome === "duplicate").length : -1;
  };
  // Past three growths of the table: 2,457 entries, 4,915 and 9,830.
  for (let from = 0; from < 10_000; from += 1_000) {
    assert.equal(await deliver(from, 1_000), 0);
    await clock.advance(1_000);
  }
  assert.equal(await deliver(0, 10_000), 10_000);
  assert.equal(await deliver(0, 10_000, openAt(t, path, clock)), 10_000, "also when it is read from the rows");
  await clock.advance(QUEUE.dedupWindowMs - 5_000);
  assert.equal(await deliver(0, 10_000), 5_000 - 1_000, "those of the first six seconds are out of the window");
  assert.equal(await deliver(0, 10_000), 10_000);
});

test("closing twice closes once", async (t) => {
  const engine = openAt(t, pathFor(t));
  await Promise.all([engine.close(), engine.close(), engine.queue.close()]);
});

test("a tombstone is forgotten after 90 days, and not before", async (t) => {
  const clock = manualClock();
  const engine = openAt(t, pathFor(t), clock);
  await engine.acquireWorkerLock();
  const account = accountKey("1");
  await engine.queue.enqueue([
    { lane: "sync", key: account, rank: "live", delayMs: 0, reason: { note: "", receivedAt: clock.now() } },
  ]);
  const [right] = await engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 1_000 });
  assert.ok(right);
  const removed = { right, account, verb: "remove", fingerprint: "", title: "", readAt: clock.now() } as const;
  await engine.ledger.record([{ ...removed, children: [], isIndexed: false }]);
  await clock.advance(90 * DAY_MS);
  await engine.queue.deliver([eventOf(1)]);
  assert.equal((await engine.ledger.totals()).removed, 1);
  await clock.advance(2_000);
  await engine.queue.deliver([eventOf(2)]);
  assert.equal((await engine.ledger.read([account])).size, 0);
  assert.equal((await engine.ledger.totals()).removed, 0);
});

test("history ends at the dedup window when there are too many rows", async (t) => {
  const clock = manualClock();
  const engine = openEmbeddedEngine({ path: pathFor(t), clock, log: silentLog, queue: QUEUE, historyRows: 10 });
  t.after(() => engine.close());
  await engine.acquireWorkerLock();
  const deliver = (from: number, count: number) =>
    engine.queue.deliver(
      Array.from({ length: count }, (_, index) => {
        const event = eventOf(from + index);
        return { ...event, reason: { ...event.reason, receivedAt: clock.now() } };
      }),
    );
  const drain = async () => {
    const leases = await engine.queue.claim({ lane: "sync", limit: 1_000, leaseMs: 1_000 });
    await engine.queue.settle(leases.map((lease) => ({ verb: "complete", lease })));
  };
  await deliver(0, 20);
  await drain();
  await clock.advance(QUEUE.dedupWindowMs - 1);
  await deliver(20, 1);
  assert.equal((await engine.view.events("sender-0")).length, 1, "inside the window nothing is cut");
  for (let second = 0; second < 3; second++) {
    await clock.advance(2_000);
    await deliver(100 + second, 1);
  }
  assert.equal((await engine.view.events("sender-0")).length, 0);
  assert.equal((await engine.view.events("sender-20")).length, 1);
});

test("passing events on to their own job is a bug, and loses nothing", async (t) => {
  const engine = openAt(t, pathFor(t));
  await engine.acquireWorkerLock();
  await engine.queue.deliver([eventOf(1)]);
  const [lease] = await engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 1_000 });
  assert.ok(lease);
  const to = { lane: lease.lane, key: lease.key, rank: "live", delayMs: 0 } as const;
  await assert.rejects(engine.queue.settle([{ verb: "pass", lease, to }]), { name: "AssertionBug" });
  assert.deepEqual(await engine.queue.settle([{ verb: "complete", lease }]), ["settled"]);
});

test("a dead letter holds a bounded number of reasons; the older ones stay dead in the history", async (t) => {
  const reasonsMax = 10_000;
  const engine = openAt(t, pathFor(t));
  await engine.acquireWorkerLock();
  const die = async (from: number, count: number) => {
    const key = eventOf(0).key;
    await engine.queue.deliver(Array.from({ length: count }, (_, index) => ({ ...eventOf(from + index), key })));
    const [lease] = await engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 1_000 });
    assert.ok(lease);
    await engine.queue.settle([{ verb: "dead", lease, failure: { code: "SINK_REFUSED", message: "" } }]);
  };
  await die(0, reasonsMax - 1);
  await die(reasonsMax, 3);
  const [letter] = await engine.view.deadLetters({ limit: 1 });
  assert.equal(letter?.reasonCount, reasonsMax);
  const [oldest] = await engine.view.events("sender-0");
  assert.equal(oldest?.fate, "dead");
  assert.equal(oldest?.key, eventOf(0).key);
  assert.equal(await engine.view.redrive({}), 1);
  assert.equal((await engine.view.stats()).size, reasonsMax);
});
