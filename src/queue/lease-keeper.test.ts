import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import { Fault } from "../faults.ts";
import { keepLeases, LEASE_LOST } from "./lease-keeper.ts";
import type { Lease, Settled } from "./queue.ts";

function setUp(answer: () => Settled) {
  const clock = manualClock();
  const caller = new AbortController();
  const extensions: number[] = [];
  const queue = {
    extend: async (leases: readonly Lease[]) => {
      extensions.push(clock.now());
      return leases.map(answer);
    },
  };
  const startedAt = clock.now();
  const base = { lane: "sync", rank: "live", attempt: 1, oldestReceivedAt: 0, reasons: [], reasonCount: 0 } as const;
  const lease: Lease = { ...base, key: "zoho/1", jobId: "1", token: 1, expiresAt: startedAt + 30_000 };
  const options = { leaseMs: 30_000, holdMsMax: 600_000, signal: caller.signal };
  const keeper = keepLeases({ queue, clock }, [lease], options);
  return { clock, caller, extensions, keeper, startedAt };
}

test("prolongs at each third of the lease while work runs, and no longer", async () => {
  const { clock, extensions, keeper, startedAt } = setUp(() => "settled");
  for (let second = 0; second < 35; second++) await clock.advance(1_000);
  keeper.mustHold();
  assert.deepEqual(
    extensions.map((at) => at - startedAt),
    [10_000, 20_000, 30_000],
  );
  keeper.stop();
  await clock.advance(60_000);
  assert.equal(extensions.length, 3);
  assert.equal(keeper.signal.aborted, false);
  assert.throws(() => keeper.mustHold(), LEASE_LOST);
});

test("stops the work when the lease has passed to another", async () => {
  const { clock, keeper } = setUp(() => "stale");
  await clock.advance(10_000);
  assert.equal(keeper.signal.reason, LEASE_LOST);
  assert.throws(() => keeper.mustHold(), LEASE_LOST);
});

test("a store that is away does not stop the work until the lease has expired", async () => {
  const { clock, keeper } = setUp(() => {
    throw new Fault("STORE_UNAVAILABLE", "prolonging");
  });
  for (let second = 0; second < 28; second++) await clock.advance(1_000);
  assert.equal(keeper.signal.aborted, false);
  for (let second = 0; second < 5; second++) await clock.advance(1_000);
  assert.equal(keeper.signal.reason, LEASE_LOST);
});

test("a bug while prolonging stops the work as the bug that it is", async () => {
  const { clock, keeper } = setUp(() => {
    throw new TypeError("broken");
  });
  await clock.advance(10_000);
  assert.ok(keeper.signal.reason instanceof Fault);
  assert.equal(keeper.signal.reason.code, "UNEXPECTED");
});

test("work that hangs is stopped at the bound with a fault", async () => {
  const { clock, keeper } = setUp(() => "settled");
  for (let second = 0; second < 611; second++) await clock.advance(1_000);
  assert.ok(keeper.signal.reason instanceof Fault);
});

test("a process that slept past the expiry knows it before anyone tells it", async () => {
  const { clock, keeper } = setUp(() => "settled");
  const late = clock.advance(31_000);
  assert.throws(() => keeper.mustHold(), LEASE_LOST);
  await late;
});

test("hands the caller's reason on to the work", () => {
  const { caller, keeper } = setUp(() => "settled");
  const reason = new Error("drain");
  caller.abort(reason);
  assert.equal(keeper.signal.reason, reason);
});
