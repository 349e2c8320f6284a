import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/**
 * Where the young generation stays, in bytes. Node 24 lets it grow to 134 MB under a burst and never gives it back, for no gain
 * that was measured; 16 MB is what `--max-semi-space-size=8` gives, which cannot be set from inside of a running process.
 */
const YOUNG_BYTES = 16_000_000;
/** How far the old generation may outgrow what lives in it before it is collected: 200 MB instead of 250 under 1,000 connections. */
const HEAP_GROWTH_PERCENT = 50;
/** Objects kept at once while it is made to grow, and how often: some 30 ms in all. */
const KEPT_OBJECTS = 2_000;
const OBJECT_LENGTH = 16;
const ROUNDS_MAX = 2_000;

/**
 * Lets V8's young generation grow to its place and then stand still, and keeps the old one close to what lives in it, for a
 * process that serves. Where V8 no longer knows the flags, nothing changes.
 */
export function boundHeap(): void {
  let kept: number[][] = [];
  for (let round = 0; round < ROUNDS_MAX && youngBytes() < YOUNG_BYTES; round += 1) {
    kept = [];
    for (let count = 0; count < KEPT_OBJECTS; count += 1) kept.push(new Array<number>(OBJECT_LENGTH).fill(kept.length));
  }
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? YOUNG_BYTES;
}
