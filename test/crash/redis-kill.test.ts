import assert from "node:assert/strict";
import { test } from "node:test";
import { redisTier } from "../redis/redis-tier.ts";
import { memhookDesign } from "./memhook-design.ts";
import { runRedisCampaign } from "./redis-campaign.ts";

/** Some of each kind; `npm run crash` does many more. */
const KILLS = 25;
/** Far above what the campaign takes (40 s); a test that hangs must not hang the run. */
const TIMEOUT_MS = 600_000;

redisTier(
  "receivers, workers and Redis killed again and again, and workers stopped past their lease",
  () => {
    test("lose no acknowledged event, sync no account twice at once, and leave none wrong", async (context) => {
      const seed = Number(process.env["CRASH_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
      context.diagnostic(`seed ${seed}; repeat with CRASH_SEED=${seed}`);
      const say = (line: string) => context.diagnostic(line);
      const result = await runRedisCampaign(memhookDesign, { kills: KILLS, seed, accounts: 80, say });
      context.diagnostic(JSON.stringify(result));
      assert.deepEqual(result.verdict.wrongs, []);
      assert.ok(result.acknowledged > 0, "the campaign sent something");
      assert.ok(result.syncs.writes > 0, "the workers wrote something");
      assert.ok(result.verdict.accountsCompared > 0, "the campaign compared something");
    });
  },
  { timeoutMs: TIMEOUT_MS },
);
