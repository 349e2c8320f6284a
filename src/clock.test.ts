import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock, withTimeout } from "./clock.ts";

test("work that ends in time gives its value and leaves no timer behind", async () => {
  const clock = manualClock();
  assert.equal(
    await withTimeout(clock, { ms: 1_000 }, async (signal) => (signal.aborted ? "late" : "in time")),
    "in time",
  );
  assert.equal(clock.sleepers, 0);
});

test("work that takes too long is told so, and only then", async () => {
  const clock = manualClock();
  const work = withTimeout(clock, { ms: 1_000 }, endOf);
  const ended = assert.rejects(work, { name: "TimeoutError", message: /1000 ms/ });
  await clock.advance(999);
  assert.equal(clock.sleepers, 1);
  await clock.advance(1);
  await ended;
});

test("the caller's own signal ends it with the caller's reason, also one that was aborted before", async () => {
  const clock = manualClock();
  const caller = new AbortController();
  const work = withTimeout(clock, { ms: 1_000, signal: caller.signal }, endOf);
  caller.abort(new Error("enough"));
  await assert.rejects(work, /enough/);
  await assert.rejects(withTimeout(clock, { ms: 1_000, signal: caller.signal }, endOf), /enough/);
  assert.equal(clock.sleepers, 0);
});

test("work that fails leaves no timer behind", async () => {
  const clock = manualClock();
  await assert.rejects(
    withTimeout(clock, { ms: 1_000 }, async () => {
      throw new Error("broken");
    }),
    /broken/,
  );
  assert.equal(clock.sleepers, 0);
});

/** Work that goes on until it is told to end. */
function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
