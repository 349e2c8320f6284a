import assert from "node:assert/strict";
import { test } from "node:test";
import { dataDir } from "../../test/e2e/harness.ts";
import { noOpMemory } from "../../test/fakes/no-op-memory.ts";
import { accountKey } from "../account.ts";
import { manualClock } from "../clock.ts";
import { openEmbeddedEngine } from "../engines/embedded/embedded-engine.ts";
import { silentLog } from "../log.ts";
import { followSink } from "./follow-sink.ts";

test("a sink that was made anew has every account written again, behind live work; a known one has not", async (t) => {
  const folder = dataDir();
  const clock = manualClock();
  const queue = { capacity: 100, dedupWindowMs: 1_000, maxWaitMs: 1_000 };
  const engine = openEmbeddedEngine({ path: `${folder.path}/engine.db`, clock, log: silentLog, queue });
  t.after(async () => {
    await engine.close();
    folder.dispose();
  });
  await engine.acquireWorkerLock();
  const account = accountKey("1");
  await engine.queue.enqueue([
    { lane: "sync", key: account, rank: "live", delayMs: 0, reason: { note: "x", receivedAt: 0 } },
  ]);
  const [right] = await engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 30_000 });
  assert.ok(right);
  const written = { right, account, verb: "put", fingerprint: "f", title: "Acme", readAt: clock.now() } as const;
  await engine.ledger.record([{ ...written, children: [], isIndexed: true }]);
  await engine.queue.settle([{ verb: "complete", lease: right }]);

  const signal = new AbortController().signal;
  const memory = { ...noOpMemory(), identity: async () => name };
  let name = "first";
  const follow = () => followSink({ engine, memory }, { clock, log: silentLog }, signal);
  await follow();
  await follow();
  assert.equal((await engine.view.stats()).size, 0);

  name = "second";
  await follow();
  const [job] = await engine.queue.claim({ lane: "sync", limit: 10, leaseMs: 30_000 });
  assert.equal(job?.key, account);
  assert.equal(job?.rank, "background");
  assert.equal((await engine.ledger.read([account])).get(account)?.fingerprint, "");
  await follow();
  assert.equal((await engine.view.stats()).size, 1);
});
