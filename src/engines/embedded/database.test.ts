import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { manualClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import type { NewEvent } from "../../queue/queue.ts";
import type { Engine } from "../engine.ts";
import { connect, isStoreTrouble, openDatabase, storeFault } from "./database.ts";
import { openEmbeddedEngine } from "./embedded-engine.ts";
import { openThreadedEngine } from "./threaded-engine.ts";

/** SQLite's default, which the store uses. */
const PAGE_BYTES = 4_096;
const QUEUE = { capacity: 1_000, dedupWindowMs: 3_600_000, maxWaitMs: 10_000 };

const eventOf = (id: number): NewEvent => ({
  lane: "sync",
  key: `zoho/${id}`,
  rank: "live",
  delayMs: 0,
  dedupKey: `${id}`,
  label: "Accounts.update",
  reason: { eventId: `e${id}`, note: `["Accounts","${id}","update",["Phone"],0,0]`, receivedAt: 1 },
});

test("whatever page of the store is damaged, it is told as an invalid store: never as one that is away, nor as a bug", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "memhook-embedded-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "engine.db");
  const open = () => openEmbeddedEngine({ path, clock: manualClock(), log: silentLog, queue: QUEUE });
  const whole = open();
  await whole.queue.deliver(Array.from({ length: 300 }, (_, id) => eventOf(id)));
  await whole.close();
  const sound = readFileSync(path);

  const told = new Set<string>();
  const tell = async (call: () => unknown) => {
    try {
      return await call();
    } catch (error) {
      told.add(error instanceof Fault ? error.code : String(error));
      return undefined;
    }
  };
  for (let page = 0; page < sound.length; page += PAGE_BYTES) {
    for (const beside of ["-wal", "-shm"]) rmSync(path + beside, { force: true });
    writeFileSync(path, Buffer.from(sound).fill(0xa5, page, page + PAGE_BYTES));
    let engine: Engine | undefined;
    await tell(() => {
      engine = open();
    });
    if (engine === undefined) continue;
    const { view, ledger, queue, acquireWorkerLock, close } = engine;
    await tell(() => view.stats());
    await tell(() => view.events("e7"));
    await tell(() => ledger.read(["zoho/7"]));
    await tell(acquireWorkerLock);
    await tell(() => queue.claim({ lane: "sync", limit: 500, leaseMs: 1_000 }));
    await tell(() => queue.deliver([eventOf(1_000)]));
    await tell(close);
  }
  assert.deepEqual([...told], ["STORE_INVALID"]);
});

test("a file that is no database is an invalid store, in a thread as well", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "memhook-embedded-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "engine.db");
  writeFileSync(path, "this is no database, whatever its name says. ".repeat(200));
  assert.throws(() => openDatabase(path), { code: "STORE_INVALID" });
  await assert.rejects(openThreadedEngine({ path, log: silentLog, queue: QUEUE }), { code: "STORE_INVALID" });
});

test("a mistake in our own SQL stays the bug that it is", () => {
  const database = connect(":memory:");
  const caught = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return error;
    }
    return assert.fail("nothing was thrown");
  };
  for (const sql of ["SELECT 1 FROM nowhere", "SELEC 1"]) {
    const error = caught(() => database.prepare(sql));
    assert.equal(isStoreTrouble(error), false, sql);
    assert.equal(storeFault(error, "reading"), error, sql);
  }
  database.close();
});
