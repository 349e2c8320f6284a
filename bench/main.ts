import { Command, Option } from "commander";
import { benchCalls } from "./calls.ts";
import { benchDrain } from "./drain.ts";
import { benchIngest } from "./ingest.ts";
import { describeMachine, type Measurement, type Report, renderJson, renderMarkdown, renderTable } from "./report.ts";
import { benchScale } from "./scale.ts";

const PARTS = ["ingest", "drain", "scale", "calls"] as const;
type Part = (typeof PARTS)[number];

interface Size {
  readonly rounds: number;
  readonly warmUp: number;
  readonly closed: number;
  readonly openSeconds: number;
  readonly queueJobs: number;
  readonly pipelineEvents: number;
  readonly scaleSizes: readonly number[];
  readonly scaleRounds: number;
}

/** The form that RESULTS.md is made with. Filling a million rows takes minutes, so scale runs once. */
const FULL: Size = {
  rounds: 3,
  warmUp: 20_000,
  closed: 60_000,
  openSeconds: 8,
  queueJobs: 200_000,
  pipelineEvents: 50_000,
  scaleSizes: [1_000, 100_000, 1_000_000],
  scaleRounds: 1,
};

/** A form that ends in about a minute, to see whether a change did harm. */
const QUICK: Size = {
  rounds: 1,
  warmUp: 10_000,
  closed: 20_000,
  openSeconds: 3,
  queueJobs: 50_000,
  pipelineEvents: 10_000,
  scaleSizes: [1_000, 100_000],
  scaleRounds: 1,
};

const program = new Command("bench")
  .description("measures memhook on this machine; one table")
  .option("--json", "print one object for programs")
  .option("--markdown", "print the table as bench/RESULTS.md has it")
  .option("--quick", "a short form")
  .addOption(new Option("--only <part>", "run one part").choices(PARTS))
  .parse();

const options = program.opts<{ json?: true; markdown?: true; quick?: true; only?: Part }>();
const report = await runParts(options.quick ? QUICK : FULL, options.only);
const render = options.json ? renderJson : options.markdown ? renderMarkdown : renderTable;
process.stdout.write(render(report));
process.exitCode = report.lost === 0 ? 0 : 1;

async function runParts(size: Size, only: Part | undefined): Promise<Report> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const wants = (part: Part) => only === undefined || only === part;
  const machine = describeMachine();
  const measurements: Measurement[] = [];
  let lost = 0;
  if (wants("ingest")) {
    const ingest = await benchIngest(size, say);
    lost = ingest.lost;
    measurements.push(...ingest.measurements);
  }
  if (wants("drain")) measurements.push(...(await benchDrain(size, say)));
  if (wants("scale")) measurements.push(...(await benchScale(size.scaleSizes, size.scaleRounds, say)));
  if (wants("calls")) measurements.push(...(await benchCalls(say)));
  return { date: new Date().toISOString().slice(0, 10), machine, lost, measurements };
}
