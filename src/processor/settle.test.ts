import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import { catalogue, Fault, type FaultCode } from "../faults.ts";
import type { Lease } from "../queue/queue.ts";
import { dependencyOf } from "./circuits.ts";
import { routingRules } from "./routing-rules.ts";
import { settlementFor } from "./settle.ts";

const clock = manualClock();
const NOW = clock.now();
const PROBE_AT = NOW + 777;

function settle(
  code: FaultCode,
  attempt: number,
  { retryAfterMs, probeAt = PROBE_AT }: { readonly retryAfterMs?: number; readonly probeAt?: number } = {},
) {
  const opened: FaultCode[] = [];
  const circuit = {
    isClosed: true,
    open: (fault: Fault) => {
      opened.push(fault.code);
      return probeAt;
    },
    whenClosed: async () => undefined,
    status: () => ({ state: "closed", since: 0 }) as const,
    stop: () => undefined,
  };
  const circuits = {
    of: (about: FaultCode) => (dependencyOf(about) === undefined ? undefined : circuit),
    isReady: () => true,
    whenReady: async () => undefined,
    status: () => ({ crm: circuit.status(), sink: circuit.status(), budget: circuit.status() }),
    stop: () => undefined,
  };
  const options = {
    ...{
      workers: 1,
      batchSize: 10,
      idleMs: 1,
      attemptsMax: 3,
      retryBaseMs: 2_000,
      leaseMs: 1,
      debounceMs: 0,
      dataset: "d",
    },
    routes: routingRules(),
    render: () => {
      throw new Error("not rendered here");
    },
  };
  const deps = { clock, random: { next: () => 0.5 }, options };
  const base = { lane: "sync", rank: "live", oldestReceivedAt: 0, reasons: [], reasonCount: 0, expiresAt: 0 } as const;
  const lease: Lease = { ...base, key: "zoho/1", jobId: "1", token: 1, attempt };
  const fault = new Fault(code, "testing", retryAfterMs === undefined ? {} : { retryAfterMs });
  return { settlement: settlementFor(deps, circuits, { outcome: "failed", lease, fault }), opened };
}

test("a fault of class never is a dead letter at the first attempt", () => {
  for (const code of codesOf("never")) {
    const { settlement, opened } = settle(code, 1);
    assert.equal(settlement.verb, "dead", code);
    assert.deepEqual(opened, [], code);
  }
});

test("a fault of class pause opens its circuit and gives the attempt back until the probe, at any attempt", () => {
  for (const code of codesOf("pause").filter((name) => !/^STORE_|OVER_BUDGET/.test(name) && !waitsAlone(name))) {
    const { settlement, opened } = settle(code, 99);
    assert.equal(settlement.verb, "release", code);
    assert.equal(settlement.verb === "release" && settlement.dueAt, PROBE_AT, code);
    assert.deepEqual(opened, [code]);
  }
});

test("a store that is away or damaged opens no circuit and kills no job: it comes back shortly", () => {
  for (const code of ["STORE_UNAVAILABLE", "STORE_INVALID"] as const) {
    const { settlement, opened } = settle(code, 99);
    assert.equal(settlement.verb === "release" && settlement.dueAt, NOW + 1_000, code);
    assert.deepEqual(opened, [], code);
  }
});

test("a circuit that is to stay open for an hour holds a job for a minute: after a restart it may be closed", () => {
  const { settlement } = settle("CRM_RATE_LIMITED", 1, { retryAfterMs: 3_600_000, probeAt: NOW + 3_600_000 });
  assert.equal(settlement.verb === "release" && settlement.dueAt, NOW + 60_000);
});

test("a spent budget opens its circuit, and holds a job as long as it was told to, at most ten minutes", () => {
  const waits = [undefined, 20_000, 3_600_000].map((retryAfterMs) => {
    const probeAt = NOW + (retryAfterMs ?? 0);
    const { settlement, opened } = settle("SINK_OVER_BUDGET", 99, {
      probeAt,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
    assert.deepEqual(opened, ["SINK_OVER_BUDGET"]);
    return settlement.verb === "release" && settlement.dueAt !== undefined && settlement.dueAt - NOW;
  });
  assert.deepEqual(waits, [60_000, 20_000, 600_000]);
});

test("what is away for one account, or for a moment, opens no circuit, and waits as long as it was told to", () => {
  const codes = codesOf("pause").filter(waitsAlone);
  assert.deepEqual([...codes].sort(), ["SINK_ACCOUNT_DAMAGED", "SINK_BUSY"]);
  for (const code of codes) {
    const { settlement, opened } = settle(code, 99, { retryAfterMs: 90_000 });
    assert.equal(settlement.verb === "release" && settlement.dueAt, NOW + 90_000, code);
    assert.deepEqual(opened, [], code);
  }
});

test("a fault of class backoff is tried again with jitter, and is a dead letter at the last attempt", () => {
  for (const code of codesOf("backoff")) {
    const dues = [1, 2].map((attempt) => {
      const { settlement } = settle(code, attempt);
      return settlement.verb === "retry" ? settlement.dueAt - NOW : settlement.verb;
    });
    assert.deepEqual(dues, [1_000, 2_000], code);
    assert.equal(settle(code, 3).settlement.verb, "dead", code);
    assert.equal(settle(code, 4).settlement.verb, "dead", code);
  }
});

test("a retry waits at least as long as the other side asked", () => {
  const { settlement } = settle("CRM_READ_FAILED", 1, { retryAfterMs: 45_000 });
  assert.equal(settlement.verb === "retry" && settlement.dueAt, NOW + 45_000);
});

function waitsAlone(code: string): boolean {
  return code === "SINK_ACCOUNT_DAMAGED" || code === "SINK_BUSY";
}

function codesOf(retry: string): readonly FaultCode[] {
  const codes = Object.keys(catalogue) as FaultCode[]; // the keys of a const table are its codes
  return codes.filter((code) => catalogue[code].retry === retry);
}
