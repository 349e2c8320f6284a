import assert from "node:assert/strict";
import { test } from "node:test";
import { isMet } from "../report.ts";
import { parallelRows, placingRows, serviceMeasurements } from "./measurements.ts";
import type { ServiceRound } from "./service-round.ts";

function took(seconds: number, cpuSeconds: number) {
  return { seconds, cpuSeconds };
}

const PATCH = took(1, 1);
const ROUND: ServiceRound = {
  load: { service: took(50, 33), byHand: took(40, 30) },
  loadRuns: 3,
  changes: [
    { service: took(2, 1), byHand: PATCH },
    { service: took(1, 1), byHand: PATCH },
    { service: took(9, 1), byHand: PATCH },
  ],
  storm: { service: took(20, 12), byHand: took(10, 10) },
  stormWrites: { counted: 24, onServer: 41 },
  stormRuns: { counted: 1, onServer: 0 },
  lost: [],
};

test("each ratio leaves out what the issue allows besides, and is held to its bound", () => {
  const rows = new Map(serviceMeasurements([ROUND]).map((each) => [`${each.what}: ${each.figure}`, each]));
  const check = (name: string, value: number, met: boolean) => {
    const row = rows.get(name);
    assert.ok(row, name);
    assert.deepEqual(row.rounds, [value], name);
    assert.equal(isMet(row), met, name);
  };
  check("first load of 100 accounts: × by hand", 1.25, true);
  check("first load of 100 accounts: CPU of the server, × by hand", 1.1, true);
  check("one changed account: (s − 0.5) × by hand", 1.5, true);
  check("200 events on 20 accounts: (s − 2) × by hand", 1.8, false);
  check("200 events on 20 accounts: document writes", 41, false);
  check("200 events on 20 accounts: cognify runs", 1, true);
});

test("rounds stand in the column of their setting", () => {
  const round = { datasets: 2, delayMs: 0, loadSeconds: 30, updateSeconds: 10, searchMs: 200, lost: [] };
  assert.deepEqual(parallelRows([round], [1, 2])[0]?.values, [[], [30]]);
  const costs = {
    loadSecondsEach: 1,
    updateSecondsEach: 1,
    searchColdMs: 1,
    searchWarmMs: 1,
    diskBytesEach: 2_500_000,
  };
  const rest = { memoryBytesLoaded: 1, memoryBytesAsked: 1, lost: [] };
  const placed = { placing: "a dataset an account", ...costs, ...rest } as const;
  assert.deepEqual(placingRows([placed], ["one dataset", "a dataset an account"])[4]?.values, [[], [2.5]]);
});
