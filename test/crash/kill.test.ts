import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./campaign.ts";

/** What guarantees.md says of P1; they strike starting and working processes alike. */
const KILLS = 50;
/** Far above what the campaign takes (70 s); a test that hangs must not hang the run. */
const TIMEOUT_MS = 600_000;

test("loses no acknowledged event and leaves no account wrong, though killed again and again", {
  timeout: TIMEOUT_MS,
}, async (context) => {
  const seed = Number(process.env["CRASH_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`seed ${seed}; repeat with CRASH_SEED=${seed}`);
  const result = await runCampaign({ kills: KILLS, seed, accounts: 80, say: (line) => context.diagnostic(line) });
  context.diagnostic(JSON.stringify({ ...result, verdict: { ...result.verdict, wrongs: undefined } }));
  assert.deepEqual(result.verdict.wrongs, []);
  assert.ok(result.acknowledged > 0, "the campaign sent something");
  assert.ok(result.verdict.accountsCompared > 0, "the campaign compared something");
});
