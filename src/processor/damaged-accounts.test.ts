import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fault } from "../faults.ts";
import type { Lease } from "../queue/queue.ts";
import { failed } from "./attempt.ts";
import { DamagedAccounts } from "./damaged-accounts.ts";

function leaseOf(key: string): Lease {
  return {
    ...{ jobId: `job-${key}`, key, lane: "sync", rank: "live", attempt: 1, token: 1, expiresAt: 1_000 },
    ...{ reasons: [], reasonCount: 0, oldestReceivedAt: 0 },
  };
}

const damaged = (key: string) => failed(leaseOf(key), new Fault("SINK_ACCOUNT_DAMAGED", "writing"));

describe("damaged accounts", () => {
  test("are counted once each, and no more when one is written again", () => {
    const accounts = new DamagedAccounts();
    assert.equal(accounts.learn(damaged("zoho/1"), 0), true);
    assert.equal(accounts.learn(damaged("zoho/2"), 0), true);
    assert.equal(accounts.learn(damaged("zoho/1"), 60_000), false);
    assert.equal(accounts.count(60_000), 2);
    accounts.learn(failed(leaseOf("zoho/1"), new Fault("SINK_WRITE_FAILED", "writing")), 61_000);
    assert.equal(accounts.count(61_000), 1);
  });

  test("are forgotten in time, as another process may have found them mended", () => {
    const accounts = new DamagedAccounts();
    accounts.learn(damaged("zoho/1"), 0);
    assert.equal(accounts.count(300_000), 1);
    assert.equal(accounts.count(300_001), 0);
  });

  test("are not those that failed for another reason", () => {
    const accounts = new DamagedAccounts();
    assert.equal(accounts.learn(failed(leaseOf("zoho/1"), new Fault("SINK_DAMAGED", "writing")), 0), false);
    assert.equal(accounts.count(0), 0);
  });
});
