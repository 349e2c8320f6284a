import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { manualClock } from "../clock.ts";
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
  const folder = mkdtempSync(join(tmpdir(), "memhook-slots-"));
  folders.push(folder);
  const clock = manualClock();
  const taken: string[] = [];
  const trouble = { isAway: true };
  const store: Pick<Queue, "deliver"> = {
    deliver: async (events) => {
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
      log: silentLog,
      counters: { add: () => undefined },
    });
  const turns = async (until: () => boolean) => {
    for (let turn = 0; turn < 100 && !until(); turn += 1) await clock.advance(1_000);
  };
  return { folder, taken, trouble, open, turns };
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
