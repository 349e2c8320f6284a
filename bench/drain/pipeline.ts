import { memoryMb } from "../usage.ts";
import { startProcessor, untilEmpty } from "./run-processor.ts";
import { accountEvent, contactEvent, type EventMaker, fillQueue, openScratchEngine } from "./scratch.ts";

/** Drains a filled queue through claim, read, render, ledger, sink and settle, every event on another account. */
const [kind, batchSize, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const makeEvent: EventMaker = kind === "contacts" ? contactEvent : accountEvent;

const { engine, close } = await openScratchEngine();
await fillQueue(engine.queue, { from: 0, to: count, makeEvent });

const calls = { accountsRead: 0, documentsPut: 0 };
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const processor = startProcessor(engine, { batchSize, readMs: 0, calls });
await untilEmpty(engine);
const seconds = (performance.now() - startedAt) / 1_000;
const cpu = process.cpuUsage(cpuBefore);
await processor.stop({ drainMs: 1_000 });
if (calls.documentsPut !== count) throw new Error(`put ${calls.documentsPut} documents for ${count} accounts`);

const result = {
  perSecond: count / seconds,
  cpuMicrosEach: (cpu.user + cpu.system) / count,
  peakMb: memoryMb(process.pid).peak,
};
await close();
process.send?.(result); // Last: the parent ends this process when it has the answer.
process.disconnect();
