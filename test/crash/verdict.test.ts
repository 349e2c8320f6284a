import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import { silentLog } from "../../src/log.ts";
import { memoryCrm } from "../fakes/memory-crm.ts";
import { judgeEmbedded } from "./verdict.ts";

/** The judge's wrongs over a store without accounts whose counters say this. */
async function wrongsAfter(counts: Readonly<Record<string, number>>): Promise<readonly string[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "memhook-verdict-"));
  try {
    const engine = openEmbeddedEngine({
      path: join(dataDir, "engine.db"),
      clock: systemClock,
      log: silentLog,
      queue: { capacity: 10, dedupWindowMs: 1_000, maxWaitMs: 1_000 },
    });
    engine.counters.add(counts);
    await engine.close();
    const crm = memoryCrm({ clock: systemClock });
    return (await judgeEmbedded({ dataDir, acknowledged: new Set(), crm, accountIds: [] })).wrongs;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

test("a run that met bugs has failed, and one that met outages has not", async () => {
  assert.deepEqual(await wrongsAfter({ "faults:CRM_UNAVAILABLE": 7 }), []);
  const [wrong, ...more] = await wrongsAfter({ "faults:UNEXPECTED": 3 });
  assert.match(wrong ?? "", /^3 faults are UNEXPECTED/);
  assert.deepEqual(more, []);
});
