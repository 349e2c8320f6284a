import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import { BACKOFF_CAP_MS, backoffMs } from "./backoff.ts";

const almostOne = { next: () => 0.999_999 };

test("the ceiling doubles with each attempt, up to the cap", () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 1_000].map((attempt) => backoffMs(attempt, almostOne, { baseMs: 2_000 }));
  assert.deepEqual(ceilings, [1_999, 3_999, 7_999, 15_999, 29_999, 29_999, 29_999]);
});

test("the jitter is full: waits spread over the whole range", () => {
  const random = seededRandom(1);
  const waits = Array.from({ length: 1_000 }, () => backoffMs(9, random, { baseMs: 2_000 }));
  assert.ok(waits.filter((wait) => wait < BACKOFF_CAP_MS / 4).length > 150);
  assert.ok(waits.filter((wait) => wait > (BACKOFF_CAP_MS * 3) / 4).length > 150);
  assert.ok(waits.every((wait) => wait >= 0 && wait < BACKOFF_CAP_MS));
});

test("what the other side asked for is a floor, even beyond the cap", () => {
  assert.equal(backoffMs(1, { next: () => 0 }, { baseMs: 2_000, floorMs: 90_000 }), 90_000);
  assert.equal(backoffMs(1, almostOne, { baseMs: 2_000, floorMs: 10 }), 1_999);
});
