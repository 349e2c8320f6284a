import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { type AccountKey, accountKey } from "../../src/account.ts";
import { type ManualClock, manualClock } from "../../src/clock.ts";
import { openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import type { Memory, PutRequest } from "../../src/memory/memory.ts";
import { createReceipts } from "../../src/memory/receipts.ts";
import { createProcessor } from "../../src/processor/processor.ts";
import { routingRules } from "../../src/processor/routing-rules.ts";
import { seededRandom } from "../../src/random.ts";
import { dataDir } from "../e2e/harness.ts";
import { type MemoryCrm, memoryCrm } from "./memory-crm.ts";

const QUEUE = { capacity: 100_000, dedupWindowMs: 60_000, maxWaitMs: 1_000 };
/** Turns of the event loop without work after which all is done. */
const TURNS = 200;

/** A CRM, a real memory and a real engine, each of which can be lost by itself. */
export interface RebuildWorld {
  readonly clock: ManualClock;
  readonly crm: MemoryCrm;
  /** The present engine and memory; others after a loss. */
  readonly engine: Engine;
  readonly memory: Memory;
  /** Documents given to the memory, and accounts that it was told to forget, since `forgetCounts`. */
  readonly puts: readonly PutRequest[];
  readonly removals: readonly AccountKey[];
  forgetCounts(): void;
  /** Begins a sync of each account, as a first load does. */
  enqueue(accountIds: readonly string[]): Promise<void>;
  /** Lets workers do all that is due, and stops them. */
  work(): Promise<void>;
  /** The engine's file is lost while no process runs. */
  loseEngine(): Promise<void>;
  /** The memory's file is lost while no process runs. */
  loseMemory(): Promise<void>;
  /** All that the engine has is lost under the process that uses it, as a FLUSHALL does. */
  flushEngine(): void;
}

/** Opens one with `accountCount` accounts in the CRM, each with a contact, and nothing synced yet. */
export function rebuildWorld(t: TestContext, accountCount: number): RebuildWorld {
  const folder = dataDir();
  const clock = manualClock();
  const crm = memoryCrm({ clock });
  for (let id = 1; id <= accountCount; id += 1) {
    crm.put("Accounts", String(id), { Account_Name: `Company ${id}` });
    const link = { id: String(id), name: `Company ${id}` };
    crm.put("Contacts", String(100_000 + id), { Full_Name: `Person ${id}`, Account_Name: link });
  }
  const puts: PutRequest[] = [];
  const removals: AccountKey[] = [];
  const counted = (memory: Memory): Memory => ({
    ...memory,
    put: (requests, signal) => {
      puts.push(...requests);
      return memory.put(requests, signal);
    },
    remove: (accounts, signal) => {
      removals.push(...accounts.map(({ account }) => account));
      return memory.remove(accounts, signal);
    },
  });
  let generation = 0;
  const pathOf = (name: string) => join(folder.path, `${name}-${generation}.db`);
  let enginePath = pathOf("engine");
  const openEngine = () => {
    enginePath = pathOf("engine");
    const engine = openEmbeddedEngine({ path: enginePath, clock, log: silentLog, queue: QUEUE });
    void engine.acquireWorkerLock(); // At once, on a fresh file that nobody else knows.
    return engine;
  };
  const openMemory = () => counted(openEmbeddedMemory({ path: pathOf("memory"), clock, log: silentLog }));
  let engine = openEngine();
  let memory = openMemory();
  t.after(async () => {
    await engine.close();
    await memory.close();
    folder.dispose();
  });
  return {
    ...{ clock, crm, puts, removals },
    get engine() {
      return engine;
    },
    get memory() {
      return memory;
    },
    forgetCounts: () => {
      puts.length = 0;
      removals.length = 0;
    },
    enqueue: (accountIds) => {
      const reason = { note: "first load", receivedAt: clock.now() };
      const job = { lane: "sync", rank: "live", delayMs: 0, reason } as const;
      return engine.queue.enqueue(accountIds.map((id) => ({ ...job, key: accountKey(id) })));
    },
    work: () => work({ engine, memory, crm, clock }),
    loseEngine: async () => {
      await engine.close();
      generation += 1;
      engine = openEngine();
    },
    loseMemory: async () => {
      await memory.close();
      generation += 1;
      memory = openMemory();
    },
    flushEngine: () => flushStore(enginePath),
  };
}

async function work({ engine, memory, crm, clock }: Pick<RebuildWorld, "engine" | "memory" | "crm" | "clock">) {
  const processor = createProcessor({
    ...{ queue: engine.queue, ledger: engine.ledger, counters: engine.counters, crm, memory, clock },
    receipts: createReceipts(engine.sealed),
    random: seededRandom(7),
    log: silentLog,
    options: {
      ...{ workers: 2, batchSize: 50, idleMs: 1_000, attemptsMax: 3, retryBaseMs: 1_000, leaseMs: 30_000 },
      ...{ debounceMs: 0, dataset: "zoho_crm", routes: routingRules([]) },
      render: (snapshot) => renderDocument(snapshot, defaultFieldPolicy),
    },
  });
  processor.start();
  for (let turn = 0, size = 1; turn < TURNS || size > 0; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (turn % TURNS === 0) size = (await engine.view.stats()).size;
  }
  const stopped = processor.stop({ drainMs: 1_000 });
  await clock.advance(1_000);
  await stopped;
}

/** Empties every table through a connection of its own. */
function flushStore(path: string): void {
  const database = new DatabaseSync(path);
  const columns = database.prepare("SELECT name FROM pragma_table_info('totals') WHERE name <> 'id'").all();
  database.exec("BEGIN IMMEDIATE");
  for (const table of ["jobs", "reasons", "counters", "accounts", "children", "channels", "sealed"]) {
    database.exec(`DELETE FROM ${table}`);
  }
  database.exec(`UPDATE totals SET ${columns.map(({ name }) => `${name} = 0`).join(", ")}`);
  database.exec("COMMIT");
  database.close();
}
