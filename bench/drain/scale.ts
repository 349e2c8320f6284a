import type { AccountKey } from "../../src/account.ts";
import type { LedgerIntent } from "../../src/memory/ledger.ts";
import type { Lease } from "../../src/queue/queue.ts";
import { openBenchEngine } from "../open-engine.ts";
import { median } from "../statistics.ts";
import { memoryMb } from "../usage.ts";
import { accountEvent, fillQueue } from "./events.ts";

/** Operations of each kind timed in one cycle, and cycles; the median cycle counts. */
const CYCLE = 1_000;
const CYCLES = 15;
/** Deliveries at once: what 64 connections make of the group commit. */
const CONCURRENT = 64;
const BATCH = 100;
const LEASE_MS = 600_000;

const [address = "", rows] = [process.argv[2], Number(process.argv[3])];
const engine = await openBenchEngine(address);
const { queue, ledger } = engine;

await fillLedger(rows);
await fillQueue(queue, { from: rows, to: rows * 2 });
const micros: { deliver: number[]; claimSettle: number[]; ledger: number[] } = {
  deliver: [],
  claimSettle: [],
  ledger: [],
};
for (let cycle = 0; cycle < CYCLES; cycle++) await runCycle(cycle);
const result = {
  deliver: median(micros.deliver),
  claimSettle: median(micros.claimSettle),
  ledger: median(micros.ledger),
  peakMb: memoryMb(process.pid).peak,
};
await engine.close();
process.send?.(result); // Last: the parent ends this process when it has the answer.
process.disconnect();

/** Delivers, claims, writes the ledger and settles CYCLE jobs, so that the numbers of rows stay what they are. */
async function runCycle(cycle: number): Promise<void> {
  const first = rows * 2 + cycle * CYCLE;
  const deliverStart = performance.now();
  for (let start = 0; start < CYCLE; start += CONCURRENT) {
    const numbers = Array.from({ length: Math.min(CONCURRENT, CYCLE - start) }, (_, n) => first + start + n);
    await Promise.all(numbers.map((n) => queue.deliver([accountEvent(`cycle-${n}`, n)])));
  }
  const deliverMs = performance.now() - deliverStart;
  let claimSettleMs = 0;
  let ledgerMs = 0;
  for (let done = 0; done < CYCLE; done += BATCH) {
    const claimStart = performance.now();
    const leases = await queue.claim({ lane: "sync", limit: BATCH, leaseMs: LEASE_MS });
    const ledgerStart = performance.now();
    await writeLedger(leases);
    const settleStart = performance.now();
    await queue.settle(leases.map((lease) => ({ verb: "complete" as const, lease })));
    claimSettleMs += ledgerStart - claimStart + (performance.now() - settleStart);
    ledgerMs += settleStart - ledgerStart;
  }
  micros.deliver.push((deliverMs / CYCLE) * 1_000);
  micros.claimSettle.push((claimSettleMs / CYCLE) * 1_000);
  micros.ledger.push((ledgerMs / CYCLE) * 1_000);
}

/** Intends and records a write for each lease, as a sync of an account with two contacts does. */
async function writeLedger(leases: readonly Lease[]): Promise<void> {
  const intents = leases.map(intentOf);
  await ledger.intend(intents);
  await ledger.record(
    intents.map((intent) => ({
      ...intent,
      sinkRef: intent.account,
      isIndexed: true,
      children: [1, 2].map((n) => ({ module: "Contacts", recordId: `${n}${intent.account.slice(-18)}` })),
    })),
  );
}

function intentOf(lease: Lease): LedgerIntent {
  return {
    right: { jobId: lease.jobId, token: lease.token },
    account: lease.key as AccountKey, // keys of this file's own making: accountKey() in events.ts
    verb: "put",
    fingerprint: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    title: "Larkspur Instruments",
    readAt: lease.oldestReceivedAt,
  };
}

/** Brings the ledger to `count` accounts by the front door: there is no other way in. */
async function fillLedger(count: number): Promise<void> {
  for (let start = 0; start < count; start += CYCLE) {
    await fillQueue(queue, { from: start, to: Math.min(start + CYCLE, count) });
    for (;;) {
      const leases = await queue.claim({ lane: "sync", limit: CYCLE, leaseMs: LEASE_MS });
      if (leases.length === 0) break;
      await writeLedger(leases);
      await queue.settle(leases.map((lease) => ({ verb: "complete" as const, lease })));
    }
  }
}
