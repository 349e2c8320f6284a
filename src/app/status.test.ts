import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import { createStatus } from "./status-routes.ts";

const away = () => Promise.reject(new Fault("STORE_UNAVAILABLE", "in this test"));

function statusOf(proveStore: () => Promise<void>) {
  const clock = manualClock();
  const counted: string[] = [];
  const counters = { add: (deltas: Readonly<Record<string, number>>) => void counted.push(...Object.keys(deltas)) };
  const status = createStatus({
    engine: "embedded",
    sink: "embedded",
    figures: away,
    proveStore,
    clock,
    log: silentLog,
    counters,
  });
  return { status, clock, counted };
}

test("a store that cannot be written is unhealthy and not ready, and health still says which engine it is", async () => {
  const { status, counted } = statusOf(away);
  assert.equal(await status.isReady(), false);
  const report = await status.health();
  assert.equal(report.status, "unhealthy");
  assert.equal(report.engine, "embedded");
  assert.equal(report.queue_size, null);
  assert.deepEqual(
    report.problems.map(({ code }) => code),
    ["store_unavailable"],
  );
  assert.ok(counted.includes("faults:STORE_UNAVAILABLE"));
});

test("one proof counts for a second, so that probes cost no fsync each", async () => {
  let proofs = 0;
  const { status, clock } = statusOf(async () => {
    proofs += 1;
  });
  assert.equal(await status.isReady(), true);
  assert.equal(await status.isReady(), true);
  assert.equal(proofs, 1);
  await clock.advance(1_000);
  assert.equal(await status.isReady(), true);
  assert.equal(proofs, 2);
});
