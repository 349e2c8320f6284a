import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startWorld } from "../../test/fakes/processor-world.ts";
import { openTestEngine } from "../../test/fakes/test-engine.ts";
import type { AccountKey } from "../account.ts";
import { manualClock } from "../clock.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import { seededRandom } from "../random.ts";
import { DamagedAccounts } from "./damaged-accounts.ts";
import { indexJob, indexMemory } from "./index-memory.ts";
import type { StageDeps } from "./processor-deps.ts";
import { routingRules } from "./routing-rules.ts";

const GATHER_MS = 1_000;

/** Two new accounts, of which the second is still being written when the run for the first is due. */
async function whileAnotherIsWritten() {
  const made = startWorld(openTestEngine, { gatherMs: GATHER_MS, workers: 2, batchSize: 1 });
  const { crm, sink, send, pass } = made;
  sink.isIndexedAtOnce = false;
  for (const id of ["1", "2"]) crm.accounts.set(id, `Account ${id}`);
  await send({ module: "Accounts", recordId: "1" });
  const writing = Promise.withResolvers<void>();
  sink.onPut = () => writing.promise;
  await send({ module: "Accounts", recordId: "2" });
  await pass(GATHER_MS + 500, 100);
  return { ...made, writing };
}

describe("where documents are gathered for a run", () => {
  test("a removal that fails is followed by one all the same: it may have taken others out of the index", async () => {
    const { crm, sink, send, pass } = startWorld(openTestEngine, { gatherMs: GATHER_MS });
    crm.accounts.set("1", "Account 1");
    await send({ module: "Accounts", recordId: "1" });
    const { flushes } = sink;
    crm.accounts.clear();
    sink.onRemove = () => Promise.reject(new Fault("SINK_UNAVAILABLE", "forgetting"));
    sink.outage = undefined;
    await send({ module: "Accounts", recordId: "1", operation: "delete" });
    await pass(20_000, 100);
    assert.ok(sink.flushes > flushes);
  });

  test("it waits for the syncs under way, and takes their documents along", async () => {
    const { sink, engine, pass, writing } = await whileAnotherIsWritten();
    await pass(5_000, 100);
    assert.equal(sink.flushes, 0);
    writing.resolve();
    await pass(100, 50);
    assert.equal(sink.flushes, 1);
    assert.deepEqual((await engine.ledger.inState("indexed", 10)).map(({ account }) => account).sort(), [
      "zoho/1",
      "zoho/2",
    ]);
  });

  test("it does not wait for ever: syncs under a storm never end", async () => {
    const { sink, pass, writing } = await whileAnotherIsWritten();
    await pass(9_000, 100);
    assert.equal(sink.flushes, 0);
    await pass(1_000, 100);
    assert.equal(sink.flushes, 1);
    writing.resolve();
    await pass(5_000, 100);
    assert.equal(sink.flushes, 2);
  });
});

const refusal = new Fault("SINK_REFUSED", "testing");

type Sync = (account: AccountKey) => Promise<void>;

/** What others do `meanwhile`, as the memory looks for what breaks the run, and `behind` the first look at the ledger after that. */
interface Others {
  readonly meanwhile?: (sync: Sync) => Promise<void>;
  readonly behind?: (sync: Sync) => Promise<void>;
}

/** An index run over the accounts, all `stored`, that breaks on some. */
async function indexing(
  accounts: readonly AccountKey[],
  refused: readonly AccountKey[],
  { meanwhile, behind }: Others = {},
) {
  const clock = manualClock();
  const engine = openTestEngine(clock);
  const { queue, ledger } = engine;
  const request = (account: AccountKey) =>
    ({ lane: "sync", key: account, rank: "live", delayMs: 0, reason: { note: "testing", receivedAt: 0 } }) as const;
  /** One more sync: claims the account's job, writes what it read, and settles it. */
  const sync = async (account: AccountKey) => {
    const leases = await queue.claim({ lane: "sync", limit: 10, leaseMs: 30_000 });
    const lease = leases.find(({ key }) => key === account);
    assert.ok(lease !== undefined, `${account} has a job`);
    const text = { fingerprint: "fp", title: account, readAt: clock.now() };
    const write = { right: { jobId: lease.jobId, token: lease.token }, account, verb: "put", ...text } as const;
    await ledger.intend([write]);
    await ledger.record([{ ...write, sinkRef: `ref:${account}`, children: [], isIndexed: false }]);
    await queue.settle(
      leases.map((one) => (one === lease ? { verb: "complete", lease: one } : { verb: "release", lease: one })),
    );
  };
  for (const account of accounts) {
    await queue.enqueue([request(account)]);
    await sync(account);
  }
  await queue.enqueue([indexJob({ dataset: "crm" }, clock.now())]);
  const leases = await queue.claim({ lane: "index", limit: 1, leaseMs: 30_000 });
  const unused = () => assert.fail("not used by an index run");
  let looks = 0;
  const read: typeof ledger.read = async (keys) => {
    const found = await ledger.read(keys);
    looks += 1;
    if (looks === 1) await behind?.(sync);
    return found;
  };
  const deps: StageDeps = {
    ...{
      queue,
      ledger: { ...ledger, read },
      clock,
      random: seededRandom(1),
      log: silentLog,
      counters: { add: () => undefined },
    },
    crm: { readAccounts: unused, readParents: unused, probe: unused },
    receipts: { write: unused },
    memory: {
      ...{ kind: "fake", put: unused, remove: unused, probe: unused },
      flush: async (_signal, keeper) => {
        await keeper?.setAside(accounts);
        await meanwhile?.(sync);
        return refused.map((account) => ({ account, fault: refusal }));
      },
    },
    options: {
      ...{ workers: 1, batchSize: 10, idleMs: 1, attemptsMax: 3, retryBaseMs: 1, leaseMs: 30_000, debounceMs: 0 },
      ...{ dataset: "crm", routes: routingRules(), render: unused },
    },
    ...{ unindexed: new Map(), late: new Map(), inFlight: { route: 0, sync: 0, index: 1 } },
    tally: { succeeded: 0, failed: 0, lastSuccessAt: null, damaged: new DamagedAccounts() },
  };
  const right = { signal: new AbortController().signal, mustHold: () => undefined, sent: new Map() };
  const attempts = await indexMemory(deps, leases, right);
  assert.deepEqual(
    attempts.map(({ outcome }) => outcome),
    ["done"],
  );
  const found = await ledger.read(accounts);
  return { queue, stateOf: (account: AccountKey) => found.get(account)?.state };
}

describe("where a document breaks the run", () => {
  test("an account that was recorded while the search took its document out is distrusted, and synced once more", async () => {
    const { queue, stateOf } = await indexing(["zoho/1", "zoho/2"], ["zoho/1"], {
      meanwhile: (sync) => sync("zoho/1"),
    });
    assert.equal(stateOf("zoho/1"), "intended");
    const leases = await queue.claim({ lane: "sync", limit: 10, leaseMs: 30_000 });
    assert.deepEqual(leases.map(({ key, reasonCount }) => [key, reasonCount]).sort(), [
      ["zoho/1", 1],
      ["zoho/2", 1],
    ]);
  });

  test("one that nobody recorded meanwhile has its job already, and gets no reason more", async () => {
    const { queue, stateOf } = await indexing(["zoho/1"], ["zoho/1"]);
    assert.equal(stateOf("zoho/1"), "intended");
    const leases = await queue.claim({ lane: "sync", limit: 10, leaseMs: 30_000 });
    assert.deepEqual(
      leases.map(({ key, reasonCount }) => [key, reasonCount]),
      [["zoho/1", 1]],
    );
  });
  test("one that is recorded as late as that is not searchable, whatever it was before the run", async () => {
    const { stateOf } = await indexing(["zoho/1", "zoho/2"], ["zoho/1"], { behind: (sync) => sync("zoho/1") });
    assert.equal(stateOf("zoho/1"), "stored");
  });
});
