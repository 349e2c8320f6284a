import assert from "node:assert/strict";
import { test } from "node:test";
import { createAddressLimiter } from "./address-limiter.ts";

test("an address has its burst, then one per interval; others are not touched", () => {
  const limiter = createAddressLimiter({ burst: 2, perSecond: 2 });
  assert.deepEqual([limiter.spend("a", 0), limiter.spend("a", 0), limiter.spend("a", 0)], [0, 0, 500]);
  assert.equal(limiter.spend("b", 0), 0);
  assert.equal(limiter.spend("a", 500), 0);
  assert.equal(limiter.spend("a", 500), 500);
});

test("a clock that jumps back neither refills nor locks out", () => {
  const limiter = createAddressLimiter({ burst: 1, perSecond: 1 });
  assert.equal(limiter.spend("a", 10_000), 0);
  assert.equal(limiter.spend("a", 0), 1_000);
  assert.equal(limiter.spend("a", 1_000), 0);
});

test("forgets the address unheard of for longest once the table is full", () => {
  const limiter = createAddressLimiter({ burst: 1, perSecond: 0.001 });
  limiter.spend("busy", 0);
  limiter.spend("quiet", 0);
  for (let at = 0; at < 9_999; at += 1) {
    if (at === 5_000) assert.notEqual(limiter.spend("busy", 0), 0);
    limiter.spend(`other-${at}`, 0);
  }
  assert.notEqual(limiter.spend("busy", 0), 0);
  assert.equal(limiter.spend("quiet", 0), 0);
});
