import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { systemClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import type { NewEvent } from "../../queue/queue.ts";
import { systemRandom } from "../../random.ts";
import { openSpillFile } from "./spill-file.ts";
import { openSpill } from "./spilling-queue.ts";
import { StorePresence } from "./store-presence.ts";

/** This file is also the program that is killed: with this argument, a path, and where its ids begin. */
const CHILD = "spill-until-killed";
const KILLS = 5;
const BYTES_MAX = 256_000_000;

const [, , role, path = "", from = "0"] = process.argv;
if (role === CHILD) await spillUntilKilled(path, Number(from));
else {
  test("killed again and again while it spills, every delivery that was acknowledged is in the file", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "memhook-spill-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "spill.db");
    const acknowledged: string[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      // At another moment each time, often in the midst of a commit.
      acknowledged.push(...(await killAfter(kill * 331, file, acknowledged.length * 2)));
    }
    const spill = openSpillFile({ path: file, bytesMax: BYTES_MAX });
    t.after(() => spill.close());
    const found = new Set<string>();
    for (let page = spill.next(1_000); page.deliveries.length > 0; page = spill.next(1_000)) {
      assert.deepEqual(page.damaged, []);
      for (const { events } of page.deliveries) for (const { reason } of events) found.add(reason.eventId);
    }
    assert.ok(acknowledged.length >= 331 * 15);
    assert.deepEqual(
      acknowledged.filter((id) => !found.has(id)),
      [],
    );
  });
}

/** Runs a child until it has acknowledged `count` events, kills it, and gives all that it acknowledged. */
async function killAfter(count: number, file: string, firstId: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [import.meta.filename, CHILD, file, String(firstId)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (id) => {
    acknowledged.push(id);
    if (acknowledged.length === count) child.kill("SIGKILL");
  });
  await once(lines, "close");
  const [, signal] = await gone;
  assert.equal(signal, "SIGKILL");
  return acknowledged;
}

/** Eight senders, each with one delivery under way; what is acknowledged is said at once. */
async function spillUntilKilled(file: string, firstId: number): Promise<void> {
  const away = () => Promise.reject(new Fault("STORE_UNAVAILABLE", "delivering"));
  const spill = openSpill({
    path: file,
    bytesMax: BYTES_MAX,
    store: { deliver: away },
    presence: new StorePresence(systemClock),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    counters: { add: () => undefined },
  });
  spill.start();
  let id = firstId;
  const send = async () => {
    for (;;) {
      id += 1;
      const eventId = `e${id}`;
      await spill.deliver([eventOf(eventId)]);
      // Waits where the parent reads too slowly: a write at once would fail then.
      await new Promise<void>((resolve) => process.stdout.write(`${eventId}\n`, () => resolve()));
    }
  };
  await Promise.all(Array.from({ length: 8 }, send));
}

function eventOf(eventId: string): NewEvent {
  const reason = { eventId, note: `["Accounts","${eventId}","update",["Phone"],0,0]`, receivedAt: 1 };
  return {
    lane: "sync",
    key: `zoho/${eventId}`,
    rank: "live",
    delayMs: 0,
    dedupKey: eventId,
    label: "Accounts.update",
    reason,
  };
}
