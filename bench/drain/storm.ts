import { memoryMb } from "../usage.ts";
import { startProcessor, untilEmpty } from "./run-processor.ts";
import { accountEvent, openScratchEngine } from "./scratch.ts";

/**
 * Many events on few accounts while the processor runs: a bulk edit, delivered as Zoho does it, in callbacks of up to
 * 100 ids that arrive as fast as they are acknowledged.
 */
const [eventCount, accounts, readMs] = [Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4])];
const EVENTS_PER_CALLBACK = 100;
/** Callbacks under way at once. */
const CONCURRENT = 8;
/** Default of WEBHOOK_BATCH_SIZE. */
const BATCH_SIZE = 10;

const { engine, close } = openScratchEngine();
const calls = { accountsRead: 0, documentsPut: 0 };
const processor = startProcessor(engine, { batchSize: BATCH_SIZE, readMs, calls });
const startedAt = performance.now();
let next = 0;
await Promise.all(Array.from({ length: CONCURRENT }, deliverOn));
await untilEmpty(engine);
const seconds = (performance.now() - startedAt) / 1_000;
await processor.stop({ drainMs: 1_000 });
process.send?.({ syncs: calls.accountsRead, seconds, peakMb: memoryMb(process.pid).peak });
await close();
process.disconnect();

async function deliverOn(): Promise<void> {
  while (next < eventCount) {
    const first = next;
    next += EVENTS_PER_CALLBACK;
    const numbers = Array.from({ length: Math.min(EVENTS_PER_CALLBACK, eventCount - first) }, (_, n) => first + n);
    await engine.queue.deliver(numbers.map((n) => accountEvent(`storm-${n}`, n % accounts)));
  }
}
