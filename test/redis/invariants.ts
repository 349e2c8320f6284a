import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assembleScript } from "../../scripts/generate-scripts.ts";
import { systemClock } from "../../src/clock.ts";
import { openConnection } from "../../src/engines/redis/connection.ts";
import { silentLog } from "../../src/log.ts";
import type { RedisAddress } from "../../src/redis-address.ts";

const FILE = join(import.meta.dirname, "invariants.lua");
const CHECK = assembleScript("invariants", readFileSync(FILE, "utf8"));

/** Counts all that the engine keeps under a prefix anew, and demands that it agrees. `now` is epoch milliseconds. */
export async function assertInvariants(address: RedisAddress, keyPrefix: string, now: number): Promise<void> {
  const key = `${keyPrefix}:{${keyPrefix}}`;
  const connection = openConnection({ address, key, clock: systemClock, log: silentLog, scripts: [CHECK] });
  try {
    const wrongs = await connection.run(CHECK, [String(now)]);
    assert.ok(Array.isArray(wrongs));
    assert.deepEqual(wrongs.map(String), []);
  } finally {
    await connection.close();
  }
}
