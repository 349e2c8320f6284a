import type { Queue } from "../../src/queue/queue.ts";
import { consumeOnGo } from "../consumer.ts";
import { openBenchEngine } from "../open-engine.ts";
import { fillQueue } from "./events.ts";

/** Loops that claim side by side; two, so that one's commit can carry the other's work. */
const LOOPS = 2;
const BATCH = 100;
const LEASE_MS = 30_000;

/** Claims and completes a filled queue, with nothing done in between. */
const [address = "", count] = [process.argv[2], Number(process.argv[3])];
const engine = await openBenchEngine(address);
await fillQueue(engine.queue, { from: 0, to: count });

await consumeOnGo({
  run: async (onDone) => {
    await Promise.all(Array.from({ length: LOOPS }, () => drain(engine.queue, onDone)));
  },
});
await engine.close();

/** Claims and completes until nothing is due. */
async function drain(queue: Queue, onDone: (count: number) => void): Promise<void> {
  for (;;) {
    const leases = await queue.claim({ lane: "sync", limit: BATCH, leaseMs: LEASE_MS });
    if (leases.length === 0) return;
    const ends = await queue.settle(leases.map((lease) => ({ verb: "complete" as const, lease })));
    onDone(ends.filter((end) => end === "settled").length);
  }
}
