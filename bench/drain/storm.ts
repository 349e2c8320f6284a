import { openBenchEngine } from "../open-engine.ts";
import { memoryMb } from "../usage.ts";
import { accountEvent } from "./events.ts";
import { startProcessor, untilEmpty } from "./run-processor.ts";

/**
 * Many events on few accounts: a bulk edit. Either all of it waits before the processor starts, or it comes while the
 * processor runs, in callbacks of many ids or one event at a time, as fast as it is acknowledged.
 */
const [address = "", moment] = process.argv.slice(2);
const [isQueuedFirst, perDelivery, readMs] = [moment === "first", Number(process.argv[4]), Number(process.argv[5])];
/** The figures. */
const EVENTS = 10_000;
const ACCOUNTS = 50;
/** Deliveries under way at once. */
const CONCURRENT = 64;
/** Default of WEBHOOK_BATCH_SIZE. */
const BATCH_SIZE = 10;

const engine = await openBenchEngine(address);
const calls = { accountsRead: 0, documentsPut: 0 };
const start = () => startProcessor(engine, { batchSize: BATCH_SIZE, readMs, calls });
const early = isQueuedFirst ? undefined : start();
const startedAt = performance.now();
let next = 0;
await Promise.all(Array.from({ length: CONCURRENT }, deliverOn));
const processor = early ?? start();
await untilEmpty(engine);
const seconds = (performance.now() - startedAt) / 1_000;
await processor.stop({ drainMs: 1_000 });
const result = { syncs: calls.accountsRead, seconds, peakMb: memoryMb(process.pid).peak };
await engine.close();
process.send?.(result); // Last: the parent ends this process when it has the answer.
process.disconnect();

async function deliverOn(): Promise<void> {
  while (next < EVENTS) {
    const first = next;
    next += perDelivery;
    const numbers = Array.from({ length: Math.min(perDelivery, EVENTS - first) }, (_, n) => first + n);
    await engine.queue.deliver(numbers.map((n) => accountEvent(`storm-${n}`, n % ACCOUNTS)));
  }
}
