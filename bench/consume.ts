import { endChild, nextMessage, startChild } from "./child.ts";
import { consumed } from "./consumer.ts";
import type { BenchRedis } from "./store.ts";

/** A program that works a queue off: see `consumeOnGo`. */
export interface ConsumerProgram {
  readonly program: string;
  readonly args: readonly (string | number)[];
  /** How many such processes share the work. Default 1. */
  readonly processes?: number;
}

/** What a queue's draining showed. */
export interface Drained {
  readonly done: number;
  readonly perSecond: number;
  /** Of all consumers together. */
  readonly cpuMicrosEach: number;
  /** 0 without Redis. */
  readonly redisMicrosEach: number;
  /** Of the largest process. */
  readonly peakMb: number;
}

/** Runs one program of this folder to its answer. */
export async function run(program: string, args: readonly (string | number)[]): Promise<unknown> {
  const child = startChild(program, args.map(String));
  try {
    return await nextMessage(child);
  } finally {
    await endChild(child);
  }
}

/** Lets consumers work a queue off, from `go` until nothing is left. */
export async function consume(what: ConsumerProgram, redis: BenchRedis | undefined): Promise<Drained> {
  const children = Array.from({ length: what.processes ?? 1 }, () => startChild(what.program, what.args.map(String)));
  try {
    await Promise.all(children.map(nextMessage));
    const redisBefore = redis?.cpuMicros() ?? 0;
    const answers = children.map(nextMessage);
    for (const child of children) child.send("go");
    const results = (await Promise.all(answers)).map((answer) => consumed.parse(answer));
    const redisMicros = (redis?.cpuMicros() ?? 0) - redisBefore;
    const done = results.reduce((sum, result) => sum + result.done, 0);
    return {
      done,
      perSecond: done / Math.max(...results.map(({ seconds }) => seconds)),
      cpuMicrosEach: results.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / done,
      redisMicrosEach: redisMicros / done,
      peakMb: Math.max(...results.map(({ peakMb }) => peakMb)),
    };
  } finally {
    await Promise.all(children.map((child) => endChild(child)));
  }
}
