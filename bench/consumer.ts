import { z } from "zod";
import { memoryMb } from "./usage.ts";

/** What a program that works a queue off tells its parent when nothing is left. */
export const consumed = z.object({
  /** How many events this process finished. */
  done: z.number(),
  /** From the parent's `go` to the last event that this process finished. */
  seconds: z.number(),
  /** Processor time of this process meanwhile, microseconds. */
  cpuMicros: z.number(),
  /** Highest RSS of this process. */
  peakMb: z.number(),
});
export type Consumed = z.infer<typeof consumed>;

/** A consumer: prepared before it is asked for, then run until nothing is left. */
export interface Consumer {
  /** Works the queue off, calling `onDone` with how many events were finished just now. */
  run(onDone: (count: number) => void): Promise<void>;
}

/** Tells the parent that the consumer is ready, waits for `go`, runs it, and reports. For programs started by `startChild`. */
export async function consumeOnGo(consumer: Consumer): Promise<void> {
  const go = new Promise((resolve) => process.once("message", resolve));
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
  await go;
  let done = 0;
  const startedAt = performance.now();
  let lastAt = startedAt;
  const cpuBefore = process.cpuUsage();
  await consumer.run((count) => {
    done += count;
    lastAt = performance.now();
  });
  const cpu = process.cpuUsage(cpuBefore);
  const result: Consumed = {
    done,
    seconds: (lastAt - startedAt) / 1_000,
    cpuMicros: cpu.user + cpu.system,
    peakMb: memoryMb(process.pid).peak,
  };
  process.send?.(result); // The parent ends this process when it has the answers of all.
}
