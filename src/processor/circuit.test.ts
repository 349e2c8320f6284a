import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../clock.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import { createCircuit } from "./circuit.ts";

const down = new Fault("CRM_UNAVAILABLE", "testing");

function setUp(random = 0.999) {
  const clock = manualClock();
  const probesAt: number[] = [];
  const counts: string[] = [];
  const remote = { fault: down as Fault | undefined, hangs: false, answerMs: 0 };
  const circuit = createCircuit({
    name: "crm",
    clock,
    random: { next: () => random },
    log: silentLog,
    counters: { add: (deltas) => counts.push(...Object.keys(deltas)) },
    probe: async (signal) => {
      probesAt.push(clock.now() - startedAt);
      if (remote.answerMs > 0) await clock.sleep(remote.answerMs, signal);
      if (remote.hangs) await new Promise(() => undefined);
      if (remote.fault) throw remote.fault;
    },
  });
  const startedAt = clock.now();
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) await clock.advance(100);
  };
  return { clock, circuit, probesAt, counts, remote, pass };
}

test("probes with growing waits of one second to half a minute, and closes at the first success", async () => {
  const { circuit, probesAt, counts, remote, pass } = setUp();
  circuit.open(down);
  assert.equal(circuit.status().state, "open");
  assert.equal(circuit.status().cause, "CRM_UNAVAILABLE");
  await pass(95_000);
  const waits = probesAt.map((at, index) => Math.round((at - (probesAt[index - 1] ?? 0)) / 1_000));
  assert.deepEqual(waits.slice(0, 7), [1, 2, 4, 8, 16, 30, 30]);
  remote.fault = undefined;
  await pass(30_000);
  assert.equal(circuit.isClosed, true);
  assert.equal(circuit.status().cause, undefined);
  assert.equal(counts.filter((name) => name === "circuit_opened:crm").length, 1);
  const probes = probesAt.length;
  await pass(60_000);
  assert.equal(probesAt.length, probes);
});

test("never probes before a Retry-After has passed, also when a later call brings a longer one", async () => {
  const { circuit, probesAt, remote, pass } = setUp();
  remote.fault = undefined;
  circuit.open(new Fault("CRM_RATE_LIMITED", "testing", { retryAfterMs: 20_000 }));
  circuit.open(new Fault("CRM_RATE_LIMITED", "testing", { retryAfterMs: 40_000 }));
  await pass(39_900);
  assert.deepEqual(probesAt, []);
  await pass(200);
  assert.equal(probesAt.length, 1);
  assert.equal(circuit.isClosed, true);
});

test("a Retry-After of a day does not stop the service for a day", async () => {
  const { clock, circuit } = setUp();
  const probeAt = circuit.open(new Fault("CRM_RATE_LIMITED", "testing", { retryAfterMs: 86_400_000 }));
  assert.equal(probeAt - clock.now(), 3_600_000);
});

test("a probe that hangs has failed, and tells nothing of why: the cause stays, and it is no bug", async () => {
  const { circuit, probesAt, remote, pass, counts } = setUp();
  remote.hangs = true;
  circuit.open(down);
  await pass(1_000);
  assert.equal(circuit.status().state, "half-open");
  await pass(60_000);
  assert.equal(circuit.status().state, "open");
  assert.equal(circuit.status().cause, "CRM_UNAVAILABLE");
  assert.deepEqual(counts, ["circuit_opened:crm"]);
  remote.hangs = false;
  remote.fault = undefined;
  await pass(3_000);
  assert.equal(probesAt.length, 2);
  assert.equal(circuit.isClosed, true);
});

test("a probe that the other side answers after half a minute, as Cognee does once it has tested its model, closes the circuit", async () => {
  const { circuit, remote, pass } = setUp();
  remote.fault = undefined;
  remote.answerMs = 31_000;
  circuit.open(down);
  await pass(33_000);
  assert.equal(circuit.isClosed, true);
});

test("a probe that listens to its end has taken too long all the same", async () => {
  const { circuit, remote, pass, counts } = setUp();
  remote.answerMs = 600_000;
  circuit.open(down);
  await pass(62_000);
  assert.equal(circuit.status().cause, "CRM_UNAVAILABLE");
  assert.deepEqual(counts, ["circuit_opened:crm"]);
});

test("when probes pass and real calls do not, the waits go on growing", async () => {
  const { clock, circuit, remote, pass } = setUp();
  remote.fault = undefined;
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    const waitMs = circuit.open(down) - clock.now();
    waits.push(Math.round(waitMs / 1_000));
    await pass(waitMs + 100);
    assert.equal(circuit.isClosed, true);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16]);
  await pass(60_000);
  assert.equal(Math.round((circuit.open(down) - clock.now()) / 1_000), 1);
});

test("whoever waits goes on when the circuit closes, or when told to stop", async () => {
  const { circuit, remote, pass } = setUp();
  circuit.open(down);
  const stop = new AbortController();
  const ended: string[] = [];
  const stopping = circuit.whenClosed(stop.signal).then(() => ended.push("stopped"));
  const waiting = circuit.whenClosed(new AbortController().signal).then(() => ended.push("closed"));
  stop.abort();
  await stopping;
  assert.deepEqual(ended, ["stopped"]);
  remote.fault = undefined;
  await pass(2_000);
  await waiting;
  assert.deepEqual(ended, ["stopped", "closed"]);
});
