import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import type { Duties } from "../duties.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import { createDutyLoop, DUTY_EVERY_MS } from "./duty-loop.ts";

/** One store, as several processes see it; `away` makes it answer nobody. */
function setUp() {
  const clock = manualClock();
  const held = new Map<string, { readonly owner: string; readonly until: number }>();
  const trouble = { isAway: false };
  const dutiesOf = (owner: string): Duties => ({
    hold: async (name, leaseMs) => {
      if (trouble.isAway) throw new Fault("STORE_UNAVAILABLE", "testing");
      const other = held.get(name);
      if (other !== undefined && other.owner !== owner && other.until > clock.now()) return false;
      held.set(name, { owner, until: clock.now() + leaseMs });
      return true;
    },
    release: async (name) => {
      if (trouble.isAway) throw new Fault("STORE_UNAVAILABLE", "testing");
      if (held.get(name)?.owner === owner) held.delete(name);
    },
  });
  const loopOf = (owner: string, perform: (signal: AbortSignal) => Promise<void>) =>
    createDutyLoop(
      { name: "testing", doing: "testing", failedRestMsMax: 60_000, perform },
      { duties: dutiesOf(owner), clock, log: silentLog, counters: { add: () => undefined } },
    );
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) await clock.advance(DUTY_EVERY_MS);
  };
  return { clock, held, trouble, loopOf, turns };
}

test("of two processes one performs, and the other takes over as soon as that one closes", async () => {
  const { loopOf, turns } = setUp();
  const done: string[] = [];
  const first = loopOf("first", async () => void done.push("first"));
  const second = loopOf("second", async () => void done.push("second"));
  first.start();
  await turns(1);
  second.start();
  await turns(3);
  assert.ok(!done.includes("second"));
  await first.close();
  done.length = 0;
  await turns(1);
  assert.deepEqual(done, ["second"]);
  await second.close();
});

test("a process that died is succeeded when its lease has ended", async () => {
  const { clock, held, loopOf, turns } = setUp();
  held.set("testing", { owner: "dead", until: clock.now() + 30_000 });
  let rounds = 0;
  const loop = loopOf("second", async () => {
    rounds += 1;
  });
  loop.start();
  await turns(2);
  assert.equal(rounds, 0);
  await turns(2);
  assert.ok(rounds > 0);
  await loop.close();
});

test("a round that takes long keeps its duty; one whose duty passed on is told to end, and fails nothing", async () => {
  const { clock, held, loopOf, turns } = setUp();
  let ended: AbortSignal | undefined;
  const loop = loopOf("first", (signal) => {
    ended = signal;
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  loop.start();
  await turns(8);
  assert.equal(ended?.aborted, false);
  held.set("testing", { owner: "second", until: clock.now() + 1_000_000 });
  await turns(1);
  assert.equal(ended?.aborted, true);
  assert.equal(loop.fault(), undefined);
  await loop.close();
});

test("a round ends before its lease does when the store does not answer, and goes on when it is back", async () => {
  const { held, clock, trouble, loopOf, turns } = setUp();
  let rounds = 0;
  let ended: AbortSignal | undefined;
  const loop = loopOf("first", (signal) => {
    rounds += 1;
    ended = signal;
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  loop.start();
  await turns(1);
  trouble.isAway = true;
  await turns(2);
  assert.equal(ended?.aborted, true);
  assert.ok((held.get("testing")?.until ?? 0) >= clock.now());
  await turns(5);
  assert.equal(rounds, 1);
  trouble.isAway = false;
  await turns(1);
  assert.equal(rounds, 2);
  await loop.close();
});

test("closing ends a round under way and gives the duty back, even while the store is away", async () => {
  const { held, trouble, loopOf, turns } = setUp();
  const waiting = (signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const loop = loopOf("first", waiting);
  loop.start();
  await turns(1);
  await loop.close();
  await loop.close();
  assert.equal(held.has("testing"), false);
  const other = loopOf("second", waiting);
  other.start();
  await turns(1);
  trouble.isAway = true;
  await other.close();
});
