import { consumeOnGo } from "../consumer.ts";
import { openBenchEngine } from "../open-engine.ts";
import { accountEvent, contactEvent, fillQueue } from "./events.ts";
import { startProcessor, untilEmpty } from "./run-processor.ts";

/**
 * Drains a queue through claim, read, render, ledger, sink and settle, every event on another account. Fills it first with
 * `count` events; with 0 it takes what is there, beside other processes.
 */
const [address = "", kind] = process.argv.slice(2);
const [workers, batchSize, readMs, count] = process.argv.slice(4).map(Number);
if (workers === undefined || batchSize === undefined || readMs === undefined || count === undefined) {
  throw new Error("usage: pipeline <address> <kind> <workers> <batch> <ms a read> <count>");
}
const engine = await openBenchEngine(address);
const makeEvent = kind === "contacts" ? contactEvent : accountEvent;
await fillQueue(engine.queue, { from: 0, to: count, makeEvent });

const calls = { accountsRead: 0, documentsPut: 0 };
await consumeOnGo({
  run: async (onDone) => {
    const processor = startProcessor(engine, { workers, batchSize, readMs, calls });
    await untilEmpty(engine);
    onDone(calls.documentsPut);
    await processor.stop({ drainMs: 1_000 });
  },
});
await engine.close();
