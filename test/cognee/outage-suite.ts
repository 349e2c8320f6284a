import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Fault, type FaultCode } from "../../src/faults.ts";
import {
  accountsWith,
  animalDocument,
  animalDocuments,
  assertHolds,
  type DatasetWorld,
  datasetWorld,
  mendStore,
  putOf,
  putsOf,
  storeFile,
  until,
} from "../fakes/cognee-world.ts";
import { perAccount } from "./account-suite.ts";
import type { CogneeServer } from "./cognee-server.ts";

const never = new AbortController().signal;
/** Long enough that calls fail; Cognee tries them again for four minutes. */
const AWAY_MS = 3_000;
/** How long the model thinks where it is to go away meanwhile. */
const THINKING_MS = 1_000;

/** What an outage costs: time, and nobody's document. */
export function outageSuite(server: () => CogneeServer): void {
  describe("outages", () => {
    test("a model that is away for seconds during a run: all is searchable after its return", async (t) => {
      const world = datasetWorld(server());
      const { model } = server();
      await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
      model.setDelayMs(THINKING_MS);
      const before = model.counts.chat;
      const flush = world.memory.flush(never, { setAside: neverAsked });
      flush.catch(() => undefined); // Looked at below.
      await until("the model thinks", () => model.counts.chat > before);
      await model.setAway(true);
      await systemClock.sleep(AWAY_MS);
      model.setDelayMs(0);
      await model.setAway(false);
      const fault = await flush.then(
        () => undefined,
        (error: unknown) => error,
      );
      t.diagnostic(fault === undefined ? "the run outlasted it" : `the run failed: ${String(fault)}`);
      if (fault !== undefined) {
        assert.ok(fault instanceof Fault && fault.retry === "pause");
        await world.memory.flush(never, { setAside: neverAsked });
      }
      await assertHolds(world, animalDocuments(2, "zebra"));
    });

    test("a model that does not know Cognee's key fails no document, and is asked again by a probe", async () => {
      const world = datasetWorld(server());
      const { memory } = world;
      await memory.put([putOf(animalDocument(1, "zebra"))], never);
      server().model.setChatStatus(401);
      await assert.rejects(memory.flush(never, { setAside: neverAsked }), { code: "SINK_MODEL_AWAY", retry: "pause" });
      await assert.rejects(memory.probe(never), { code: "SINK_MODEL_AWAY" });
      server().model.setChatStatus(undefined);
      await memory.probe(never);
      await memory.flush(never);
      await assertHolds(world, [animalDocument(1, "zebra")]);
      server().model.setChatStatus(401);
      await assert.rejects(memory.put([putOf(animalDocument(1, "okapi"))], never), { code: "SINK_MODEL_AWAY" });
      server().model.setChatStatus(402);
      await assert.rejects(memory.put([putOf(animalDocument(1, "okapi"))], never), {
        code: "SINK_OVER_BUDGET",
        retry: "pause",
      });
      await assertHolds(world, [animalDocument(1, "zebra")]);
      server().model.setChatStatus(undefined);
      await memory.put([putOf(animalDocument(1, "okapi"), { isUncertain: true })], never);
      await assertHolds(world, [animalDocument(1, "okapi")]);
    });

    test("a server that is away: every call says so. What it tore when it died is told as such until a person mends it; the others go on", async () => {
      const [whole, torn] = [datasetWorld(server()), datasetWorld(server())];
      for (const { memory } of [whole, torn]) {
        await memory.put(putsOf(animalDocuments(2, "zebra")), never);
        await memory.flush(never);
      }
      await torn.memory.put([putOf(animalDocument(3, "zebra"))], never);
      const accounts = perAccount(server());
      await accounts.memory.put(putsOf(animalDocuments(3, "zebra")), never);
      const tornAccount = accounts.of(animalDocument(2, "zebra").account);
      const stores = [await storeFile(server(), torn), await storeFile(server(), tornAccount)];
      await server().kill();
      await assertEachRejects(callsOf(whole), "SINK_UNREACHABLE");
      for (const store of stores) await writeFile(`${store}.wal.checkpoint`, "what a checkpoint does not look like");
      await server().start();

      await whole.memory.probe(never);
      await whole.memory.put([putOf(animalDocument(1, "okapi"), { isUncertain: true })], never);
      await whole.memory.flush(never);
      await assertHolds(whole, [animalDocument(1, "okapi"), animalDocument(2, "zebra")]);
      const { put, remove, flush, search, probe } = callsOf(torn);
      await assertEachRejects({ put, remove, flush, search, probe }, "SINK_DAMAGED");

      const written = await accounts.memory.put(putsOf(animalDocuments(3, "okapi"), { isUncertain: true }), never);
      const outcomes = written.map((result) => (result.outcome === "failed" ? result.fault.code : result.outcome));
      assert.deepEqual(outcomes, ["stored", "SINK_ACCOUNT_DAMAGED", "stored"]);
      const found = await accountsWith(accounts.memory, "okapi");
      assert.deepEqual(new Set(found), new Set([1, 3].map((id) => animalDocument(id, "okapi").account)));

      await mendStore(server(), torn, tornAccount);
      await accounts.memory.put([putOf(animalDocument(2, "okapi"), { isUncertain: true })], never);
      await assertHolds(tornAccount, [animalDocument(2, "okapi")]);
      await torn.memory.probe(never);
      await torn.memory.put([putOf(animalDocument(1, "okapi"), { isUncertain: true })], never);
      await torn.memory.flush(never, { setAside: neverAsked });
      await assertHolds(torn, [animalDocument(1, "okapi"), animalDocument(2, "zebra"), animalDocument(3, "zebra")]);
    });
  });
}

/** Each call of the port that asks the server. */
function callsOf({ memory }: DatasetWorld) {
  const { account } = animalDocument(1, "zebra");
  return {
    put: () => memory.put([putOf(animalDocument(1, "okapi"))], never),
    remove: () => memory.remove([{ account }], never),
    flush: () => memory.flush(never, { setAside: neverAsked }),
    search: () => memory.search("zebra", { limit: 1 }, never),
    list: () => memory.list({ limit: 1 }, never),
    identity: () => memory.identity(never),
    probe: () => memory.probe(never),
  };
}

async function assertEachRejects(
  calls: Readonly<Record<string, () => Promise<unknown>>>,
  code: FaultCode,
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) await assert.rejects(call, { code, retry: "pause" }, name);
}

/** Nothing may be set aside, and with it perhaps refused, because of an outage. */
function neverAsked(): Promise<void> {
  return Promise.reject(new Error("a document was suspected"));
}
