import { once } from "node:events";
import { openParts } from "../../src/app/parts.ts";
import { checkServer } from "../../src/app/store-check.ts";
import { wireRooms } from "../../src/app/wire-rooms.ts";
import { WorkAtLast } from "../../src/app/work.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openLog } from "../../src/log.ts";
import { systemRandom } from "../../src/random.ts";
import { type Halt, recordedParts } from "./recorded-parts.ts";
import { openRecorder } from "./sync-record.ts";

/** What the program is told on its command line, as JSON. */
export interface WorkerWish {
  /** File of this life's record. */
  readonly record: string;
  /** Folder of the memory that all workers write. */
  readonly memoryDir: string;
  readonly leaseMs: number;
  /** Where the first batch stops, says so to the parent, and waits for its word. */
  readonly haltAt?: "read" | "write";
}

/** Longest end of batches under way after SIGTERM. */
const DRAIN_MS = 10_000;

/**
 * `memhook worker` as the app wires it, with three differences: a lease short enough for a campaign, a record of all that it does
 * to accounts, and no HTTP server. The memory lies in one folder for all, while each worker has a DATA_DIR of its own.
 */
async function work(wish: WorkerWish): Promise<void> {
  const loaded = loadConfig({ env: process.env, cwd: process.cwd() });
  if (loaded.outcome !== "valid") throw new Error(JSON.stringify(loaded.problems));
  const config = { ...loaded.config, sink: { ...loaded.config.sink, dataDir: wish.memoryDir } };
  const deps = { clock: systemClock, random: systemRandom, log: openLog(config.log.level) };
  const opened = await openParts(config, deps, { role: "worker" });
  const parts = recordedParts(opened, openRecorder(wish.record), haltOnce(wish.haltAt));
  const check = await checkServer(config, deps, parts);
  const { processor } = wireRooms(config, deps, { parts, role: "worker", leaseMs: wish.leaseMs });
  const atLast = new WorkAtLast(parts, processor, deps);
  atLast.start();
  process.send?.("ready");

  await once(process, "SIGTERM");
  await processor.stop({ drainMs: DRAIN_MS });
  await atLast.close();
  await check?.close();
  await parts.close();
}

function haltOnce(at: "read" | "write" | undefined): Halt {
  let isDue = at !== undefined;
  return (point, accounts) => {
    if (!isDue || point !== at) return undefined;
    isDue = false;
    process.send?.({ halted: point, accounts });
    return once(process, "message").then(() => undefined);
  };
}

process.once("disconnect", () => process.exit(1)); // The campaign is gone.
const wish: WorkerWish = JSON.parse(process.argv[2] ?? "");
await work(wish);
process.exit(0);
