import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  assert.equal(service.acquireWorkerLock(), true);
  assert.equal(service.acquireWorkerLock(), true);
  assert.equal(command.acquireWorkerLock(), false);
  await assert.rejects(command.queue.claim({ lane: "sync", limit: 1, leaseMs: 1 }), { name: "AssertionBug" });
  await service.close();
  assert.equal(command.acquireWorkerLock(), true);
});

test("while the store cannot be written every caller is told, nothing is remembered, and all goes on afterwards", async (t) => {
  const path = pathFor(t);
  const engine = openAt(t, path);
  const saboteur = connect(path);
  t.after(() => saboteur.close());
  engine.counters.add({ deliveries: 1 });
  saboteur.exec("ALTER TABLE reasons RENAME TO hidden");
  const refused = await Promise.allSettled([engine.queue.deliver([eventOf(1)]), engine.queue.deliver([eventOf(2)])]);
  for (const result of refused) {
    assert.ok(result.status === "rejected" && result.reason instanceof Fault);
    assert.equal(result.reason.code, "STORE_UNAVAILABLE");
    assert.ok(result.reason.cause instanceof Error);
  }
  saboteur.exec("ALTER TABLE hidden RENAME TO reasons");
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
  engine.acquireWorkerLock();
  await engine.queue.deliver([{ ...eventOf(0), delayMs: 5_000 }]);
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

test("closing twice closes once", async (t) => {
  const engine = openAt(t, pathFor(t));
  await Promise.all([engine.close(), engine.close(), engine.queue.close()]);
});

test("a tombstone is forgotten after 90 days, and not before", async (t) => {
  const clock = manualClock();
  const engine = openAt(t, pathFor(t), clock);
  engine.acquireWorkerLock();
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
