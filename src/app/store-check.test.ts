import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import type { StoreFinding } from "../engines/redis/judge-store.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import { StoreCheck } from "./store-check.ts";

const WARNED: StoreFinding = { check: "persistence", severity: "warn", detail: "a second may be lost", todo: "always" };
const REFUSED: StoreFinding = {
  check: "eviction",
  severity: "refuse",
  detail: "keys may be dropped",
  todo: "noeviction",
};

function setUp(examine: () => Promise<readonly StoreFinding[]>) {
  const clock = manualClock();
  const lines: string[] = [];
  const log = { ...silentLog, warn: () => void lines.push("warn"), error: () => void lines.push("error") };
  return { clock, lines, check: new StoreCheck(examine, { clock, log }) };
}

test("settings that lose events end the start, and say what to do", async () => {
  const { check, lines } = setUp(async () => [WARNED, REFUSED]);
  await assert.rejects(check.start(), (error) => {
    assert.ok(error instanceof Fault);
    assert.equal(error.code, "STORE_UNSAFE");
    assert.match(error.message, /keys may be dropped; noeviction/);
    return true;
  });
  assert.deepEqual(lines, ["warn", "error"]);
});

test("settings that may lose a little are told, and it starts", async () => {
  const { check, lines } = setUp(async () => [{ ...WARNED, severity: "ok" }, WARNED]);
  await check.start();
  assert.deepEqual(lines, ["warn"]);
});

test("a server that is away at the start is looked at once when it is back, and ends nothing then", async () => {
  let isAway = true;
  let asked = 0;
  const { check, clock, lines } = setUp(async () => {
    asked += 1;
    if (isAway) throw new Fault("STORE_UNAVAILABLE", "testing");
    return [REFUSED];
  });
  await check.start();
  await clock.advance(1_000);
  await clock.advance(1_000);
  assert.deepEqual([asked, lines.length], [3, 0]);
  isAway = false;
  await clock.advance(1_000);
  await clock.advance(60_000);
  assert.deepEqual([asked, lines], [4, ["error"]]);
  await check.close();
});
