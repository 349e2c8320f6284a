import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { manualClock } from "../clock.ts";
import { connect } from "../engines/embedded/database.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import type { NewEvent, Queue } from "../queue/queue.ts";
import { seededRandom } from "../random.ts";
import { openSpillSlots } from "./spill-slots.ts";

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function setUp() {
  const lines: string[] = [];
  const counts: Record<string, number> = {};
  const say = (_fields: unknown, message: string) => void lines.push(message);
  const folder = mkdtempSync(join(tmpdir(), "memhook-slots-"));
  folders.push(folder);
  const clock = manualClock();
  const taken: string[] = [];
  const trouble = { isAway: true, isFull: false };
  const store: Pick<Queue, "deliver"> = {
    deliver: async (events, { isAcknowledged = false } = {}) => {
      if (trouble.isFull && !isAcknowledged) return { outcome: "full" };
      if (trouble.isAway) throw new Fault("STORE_UNAVAILABLE", "testing");
      taken.push(...events.map(({ reason }) => reason.eventId));
      return { outcome: "taken", events: events.map(() => "queued" as const) };
    },
  };
  const open = () =>
    openSpillSlots({
      folder,
      bytesMax: 1_000_000,
      store,
      clock,
      random: seededRandom(1),
      log: { ...silentLog, info: say, warn: say, error: say },
      counters: {
        add: (deltas) => {
          for (const [name, by] of Object.entries(deltas)) counts[name] = (counts[name] ?? 0) + by;
        },
      },
    });
  const turns = async (until: () => boolean) => {
    for (let turn = 0; turn < 100 && !until(); turn += 1) await clock.advance(1_000);
  };
  return { folder, taken, trouble, lines, counts, open, turns };
}

function eventOf(eventId: string): NewEvent {
  const reason = { eventId, note: "a note", receivedAt: 1 };
  return { lane: "sync", key: eventId, rank: "live", delayMs: 0, label: "Accounts.update", dedupKey: eventId, reason };
}

test("two processes on one folder have a file each", async () => {
  const { folder, open } = setUp();
  const [one, two] = [open(), open()];
  await one.deliver([eventOf("one")]);
  await two.deliver([eventOf("two")]);
  assert.deepEqual([one.status().waiting, two.status().waiting], [1, 1]);
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => name.endsWith(".db"))
      .sort(),
    ["spill-2.db", "spill.db"],
  );
  await one.close();
  await two.close();
});

test("what a process left in its file when it was replaced during an outage is replayed by the one that lives", async () => {
  const { taken, trouble, open, turns } = setUp();
  const old = open();
  const fresh = open();
  fresh.start();
  await old.deliver([eventOf("old")]);
  await old.close();
  await fresh.deliver([eventOf("fresh")]);
  await turns(() => fresh.status().waiting === 2);
  assert.equal(fresh.status().waiting, 2);
  trouble.isAway = false;
  await turns(() => fresh.status().waiting === 0);
  assert.deepEqual(taken.toSorted(), ["fresh", "old"]);
  await fresh.close();
});

test("a file that has been replayed is put back, for the next process to have", async () => {
  const { folder, taken, trouble, open, turns } = setUp();
  const old = open();
  const fresh = open();
  fresh.start();
  await old.deliver([eventOf("old")]);
  await old.close();
  trouble.isAway = false;
  await turns(() => taken.length === 1);
  await turns(() => false);
  const next = open();
  assert.equal(readdirSync(folder).includes("spill-3.db"), false);
  await next.close();
  await fresh.close();
});

test("a restart after an outage goes on where the process before ended", async () => {
  const { taken, trouble, open, turns } = setUp();
  const before = open();
  await before.deliver([eventOf("kept")]);
  await before.close();
  trouble.isAway = false;
  const next = open();
  next.start();
  await turns(() => taken.length === 1);
  assert.deepEqual(taken, ["kept"]);
  await next.close();
});

test("a left file with a damaged row is replayed and told once, not at every look; what is left in it later is replayed as well", async () => {
  const { folder, taken, trouble, lines, counts, open, turns } = setUp();
  const fresh = open();
  const leave = async (...ids: readonly string[]) => {
    const old = open();
    for (const id of ids) await old.deliver([eventOf(id)]);
    await old.close();
  };
  await leave("bad", "good");
  const beside = connect(join(folder, "spill-2.db"));
  beside.exec("UPDATE deliveries SET events = '{}' WHERE seq = 1");
  beside.close();
  trouble.isAway = false;
  fresh.start();
  await turns(() => taken.length === 1 && fresh.status().waiting === 0);
  await turns(() => false);
  assert.deepEqual([taken, counts["faults:STORE_INVALID"]], [["good"], 1]);
  assert.equal(lines.filter((line) => line.includes("damaged")).length, 1);
  assert.equal(lines.length, 5, lines.join("; "));

  trouble.isAway = true;
  await leave("later");
  trouble.isAway = false;
  await turns(() => taken.includes("later"));
  assert.deepEqual(taken, ["good", "later"]);
  await fresh.close();
});

test("what a left file fills the queue with refuses no live delivery", async () => {
  const { taken, trouble, open, turns } = setUp();
  const fresh = open();
  const old = open();
  await old.deliver([eventOf("old")]);
  await old.close();
  trouble.isAway = false;
  trouble.isFull = true;
  fresh.start();
  await turns(() => taken.length === 1);
  assert.deepEqual(taken, ["old"]);
  assert.deepEqual(await fresh.deliver([eventOf("live")]), { outcome: "taken", events: ["queued"] });
  trouble.isFull = false;
  await turns(() => taken.length === 2);
  assert.deepEqual(taken, ["old", "live"]);
  await fresh.close();
});

test("a receiver that nobody sends anything notices an outage, and refuses nobody for what others replay after it", async () => {
  const { trouble, open, turns } = setUp();
  const idle = open();
  idle.start();
  trouble.isAway = false;
  await turns(() => false); // More than a minute: the time after a start is over.
  trouble.isFull = true;
  assert.deepEqual(await idle.deliver([eventOf("before")]), { outcome: "full" });
  [trouble.isFull, trouble.isAway] = [false, true];
  await turns(() => idle.status().isAway);
  assert.equal(idle.status().isAway, true);
  [trouble.isFull, trouble.isAway] = [true, false];
  await turns(() => !idle.status().isAway);
  assert.deepEqual(await idle.deliver([eventOf("after")]), { outcome: "taken", events: ["queued"] });
  await idle.close();
});

test("a receiver that was just started refuses nobody: it cannot know what outage is over", async () => {
  const { trouble, open, turns } = setUp();
  [trouble.isFull, trouble.isAway] = [true, false];
  const fresh = open();
  fresh.start();
  assert.deepEqual(await fresh.deliver([eventOf("first")]), { outcome: "taken", events: ["queued"] });
  await turns(() => false);
  assert.deepEqual(await fresh.deliver([eventOf("later")]), { outcome: "full" });
  await fresh.close();
});
