import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Lease } from "../../src/queue/queue.ts";
import {
  type EngineHarness,
  type EnginePorts,
  eventOf,
  FAILURE,
  type StartEngine,
} from "../contracts/engine-harness.ts";
import { BACKOFF_MS, DELAY_MS, MODEL_LEASE_MS, MODEL_OPTIONS, type ModelVerb, QueueModel } from "./queue-model.ts";

/** Longest walk. */
const COMMANDS_MAX = 60;

type Command =
  | {
      readonly do: "deliver";
      readonly key: number;
      readonly dedup: number;
      readonly isUrgent: boolean;
      readonly isDelayed: boolean;
      /** By another process on the same store. */
      readonly isBeside: boolean;
    }
  | { readonly do: "claim"; readonly limit: number }
  | { readonly do: "settle"; readonly which: number; readonly verb: ModelVerb }
  | { readonly do: "extend"; readonly which: number }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "redrive" }
  | { readonly do: "crash" };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      key: fc.integer({ min: 1, max: 3 }),
      dedup: fc.integer({ min: 1, max: 12 }),
      isUrgent: fc.boolean(),
      isDelayed: fc.boolean(),
      isBeside: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("claim" as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      which: fc.nat({ max: 20 }),
      verb: fc.constantFrom<ModelVerb>("complete", "complete", "retry", "release", "dead"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("extend" as const), which: fc.nat({ max: 20 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      ms: fc.constantFrom(1, DELAY_MS, MODEL_LEASE_MS, 9_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("redrive" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);

/** Compares an engine with the model over random walks. `MEMHOOK_SEED` repeats a run. */
export function queueWalks(name: string, start: StartEngine, runs: number): void {
  test(`${name} does what the model says, over any walk of commands`, { timeout: 120_000 }, async (t) => {
    const seed = Number(process.env["MEMHOOK_SEED"] ?? Date.now() % 2 ** 31);
    t.diagnostic(`seed ${seed} (repeat with MEMHOOK_SEED=${seed})`);
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: COMMANDS_MAX }), async (commands) => {
        const engine = await start(MODEL_OPTIONS);
        try {
          await walk(engine, commands);
        } finally {
          await engine.close();
        }
      }),
      { seed, numRuns: runs },
    );
  });
}

/** Runs the commands on both, compares every answer, and all that can be seen at the end. */
async function walk(engine: EngineHarness, commands: readonly Command[]): Promise<void> {
  const model = new QueueModel(engine.clock.now());
  const leases: Lease[] = [];
  const others: EnginePorts[] = [];
  let events = 0;
  for (const step of commands) {
    if (step.do === "deliver") events += 1;
    await take(engine, { model, leases, others, step, eventId: `e${events}` });
  }
  const stats = await engine.ports.view.stats();
  assert.equal(stats.events, model.unsettled);
  assert.equal(stats.size, model.unsettled);
  assert.equal(stats.lanes.sync.dead, model.deadLetters);
  assert.equal(stats.lanes.sync.leased, model.leased);
  for (const [id, fate] of model.fates) {
    assert.deepEqual(
      (await engine.ports.view.events(id)).map((event) => event.fate),
      [fate],
      `the fate of ${id}`,
    );
  }
}

async function take(
  engine: EngineHarness,
  at: {
    readonly model: QueueModel;
    readonly leases: Lease[];
    /** The other process, once there is one. */
    readonly others: EnginePorts[];
    readonly step: Command;
    readonly eventId: string;
  },
): Promise<void> {
  const { model, leases, others, step } = at;
  const { queue, view } = engine.ports;
  switch (step.do) {
    case "deliver": {
      const key = `zoho/${step.key}`;
      const dedupKey = `${step.key}|${step.dedup}`;
      const { isUrgent } = step;
      const delayMs = step.isDelayed ? DELAY_MS : 0;
      const rank = isUrgent ? "urgent" : "live";
      if (step.isBeside && others.length === 0) others.push(await engine.beside());
      const by = (step.isBeside ? others[0]?.queue : undefined) ?? queue;
      const result = await by.deliver([eventOf(engine, key, at.eventId, { dedupKey, delayMs, rank })]);
      const answer = result.outcome === "full" ? "full" : result.events[0];
      assert.equal(answer, model.deliver({ id: at.eventId, key, dedupKey, isUrgent, delayMs }));
      return;
    }
    case "claim": {
      const given = await queue.claim({ lane: "sync", limit: step.limit, leaseMs: MODEL_LEASE_MS });
      model.claimed(given, step.limit);
      leases.push(...given);
      return;
    }
    case "settle": {
      const lease = leases[step.which % Math.max(1, leases.length)];
      if (lease === undefined) return;
      const dueAt = engine.clock.now() + BACKOFF_MS;
      const [settled] = await queue.settle([
        step.verb === "retry"
          ? { verb: "retry", lease, dueAt, failure: FAILURE }
          : step.verb === "dead"
            ? { verb: "dead", lease, failure: FAILURE }
            : { verb: step.verb, lease },
      ]);
      assert.equal(settled, model.settle(lease, step.verb));
      return;
    }
    case "extend": {
      const lease = leases[step.which % Math.max(1, leases.length)];
      if (lease === undefined) return;
      assert.deepEqual(await queue.extend([lease], MODEL_LEASE_MS), [model.extend(lease)]);
      return;
    }
    case "advance":
      await engine.clock.advance(step.ms);
      model.now = engine.clock.now();
      return;
    case "redrive":
      assert.equal(await view.redrive({}), model.redriveAll());
      return;
    case "crash":
      await engine.crash();
      others.length = 0; // Its store is not the one that the next process opens.
      model.crash();
      return;
  }
}
