import { z } from "zod";
import { endChild, nextMessage, startChild } from "./child.ts";
import type { Measurement } from "./report.ts";

/** How much is drained, and how often. */
export interface DrainSize {
  readonly rounds: number;
  readonly queueJobs: number;
  readonly pipelineEvents: number;
}

const queueResult = z.object({ perSecond: z.number(), cpuMicrosEach: z.number(), peakMb: z.number() });
const pipelineResult = z.object({
  perSecond: z.number(),
  cpuMicrosEach: z.number(),
  peakMb: z.number(),
});
const stormResult = z.object({
  syncs: z.number(),
  seconds: z.number(),
  peakMb: z.number(),
});

/** The forms in which the pipeline is drained. */
const PIPELINES = [
  { what: "pipeline, as configured by default (3 workers × 10)", kind: "accounts", batch: 10, target: 5_000 },
  { what: "pipeline, batches of 100", kind: "accounts", batch: 100, target: undefined },
  { what: "pipeline with the route lane (events on contacts)", kind: "contacts", batch: 10, target: undefined },
] as const;

/** The forms of the storm. 150 ms is about what a batched read of Zoho takes. */
const STORMS = [
  { what: "all queued first, CRM at 0 ms", args: ["first", 100, 0] },
  { what: "live, callbacks of 100 ids, CRM at 0 ms", args: ["live", 100, 0] },
  { what: "live, callbacks of 100 ids, CRM at 150 ms", args: ["live", 100, 150] },
  { what: "live, one event each, CRM at 0 ms", args: ["live", 1, 0] },
  { what: "live, one event each, CRM at 150 ms", args: ["live", 1, 150] },
] as const;

/** Measures the drain in interleaved rounds, each in a fresh process with a fresh store. */
export async function benchDrain(size: DrainSize, say: (line: string) => void): Promise<readonly Measurement[]> {
  const queue: z.infer<typeof queueResult>[] = [];
  const pipelines = PIPELINES.map((): z.infer<typeof pipelineResult>[] => []);
  const storms = STORMS.map((): z.infer<typeof stormResult>[] => []);
  for (let round = 1; round <= size.rounds; round++) {
    say(`drain, round ${round} of ${size.rounds}`);
    queue.push(queueResult.parse(await run("drain/queue-alone.ts", [size.queueJobs])));
    for (const [index, form] of PIPELINES.entries()) {
      const answer = await run("drain/pipeline.ts", [form.kind, form.batch, size.pipelineEvents]);
      pipelines[index]?.push(pipelineResult.parse(answer));
    }
    for (const [index, { args }] of STORMS.entries()) {
      const answer = await run("drain/storm.ts", args);
      storms[index]?.push(stormResult.parse(answer));
    }
  }
  return [
    ...queueRows(queue),
    ...PIPELINES.flatMap((form, index) => pipelineRows(form, pipelines[index] ?? [])),
    ...STORMS.flatMap((form, index) => stormRows(form.what, storms[index] ?? [])),
  ];
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

function queueRows(rounds: readonly z.infer<typeof queueResult>[]): Measurement[] {
  const what = "queue alone, claim and settle by 100";
  return [
    { what, figure: "jobs/s", rounds: rounds.map((one) => one.perSecond), target: { atLeast: 30_000 } },
    { what, figure: "CPU µs per job", rounds: rounds.map((one) => one.cpuMicrosEach) },
    { what, figure: "highest RSS, MB", rounds: rounds.map((one) => one.peakMb), target: { atMost: 200 } },
  ];
}

function pipelineRows(
  form: (typeof PIPELINES)[number],
  rounds: readonly z.infer<typeof pipelineResult>[],
): Measurement[] {
  const { what, target } = form;
  const perSecond = rounds.map((one) => one.perSecond);
  return [
    { what, figure: "events/s", rounds: perSecond, ...(target === undefined ? {} : { target: { atLeast: target } }) },
    { what, figure: "CPU µs per event", rounds: rounds.map((one) => one.cpuMicrosEach) },
    { what, figure: "highest RSS, MB", rounds: rounds.map((one) => one.peakMb), target: { atMost: 200 } },
  ];
}

function stormRows(form: string, rounds: readonly z.infer<typeof stormResult>[]): Measurement[] {
  const what = `10,000 events on 50 accounts: ${form}`;
  return [
    { what, figure: "syncs", rounds: rounds.map((one) => one.syncs), target: { atMost: 150 } },
    { what, figure: "seconds to an empty queue", rounds: rounds.map((one) => one.seconds) },
    { what, figure: "highest RSS, MB", rounds: rounds.map((one) => one.peakMb), target: { atMost: 200 } },
  ];
}
