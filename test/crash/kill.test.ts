import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./campaign.ts";

/** The short form: enough kills to strike both starting and working processes, few enough for every run of the tests. */
const KILLS = 8;
/** Far above what the campaign takes (20 s); a test that hangs must not hang the run. */
const TIMEOUT_MS = 180_000;

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
