import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventOf, MEGABYTE, spillPath, until } from "../../../test/fakes/spill-world.ts";
import { connect, integer, openDatabase } from "../embedded/database.ts";
import { openSpillFile, SpillFile } from "./spill-file.ts";
import { SPILL_MIGRATIONS } from "./spill-table.ts";

function open(t: TestContext, path = spillPath(t), bytesMax = MEGABYTE): SpillFile {
  const file = openSpillFile({ path, bytesMax });
  t.after(() => file.close());
  return file;
}

const idsIn = ({ deliveries }: ReturnType<SpillFile["next"]>) =>
  deliveries.map(({ events }) => events.map(({ reason }) => reason.eventId));

test("what was appended is read back whole, field by field, also by the next process", async (t) => {
  const path = spillPath(t);
  const { dedupKey: _, ...keyless } = eventOf("none");
  const odd = eventOf("odd", {
    lane: "route",
    rank: "urgent",
    delayMs: 1_500,
    isFiltered: true,
    dedupKey: 'a "quoted" key, 鍵 \u0000 \ud800',
    reason: { eventId: "e:1", note: "x".repeat(1_000), receivedAt: 7 },
  });
  const file = openSpillFile({ path, bytesMax: MEGABYTE });
  assert.deepEqual(await file.append([eventOf(1), odd, keyless]), ["queued", "filtered", "queued"]);
  const { waiting, bytes } = file;
  file.close();

  const again = open(t, path);
  assert.deepEqual([again.waiting, again.bytes], [waiting, bytes]);
  assert.deepEqual(again.next(10).deliveries[0]?.events, [eventOf(1), odd, keyless]);
});

test("all deliveries of a turn are one commit, fsynced, and read in the order of arrival", async (t) => {
  const path = spillPath(t);
  const database = openDatabase(path, SPILL_MIGRATIONS);
  let commits = 0;
  const counting = {
    ...database,
    exec: (sql: string) => {
      if (sql === "COMMIT") commits += 1;
      database.exec(sql);
    },
    get isInTransaction() {
      return database.isInTransaction;
    },
  };
  const file = new SpillFile(counting, { bytesMax: MEGABYTE, onClosed: () => undefined });
  t.after(() => file.close());
  await Promise.all([3, 1, 2].map((id) => file.append([eventOf(id)])));
  assert.equal(commits, 1);
  assert.deepEqual(idsIn(file.next(10)), [["e3"], ["e1"], ["e2"]]);
  assert.equal(integer(database.prepare("PRAGMA synchronous").get() ?? [], 0), 2); // FULL
  assert.deepEqual(database.prepare("PRAGMA journal_mode").get(), ["wal"]);
});

test("each kind is read in its own order, also by the next process, and counts towards the same bound", async (t) => {
  const path = spillPath(t);
  const file = openSpillFile({ path, bytesMax: MEGABYTE });
  await Promise.all([file.append([eventOf(1)], "full"), file.append([eventOf(2)], "away")]);
  await file.append([eventOf(3), eventOf(1)], "full");
  await file.append([eventOf(4)], "away");
  const read = (from: SpillFile) => [idsIn(from.next(10, "away")), idsIn(from.next(10, "full"))];
  const both = [
    [["e2"], ["e4"]],
    [["e1"], ["e3"]],
  ];
  assert.deepEqual(read(file), both);
  assert.deepEqual(read(file), [[], []]);
  file.rewind();
  assert.deepEqual(read(file), both);
  const { waiting, bytes } = file;
  assert.equal(waiting, 4);
  file.close();

  const again = open(t, path);
  assert.deepEqual([again.waiting, again.bytes], [waiting, bytes]);
  await Promise.all([again.append([eventOf(5)], "full"), again.append([eventOf(6)], "away")]);
  const [first, second] = [again.next(10, "away"), again.next(10, "full")];
  assert.deepEqual([idsIn(first).at(-1), idsIn(second).at(-1)], [["e6"], ["e5"]]);
  assert.deepEqual(
    [...first.deliveries, ...second.deliveries].map(({ kind }) => kind),
    ["away", "away", "away", "full", "full", "full"],
  );
  await again.remove([...first.deliveries, ...second.deliveries]);
  again.rewind();
  assert.deepEqual([again.waiting, again.bytes, read(again)], [0, 0, [[], []]]);
});

test("an equal dedup key that waits is a duplicate: in the file, in the same turn, in the same delivery", async (t) => {
  const file = open(t);
  const [first, second] = await Promise.all([file.append([eventOf(1), eventOf(1)]), file.append([eventOf(1)])]);
  assert.deepEqual([first, second], [["queued", "duplicate"], ["duplicate"]]);
  assert.deepEqual(await file.append([eventOf(1), eventOf(2)]), ["duplicate", "queued"]);
  assert.equal(file.waiting, 2);

  await file.remove(file.next(10).deliveries);
  assert.deepEqual(await file.append([eventOf(1)]), ["queued"]); // It waits no longer: the store judges.
});

test("the bound holds for what waits: a delivery past it is refused whole, a removal makes room", async (t) => {
  const file = open(t, spillPath(t), 1_000);
  const results = await Promise.all(Array.from({ length: 20 }, (_, id) => file.append([eventOf(id)])));
  const taken = results.filter((result) => result !== "full").length;
  assert.ok(taken > 3 && taken < 10, `${taken} fit`);
  assert.ok(file.bytes <= 1_000);
  assert.equal(file.refusal, "full");
  const before = file.bytes;
  assert.equal(await file.append([eventOf("a"), eventOf("b")]), "full");
  assert.deepEqual([file.bytes, file.waiting], [before, taken]);

  await file.remove(file.next(1).deliveries);
  assert.equal(file.refusal, undefined);
  assert.deepEqual(await file.append([eventOf(19)]), ["queued"]); // Refused before, so it is no duplicate.
});

test("an emptied file gives its space back to the disk", async (t) => {
  const path = spillPath(t);
  const file = open(t, path, 10 * MEGABYTE);
  const note = "x".repeat(1_000);
  const big = (id: number) => eventOf(id, { reason: { eventId: `e${id}`, note, receivedAt: 1 } });
  for (let id = 0; id < 4_000; id += 200) {
    await file.append(Array.from({ length: 200 }, (_, index) => big(id + index)));
  }
  for (let page = file.next(400); page.deliveries.length > 0; page = file.next(400)) await file.remove(page.deliveries);
  assert.deepEqual([file.waiting, file.bytes], [0, 0]);
  assert.ok(statSync(path).size + statSync(`${path}-wal`).size < 100_000);
  assert.deepEqual(await file.append([eventOf(1)]), ["queued"]);
  assert.deepEqual(idsIn(file.next(10)), [["e1"]]);
});

test("a full disk refuses deliveries and takes them again when there is room, and nothing was remembered", async (t) => {
  const path = spillPath(t);
  const database = openDatabase(path, SPILL_MIGRATIONS);
  const file = new SpillFile(database, { bytesMax: MEGABYTE, onClosed: () => undefined });
  t.after(() => file.close());
  await file.append([eventOf("kept")]);
  const pages = (count: number) => database.exec(`PRAGMA max_page_count = ${count}`); // SQLITE_FULL, as of a disk.
  pages(3);
  const large = Array.from({ length: 100 }, (_, id) => eventOf(id));
  await assert.rejects(file.append(large), { code: "STORE_UNAVAILABLE" });
  assert.equal(file.waiting, 1);

  pages(1_000);
  assert.ok((await file.append(large)).includes("queued"));
  assert.deepEqual(
    file.next(1_000).deliveries.map(({ events }) => events.length),
    [1, 100],
  );
});

test("a commit that fails acknowledges none of its deliveries and leaves no trace", async (t) => {
  const path = spillPath(t);
  const database = openDatabase(path, SPILL_MIGRATIONS);
  let isBroken = false;
  const failing = {
    ...database,
    exec: (sql: string) => {
      // SQLITE_IOERR, as of a disk whose fsync fails.
      if (isBroken && sql === "COMMIT")
        throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 10 });
      database.exec(sql);
    },
    get isInTransaction() {
      return database.isInTransaction;
    },
  };
  const file = new SpillFile(failing, { bytesMax: MEGABYTE, onClosed: () => undefined });
  t.after(() => file.close());
  await file.append([eventOf(1)]);
  const before = { waiting: file.waiting, bytes: file.bytes };
  isBroken = true;
  const results = await Promise.allSettled([2, 3].map((id) => file.append([eventOf(id)])));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.deepEqual({ waiting: file.waiting, bytes: file.bytes }, before);
  isBroken = false;
  assert.deepEqual(await file.append([eventOf(2)]), ["queued"]);
  assert.deepEqual(idsIn(file.next(10)), [["e1"], ["e2"]]);
});

test("what the disk refuses to remove is not read again, and goes with a later commit", async (t) => {
  const path = spillPath(t);
  const database = openDatabase(path, SPILL_MIGRATIONS);
  const file = new SpillFile(database, { bytesMax: MEGABYTE, onClosed: () => undefined });
  t.after(() => file.close());
  await Promise.all([1, 2].map((id) => file.append([eventOf(id)])));
  database.exec("PRAGMA query_only = ON"); // SQLITE_READONLY, as of a disk that was remounted.
  await file.remove(file.next(1).deliveries);
  assert.equal(file.waiting, 1);
  file.rewind();
  assert.deepEqual(idsIn(file.next(10)), [["e2"]]);

  database.exec("PRAGMA query_only = OFF");
  await file.append([eventOf(3)]);
  assert.deepEqual(database.prepare("SELECT seq FROM deliveries ORDER BY seq").all(), [[2], [3]]);
});

test("when a disk takes writes again all that was answered meanwhile goes, more than a commit holds, also at the close", async (t) => {
  for (const way of ["by itself", "at the close"] as const) {
    const path = spillPath(t);
    const database = openDatabase(path, SPILL_MIGRATIONS);
    const file = new SpillFile(database, { bytesMax: MEGABYTE, onClosed: () => undefined });
    t.after(() => file.close());
    const ids = Array.from({ length: 2_500 }, (_, id) => id);
    await Promise.all(ids.map((id) => file.append([eventOf(id)])));
    database.exec("PRAGMA query_only = ON");
    for (let page = file.next(500); page.deliveries.length > 0; page = file.next(500))
      await file.remove(page.deliveries);
    database.exec("PRAGMA query_only = OFF");
    if (way === "by itself") await file.prove();
    else file.close();
    await until(() => way === "at the close" || file.bytes === 0);
    const beside = connect(path);
    assert.deepEqual(beside.prepare("SELECT count(*) FROM deliveries").get(), [0], way);
    beside.close();
  }
});

test("a damaged row is set aside with a fault and its neighbours are read; its keys pass for duplicates no more", async (t) => {
  const path = spillPath(t);
  const file = openSpillFile({ path, bytesMax: MEGABYTE });
  const ids = [1, 2, 3, 4, 5];
  await Promise.all(ids.map((id) => file.append([eventOf(id)])));
  const beside = connect(path);
  beside.exec("UPDATE deliveries SET events = '[[' WHERE seq = 1");
  beside.exec("UPDATE deliveries SET events = replace(events, '\"sync\"', '\"nowhere\"') WHERE seq = 3");
  beside.exec("UPDATE deliveries SET event_count = 2 WHERE seq = 4");
  beside.close();

  const { deliveries, damaged } = file.next(10);
  assert.deepEqual(
    deliveries.map(({ seq }) => seq),
    [2, 5],
  );
  assert.deepEqual(
    damaged.map(({ code }) => code),
    ["STORE_INVALID", "STORE_INVALID", "STORE_INVALID"],
  );
  assert.doesNotMatch(damaged.map((fault) => fault.message).join(), /zoho|nowhere/);
  assert.deepEqual(await file.append([eventOf(3)]), ["queued"]);
  file.rewind();
  assert.deepEqual(file.next(10).damaged, []);
  file.close();

  // They stay for a release that can read them.
  assert.equal(open(t, path).next(10).damaged.length, 3);
});

test("after closing, deliveries are refused; what was asked before is written", async (t) => {
  const path = spillPath(t);
  const file = openSpillFile({ path, bytesMax: MEGABYTE });
  const last = file.append([eventOf(1)]);
  file.close();
  file.close();
  assert.deepEqual(await last, ["queued"]);
  await assert.rejects(file.append([eventOf(2)]), { code: "STORE_UNAVAILABLE" });
  assert.deepEqual(idsIn(open(t, path).next(10)), [["e1"]]);
});

test("the file is its owner's, one process's at a time, and a Fault says what is wrong with it", (t) => {
  const path = spillPath(t);
  open(t, path);
  for (const name of [path, `${path}-wal`]) assert.equal(statSync(name).mode & 0o077, 0, name);
  assert.throws(() => openSpillFile({ path, bytesMax: MEGABYTE }), { code: "STORE_IN_USE" });

  const noDatabase = spillPath(t);
  writeFileSync(noDatabase, "this is no database, whatever its name says. ".repeat(200));
  assert.throws(() => openSpillFile({ path: noDatabase, bytesMax: MEGABYTE }), { code: "STORE_INVALID" });
  const nowhere = join(spillPath(t), "missing", "spill.db");
  assert.throws(() => openSpillFile({ path: nowhere, bytesMax: MEGABYTE }), { code: "STORE_UNAVAILABLE" });
  const newer = spillPath(t);
  const database = connect(newer);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(() => openSpillFile({ path: newer, bytesMax: MEGABYTE }), { code: "STORE_INVALID" });
});
