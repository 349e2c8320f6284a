import { Command, InvalidArgumentError, Option } from "commander";
import { benchCalls } from "./calls.ts";
import { benchDrain, type DrainSize } from "./drain.ts";
import { benchIngest, type IngestSize } from "./ingest.ts";
import { benchOutage } from "./outage.ts";
import { describeMachine, type Measurement, type Report, renderJson, renderMarkdown, renderTable } from "./report.ts";
import { benchScale, type ScaleSize } from "./scale.ts";
import type { StoreKind } from "./store.ts";
import { benchWaiting, type WaitingSize } from "./waiting.ts";

const PARTS = ["ingest", "drain", "waiting", "outage", "scale", "calls"] as const;
type Part = (typeof PARTS)[number];

/** The stores that `--engine` stands for; in parts where the durability changes nothing, the first of each engine. */
const ENGINES = {
  embedded: { all: ["embedded"], one: ["embedded"] },
  redis: { all: ["everysec", "always"], one: ["everysec"] },
  both: { all: ["embedded", "everysec", "always"], one: ["embedded", "everysec"] },
} as const satisfies Readonly<Record<string, Readonly<Record<"all" | "one", readonly StoreKind[]>>>>;
type Engine = keyof typeof ENGINES;

interface Size extends IngestSize, DrainSize, WaitingSize, ScaleSize {}

/** The form that RESULTS.md is made with. Filling a million rows takes minutes, so scale runs once. */
const FULL: Size = {
  rounds: 3,
  warmUp: 10_000,
  closed: 60_000,
  openSeconds: 8,
  queueJobs: 200_000,
  peerJobs: 50_000,
  pipelineEvents: 50_000,
  waitingEvents: 2_000,
  scaleSizes: [1_000, 100_000, 1_000_000],
  scaleRounds: 1,
};

/** A form that ends in some minutes, to see whether a change did harm. */
const QUICK: Size = {
  rounds: 1,
  warmUp: 5_000,
  closed: 20_000,
  openSeconds: 3,
  queueJobs: 50_000,
  peerJobs: 20_000,
  pipelineEvents: 10_000,
  waitingEvents: 600,
  scaleSizes: [1_000, 100_000],
  scaleRounds: 1,
};

/** How long Redis is away unless told otherwise: long enough for every reaction, short enough to wait for. */
const OUTAGE_SECONDS = 20;

const program = new Command("bench")
  .description("measures memhook on this machine; one table")
  .option("--json", "print one object for programs")
  .option("--markdown", "print the table as bench/RESULTS.md has it")
  .option("--quick", "a short form")
  .addOption(new Option("--engine <engine>", "what memhook runs on").choices(Object.keys(ENGINES)).default("both"))
  .addOption(new Option("--only <part>", "run one part").choices(PARTS))
  .option("--rounds <n>", "rounds of each part that has rounds", wholeNumber)
  .option("--outage-seconds <s>", "how long Redis is away", wholeNumber, OUTAGE_SECONDS)
  .parse();

interface Options {
  readonly json?: true;
  readonly markdown?: true;
  readonly quick?: true;
  readonly engine: Engine;
  readonly only?: Part;
  readonly rounds?: number;
  readonly outageSeconds: number;
}

const options = program.opts<Options>();
const report = await runParts(options);
const render = options.json ? renderJson : options.markdown ? renderMarkdown : renderTable;
process.stdout.write(render(report));
process.exitCode = report.lost === 0 ? 0 : 1;

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a whole number from 1");
  return value;
}

async function runParts({ quick, engine, only, rounds, outageSeconds }: Options): Promise<Report> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const wants = (part: Part) => only === undefined || only === part;
  const sizes = quick ? QUICK : FULL;
  const size = { ...sizes, rounds: rounds ?? sizes.rounds };
  const stores = ENGINES[engine];
  const machine = describeMachine();
  const measurements: Measurement[] = [];
  let lost = 0;
  if (wants("ingest")) {
    const ingest = await benchIngest(size, stores.all, say);
    lost += ingest.lost;
    measurements.push(...ingest.measurements);
  }
  if (wants("drain")) measurements.push(...(await benchDrain(size, stores.all, say)));
  if (engine !== "embedded") {
    if (wants("waiting")) measurements.push(...(await benchWaiting(size, say)));
    if (wants("outage")) {
      const outage = await benchOutage({ seconds: outageSeconds }, say);
      lost += outage.lost;
      measurements.push(...outage.measurements);
    }
  }
  if (wants("scale")) measurements.push(...(await benchScale(size, stores.one, say)));
  if (wants("calls")) measurements.push(...(await benchCalls(stores.one, say)));
  return { date: new Date().toISOString().slice(0, 10), machine, lost, measurements };
}
