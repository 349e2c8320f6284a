import assert from "node:assert/strict";
import { test } from "node:test";
import { shortcomings } from "./demo-check.ts";

const good = { isSettled: true, comparison: { compared: 3, differences: [] }, deadLetters: 0, queueSize: 0, bugs: 0 };

test("a run that settled, agrees with the CRM, buried nothing and met no bug has no shortcomings", () => {
  assert.deepEqual(shortcomings(good), []);
});

test("a bug that was met fails the run, although everything came right in the end", () => {
  assert.match(shortcomings({ ...good, bugs: 1 }).join(), /UNEXPECTED/);
});

test("each other shortcoming fails the run as well", () => {
  const bad = [
    { isSettled: false, queueSize: 2 },
    { deadLetters: 1 },
    { comparison: { compared: 3, differences: ["zoho/1 is missing in the memory"] } },
  ];
  for (const wrong of bad) assert.equal(shortcomings({ ...good, ...wrong }).length, 1, JSON.stringify(wrong));
});
