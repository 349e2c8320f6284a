import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Clock, manualClock } from "../clock.ts";
import type { SpillStatus } from "../engines/spill/spilling-queue.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import type { CircuitStatus } from "../processor/circuit.ts";
import type { ProcessorStatus } from "../processor/processor.ts";
import { type FigureSources, readFigures } from "./figures.ts";
import { createPrometheus } from "./prometheus.ts";
import type { Role } from "./role.ts";
import { createStatus, type StatusDeps } from "./status.ts";

const away = () => Promise.reject(new Fault("STORE_UNAVAILABLE", "in this test"));

function partsOf(proveStore: () => Promise<void>) {
  const clock = manualClock();
  const counted: string[] = [];
  const counters = { add: (deltas: Readonly<Record<string, number>>) => void counted.push(...Object.keys(deltas)) };
  const deps: StatusDeps = {
    engine: "embedded",
    sink: "embedded",
    role: "serve",
    figures: away,
    proveStore,
    server: undefined,
    spill: () => undefined,
    clock,
    log: silentLog,
    counters,
  };
  return { deps, clock, counted };
}

/** Figures of a service with two jobs, in which nothing is wrong. */
function sourcesOf(clock: Clock): FigureSources {
  const lane = { ready: 0, delayed: 0, leased: 0, dead: 0, unsettled: 0, unfinishedMs: 0 };
  const stats = { lanes: { route: lane, sync: lane, index: lane }, size: 2, events: 2, capacity: 10 };
  return {
    ...{ engine: "embedded", sink: "embedded", version: "1.2.3", startedAt: 0, clock },
    view: { stats: async () => stats },
    counters: { read: async () => ({}) },
    ledger: { totals: async () => ({ intended: 0, stored: 0, indexed: 0, removing: 0, removed: 0 }) },
    processorStatus: () => undefined,
    channels: () => [],
    channelFault: () => undefined,
    spill: () => undefined,
  };
}

function statusOf(proveStore: () => Promise<void>) {
  const { deps, ...rest } = partsOf(proveStore);
  return { status: createStatus(deps), ...rest };
}

test("a store that cannot be written is unhealthy and not ready, and health still says which engine it is", async () => {
  const { status, counted } = statusOf(away);
  assert.equal(await status.isReady(), false);
  const report = await status.health();
  assert.equal(report.status, "unhealthy");
  assert.equal(report.engine, "embedded");
  assert.equal(report.queue_size, null);
  assert.deepEqual(
    report.problems.map(({ code }) => code),
    ["store_unavailable"],
  );
  assert.ok(counted.includes("faults:STORE_UNAVAILABLE"));
});

test("a store of the sink that a person must mend is told as such, whether it is everybody's or some accounts'", async () => {
  const circuit = { state: "closed", since: 0 } as const;
  const torn = { state: "open", since: 0, cause: "SINK_DAMAGED" } as const;
  const processorOf = (sink: CircuitStatus, damagedAccounts: number): ProcessorStatus => ({
    ...{ workers: 1, workersRunning: 1, inFlight: { route: 0, sync: 0, index: 0 }, damagedAccounts },
    ...{ circuits: { crm: circuit, sink, budget: circuit }, lastSuccessAt: null, successRate: "100.0%" },
  });
  const problemsOf = async (processor: ProcessorStatus) => {
    const { deps, clock } = partsOf(async () => undefined);
    const figures = () => readFigures({ ...sourcesOf(clock), processorStatus: () => processor });
    const { status, problems } = await createStatus({ ...deps, figures }).health();
    assert.equal(status, "degraded");
    return problems;
  };
  const [whole] = await problemsOf(processorOf(torn, 0));
  assert.equal(whole?.code, "circuit_open:sink");
  assert.match(whole.message, /docs\/cognee\.md/);
  const [some] = await problemsOf(processorOf(circuit, 2));
  assert.equal(some?.code, "accounts_damaged");
  assert.match(some.message, /datasets of 2 accounts .*docs\/cognee\.md/);
});

test("a lease that a run of Cognee's index holds for hours is no worker that hangs; one of any other sink is", async () => {
  const problemsOf = async (sink: string, heldMs: number) => {
    const { deps, clock } = partsOf(async () => undefined);
    const sources = sourcesOf(clock);
    const { lanes, ...stats } = await sources.view.stats();
    const held = { ...lanes, index: { ...lanes.index, leased: 1, oldestLeasedAt: clock.now() - heldMs } };
    const view = { stats: async () => ({ ...stats, lanes: held }) };
    const figures = () => readFigures({ ...sources, sink, view });
    return (await createStatus({ ...deps, figures }).health()).problems.map(({ message }) => message);
  };
  const held = (minutes: number) => [`a lease has been held for more than ${minutes} minutes`];
  assert.deepEqual(await problemsOf("embedded", 121_000), held(2));
  assert.deepEqual(await problemsOf("cognee", 7_199_000), []);
  assert.deepEqual(await problemsOf("cognee", 7_201_000), held(120));
});

test("one proof counts for a second, so that probes cost no fsync each", async () => {
  let proofs = 0;
  const { status, clock } = statusOf(async () => {
    proofs += 1;
  });
  assert.equal(await status.isReady(), true);
  assert.equal(await status.isReady(), true);
  assert.equal(proofs, 1);
  await clock.advance(1_000);
  assert.equal(await status.isReady(), true);
  assert.equal(proofs, 2);
});

describe("on Redis", () => {
  const spilling: SpillStatus = {
    waiting: 3,
    bytes: 900,
    bytesMax: 1_000,
    isAway: true,
    refusal: undefined,
  };

  function onRedis(role: Role, spill?: SpillStatus) {
    const { deps } = partsOf(away);
    const server = { isConnected: () => false };
    return createStatus({ ...deps, engine: "redis", role, server, spill: () => spill });
  }

  test("that is away, a process whose file takes deliveries is ready and degraded, and says what waits", async () => {
    for (const role of ["receiver", "serve"] as const) {
      const status = onRedis(role, spilling);
      assert.equal(await status.isReady(), true);
      const report = await status.health();
      assert.deepEqual(
        [report.status, report.redis_connected, report.queue_size, report.role],
        ["degraded", false, null, role],
      );
      assert.deepEqual(report.spill, { waiting: 3, bytes: 900, bytes_max: 1_000 });
      assert.deepEqual(
        report.problems.map(({ code }) => code),
        ["redis_away"],
      );
    }
  });

  test("that is away, nobody is told that deliveries are kept where they are refused", async () => {
    const awayMessage = async (refusal: SpillStatus["refusal"]) =>
      (await onRedis("receiver", { ...spilling, refusal }).health()).problems[0]?.message ?? "";
    assert.match(await awayMessage(undefined), /kept in the spill file/);
    for (const refusal of ["full", "unwritable"] as const)
      assert.match(await awayMessage(refusal), /^Redis is away or takes nothing: work waits/);
  });

  test("that is away, with a full file, deliveries are refused: not ready, unhealthy", async () => {
    const status = onRedis("receiver", { ...spilling, refusal: "full" });
    assert.equal(await status.isReady(), false);
    const report = await status.health();
    assert.equal(report.status, "unhealthy");
    assert.deepEqual(
      report.problems.map(({ code }) => code),
      ["redis_away", "spill_full"],
    );
  });

  test("that is away, with a file that cannot be written, deliveries are refused: not ready, unhealthy", async () => {
    const status = onRedis("receiver", { ...spilling, waiting: 0, refusal: "unwritable" });
    assert.equal(await status.isReady(), false);
    const report = await status.health();
    assert.equal(report.status, "unhealthy");
    assert.deepEqual(
      report.problems.map(({ code }) => code),
      ["redis_away", "spill_unwritable"],
    );
  });

  test("that is away, a worker is ready: a restart would mend nothing", async () => {
    const status = onRedis("worker");
    assert.equal(await status.isReady(), true);
    const report = await status.health();
    assert.deepEqual([report.status, report.spill], ["degraded", null]);
  });

  test("what waits in the file counts to the size, and a receiver does not miss workers that it does not have", async () => {
    const clock = manualClock();
    const figures = () =>
      readFigures({ ...sourcesOf(clock), engine: "redis", spill: () => ({ ...spilling, isAway: false }) });
    const { deps } = partsOf(async () => undefined);
    const status = createStatus({
      ...deps,
      engine: "redis",
      role: "receiver",
      figures,
      server: { isConnected: () => true },
      spill: () => ({ ...spilling, isAway: false }),
    });
    const report = await status.health();
    assert.deepEqual([report.status, report.redis_connected, report.queue_size], ["degraded", true, 5]);
    assert.deepEqual(
      report.problems.map(({ code }) => code),
      ["spill_waiting"],
    );
    const text = await createPrometheus().render(await figures(), status.sight());
    assert.match(text, /^memhook_redis_connected 1$/m);
    assert.match(text, /^memhook_spill_waiting 3$/m);
    assert.match(text, /^memhook_spill_bytes 900$/m);
    assert.match(text, /^memhook_queue_size 5$/m);
    assert.doesNotMatch(text, /workers_running/);
  });

  test("that is away, Prometheus is told so", async () => {
    const status = onRedis("receiver", spilling);
    const text = await createPrometheus().render(await status.figures(), status.sight());
    assert.match(text, /^memhook_redis_connected 0$/m);
    assert.match(text, /^memhook_spill_waiting 3$/m);
  });
});
