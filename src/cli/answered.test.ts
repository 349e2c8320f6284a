import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import { answered } from "./answered.ts";

const bound = { ms: 30_000, code: "SINK_UNREACHABLE", doing: "searching" } as const;

test("who never answers is away, and no bug", async () => {
  const clock = manualClock();
  const io = { clock, signal: new AbortController().signal };
  const hanging = answered(io, bound, (signal) => {
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const rejected = assert.rejects(hanging, { code: "SINK_UNREACHABLE", detail: "no answer within 30 s" });
  await clock.advance(30_000);
  await rejected;
  assert.equal(await answered(io, bound, async () => 1), 1);
  await assert.rejects(
    answered(io, bound, () => Promise.reject(new Error("of its own"))),
    /of its own/,
  );
});
