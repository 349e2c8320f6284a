import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type StartEngine, startFor } from "./engine-harness.ts";

const LEASE_MS = 30_000;

/** What every engine's duties are: had by one process at a time, and free the moment that it is gone. */
export function dutiesContract(name: string, start: StartEngine): void {
  describe(`${name}`, () => {
    test("the working process takes a duty and prolongs it; a process beside it does not have it meanwhile", async (t) => {
      const engine = await startFor(t, start);
      const beside = await engine.beside();
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
      assert.equal(await beside.duties.hold("channels", LEASE_MS), false);
      await engine.clock.advance(LEASE_MS / 2);
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
      await engine.clock.advance(LEASE_MS / 2 + 1);
      assert.equal(await beside.duties.hold("channels", LEASE_MS), false);
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
    });

    test("two duties are independent", async (t) => {
      const engine = await startFor(t, start);
      const beside = await engine.beside();
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
      assert.equal(await engine.ports.duties.hold("schedules", LEASE_MS), true);
      await engine.ports.duties.release("channels");
      assert.equal(await beside.duties.hold("schedules", LEASE_MS), false);
    });

    test("who does not have a duty gives nothing back", async (t) => {
      const engine = await startFor(t, start);
      const beside = await engine.beside();
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
      await beside.duties.release("channels");
      assert.equal(await beside.duties.hold("channels", LEASE_MS), false);
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
    });

    test("a duty that was given back is taken again", async (t) => {
      const engine = await startFor(t, start);
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
      await engine.ports.duties.release("channels");
      await engine.ports.duties.release("channels");
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
    });

    test("the successor of a killed process has its duties at once", async (t) => {
      const engine = await startFor(t, start);
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
      await engine.crash();
      assert.equal(await engine.ports.duties.hold("channels", LEASE_MS), true);
    });
  });
}
