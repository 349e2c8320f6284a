import type { Queue } from "../../src/queue/queue.ts";
import { memoryMb } from "../usage.ts";
import { fillQueue, openScratchEngine } from "./scratch.ts";

/** Loops that claim side by side; two, so that one's commit can carry the other's work. */
const LOOPS = 2;
const BATCH = 100;
const LEASE_MS = 30_000;

const count = Number(process.argv[2]);
const { engine, close } = await openScratchEngine();
await fillQueue(engine.queue, { from: 0, to: count });
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const settled = (await Promise.all(Array.from({ length: LOOPS }, () => drain(engine.queue)))).reduce((a, b) => a + b);
const seconds = (performance.now() - startedAt) / 1_000;
const cpu = process.cpuUsage(cpuBefore);
if (settled !== count) throw new Error(`settled ${settled} of ${count}`);
const result = {
  perSecond: count / seconds,
  cpuMicrosEach: (cpu.user + cpu.system) / count,
  peakMb: memoryMb(process.pid).peak,
};
await close();
process.send?.(result); // Last: the parent ends this process when it has the answer.
process.disconnect();

/** Claims and completes until nothing is due. */
async function drain(queue: Queue): Promise<number> {
  let done = 0;
  for (;;) {
    const leases = await queue.claim({ lane: "sync", limit: BATCH, leaseMs: LEASE_MS });
    if (leases.length === 0) return done;
    const ends = await queue.settle(leases.map((lease) => ({ verb: "complete" as const, lease })));
    done += ends.filter((end) => end === "settled").length;
  }
}
