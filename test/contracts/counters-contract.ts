import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { counter, type StartEngine, startFor, take } from "./engine-harness.ts";

/** What every counter store keeps: nothing lost but the last second, one set of totals for all processes. */
export function countersContract(name: string, start: StartEngine): void {
  describe(`${name}: totals`, () => {
    test("additions are read at once, before they are written", async (t) => {
      const engine = await startFor(t, start);
      engine.ports.counters.add({ deliveries: 2, "auth:token": 1 });
      engine.ports.counters.add({ deliveries: 3 });
      assert.deepEqual(await engine.ports.counters.read(), { deliveries: 5, "auth:token": 1 });
    });

    test("additions are durable within a second, without other work", async (t) => {
      const engine = await startFor(t, start);
      for (const round of [1, 2]) {
        engine.ports.counters.add({ deliveries: 1 });
        await engine.clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
        await engine.crash();
        assert.equal(await counter(engine, "deliveries"), round);
      }
    });

    test("additions ride on the next step, and are counted once", async (t) => {
      const engine = await startFor(t, start);
      engine.ports.counters.add({ deliveries: 1 });
      await take(engine, "zoho/1", "e1");
      await engine.clock.advance(1_000);
      assert.equal(await counter(engine, "deliveries"), 1);
      await engine.crash();
      assert.equal(await counter(engine, "deliveries"), 1);
      assert.equal(await counter(engine, "events_accepted"), 1);
    });

    test("closing writes what is pending", async (t) => {
      const engine = await startFor(t, start);
      engine.ports.counters.add({ deliveries: 1 });
      await engine.restart();
      assert.equal(await counter(engine, "deliveries"), 1);
    });

    test("two processes add to the same totals", async (t) => {
      const engine = await startFor(t, start);
      const command = await engine.beside();
      engine.ports.counters.add({ deliveries: 1 });
      command.counters.add({ deliveries: 10 });
      await engine.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
      // A process reads behind its own writes, and says nothing of those that another has under way.
      await Promise.all([command.counters.read(), engine.ports.counters.read()]);
      assert.equal(await counter(engine, "deliveries"), 11);
      assert.equal((await command.counters.read())["deliveries"], 11);
    });
  });
}
