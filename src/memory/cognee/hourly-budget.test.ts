import assert from "node:assert/strict";
import { test } from "node:test";
import { textsByName } from "../../../test/fakes/texts-by-name.ts";
import { manualClock } from "../../clock.ts";
import { HourlyBudget } from "./hourly-budget.ts";

test("workers that ask at once are granted no more than there is, and another process then knows what they took", async () => {
  const store = textsByName();
  const clock = manualClock();
  const open = () => new HourlyBudget(store, { dataset: "crm", perHour: 5, clock });
  const budget = open();
  const granted = await Promise.all([3, 3, 3].map((wanted) => budget.take(wanted)));
  assert.deepEqual(
    granted.map(({ count }) => count),
    [3, 2, 0],
  );
  assert.equal((await open().take(1)).count, 0);
  await clock.advance(3_600_000);
  assert.equal((await open().take(9)).count, 5);
});
