import { stat } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { openEmbeddedEngine } from "../src/engines/embedded/embedded-engine.ts";
import { silentLog } from "../src/log.ts";

/** What a killed server's store holds. */
export interface Stored {
  readonly acknowledged: number;
  /** Acknowledged events that the store does not know. */
  readonly lost: number;
  /** Events in the queue beyond those acknowledged: nothing was under way at the end, so none are expected. */
  readonly surplus: number;
  /** Bytes of the engine's file for each event that waits. */
  readonly bytesEach: number;
}

/** Name of the engine's file in DATA_DIR. */
export const ENGINE_FILE = "engine.db";

/** Reads back every acknowledged event through the engine's own door. */
export async function verifyStore(dataDir: string, acknowledged: readonly string[]): Promise<Stored> {
  const path = join(dataDir, ENGINE_FILE);
  const engine = openEmbeddedEngine({
    path,
    clock: systemClock,
    log: silentLog,
    queue: { capacity: 10_000_000, dedupWindowMs: 3_600_000, maxWaitMs: 60_000 },
  });
  try {
    let lost = 0;
    for (const eventId of acknowledged) if ((await engine.view.events(eventId)).length === 0) lost += 1;
    const { events } = await engine.view.stats();
    await engine.close(); // Brings the write-ahead log into the file, so that its size is the whole truth.
    const { size } = await stat(path);
    return { acknowledged: acknowledged.length, lost, surplus: events - acknowledged.length, bytesEach: size / events };
  } finally {
    await engine.close();
  }
}
