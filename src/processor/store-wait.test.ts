import assert from "node:assert/strict";
import { test } from "node:test";
import { storeWaitMs } from "./store-wait.ts";

test("waits for the store grow to five seconds, and are never none however the dice fall", () => {
  const waits = (random: number) => [1, 2, 3, 7, 100].map((failures) => storeWaitMs(failures, { next: () => random }));
  assert.deepEqual(waits(0), [50, 100, 200, 2_500, 2_500]);
  assert.deepEqual(
    waits(0.9999).map((ms) => Math.ceil(ms / 10) * 10),
    [100, 200, 400, 5_000, 5_000],
  );
});
