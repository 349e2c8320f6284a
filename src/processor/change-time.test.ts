import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeEvent } from "../crm/event.ts";
import type { Lease, Reason } from "../queue/queue.ts";
import { changedAtOf } from "./change-time.ts";

function leaseOf(...reasons: Reason[]): Lease {
  const address = { lane: "sync", key: "zoho/1", jobId: "1", token: 1, attempt: 1, rank: "live" } as const;
  return { ...address, expiresAt: 0, oldestReceivedAt: 900, reasons, reasonCount: reasons.length };
}

function reason(observedAt?: number): Reason {
  const event = { module: "Accounts", recordId: "1", operation: "update" } as const;
  const note = encodeEvent({ ...event, ...(observedAt === undefined ? {} : { observedAt }) });
  return { note, receivedAt: 900, eventId: "e1" };
}

const first = { now: 10, before: undefined };

test("the change is as old as the newest event says, whatever the record's age", () => {
  assert.equal(changedAtOf(leaseOf(reason(700), reason(800), reason()), first), 800);
  assert.equal(changedAtOf(leaseOf(reason(700)), { now: 850, before: 10 }), 700);
});

test("where no event says a time, the newest Modified_Time counts, but only if it moved", () => {
  assert.equal(changedAtOf(leaseOf(reason()), { now: 850, before: 10 }), 850);
  assert.equal(changedAtOf(leaseOf(reason()), { now: 10, before: 10 }), undefined);
  assert.equal(changedAtOf(leaseOf(reason()), first), undefined);
});

test("work that no event caused says nothing about freshness", () => {
  const own = { note: "reconcile", receivedAt: 900 };
  assert.equal(changedAtOf(leaseOf(own), { now: 850, before: 10 }), undefined);
});
