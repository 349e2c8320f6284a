import { Command, InvalidArgumentError, Option } from "commander";
import { type CogneeServer, startCognee } from "../../test/cognee/cognee-server.ts";
import { describeMachine, type Report, renderMarkdown, renderTable } from "../report.ts";
import { makeCorpus } from "../retrieval/corpus.ts";
import { openByHand } from "./by-hand.ts";
import { parallelRows, placingRows, serviceMeasurements } from "./measurements.ts";
import { type ParallelRound, runParallelRound } from "./parallel.ts";
import { type Placing, type PlacingRound, runPlacingRound } from "./per-account.ts";
import { runServiceRound, type ServiceRound } from "./service-round.ts";
import { renderColumns } from "./table.ts";

const PARTS = ["service", "parallel", "accounts"] as const;
type Part = (typeof PARTS)[number];

/** So many that no figure is that of one moment. */
const ROUNDS = 3;
/** The numbers of datasets. */
const DATASETS = [1, 2, 4] as const;
/** A model that answers at once shows what Cognee takes; a real one takes about this over a call. */
const DELAYS_MS = [0, 500] as const;
const PARALLEL_DOCUMENTS = 80;
const PLACED_ACCOUNTS = 20;
const PLACINGS: readonly Placing[] = [
  { name: "one dataset", isPerAccount: false, env: {} },
  { name: "a dataset an account", isPerAccount: true, env: {} },
  // By default it keeps six, and opens all others anew for each search.
  { name: "… all kept open", isPerAccount: true, env: { DATABASE_MAX_LRU_CACHE_SIZE: String(PLACED_ACCOUNTS + 4) } },
];

const program = new Command("bench:cognee")
  .description(
    "measures memhook on a real Cognee beside calls by hand; exits with 1 when a text was lost, never because of a time",
  )
  .option("--json", "print one object for programs")
  .option("--markdown", "print the tables as bench/RESULTS.md has them")
  .addOption(new Option("--only <part>", "one part").choices(PARTS))
  .option("--rounds <n>", "of each part", wholeNumber, ROUNDS)
  .parse();

interface Options {
  readonly json?: true;
  readonly markdown?: true;
  readonly only?: Part;
  readonly rounds: number;
}

interface Results {
  readonly service: readonly ServiceRound[];
  readonly parallel: readonly ParallelRound[];
  readonly accounts: readonly PlacingRound[];
}

process.exitCode = await run(program.opts<Options>());

async function run({ json, markdown, only, rounds }: Options): Promise<number> {
  const machine = describeMachine();
  const wants = (part: Part) => only === undefined || only === part;
  const results: Results = {
    service: wants("service") ? await benchService(rounds) : [],
    parallel: wants("parallel") ? await benchParallel(rounds) : [],
    accounts: wants("accounts") ? await benchAccounts(rounds) : [],
  };
  const lost = Object.values(results).flatMap((each: readonly { lost: readonly string[] }[]) =>
    each.flatMap((round) => round.lost),
  );
  for (const name of lost) say(`LOST: ${name}`);
  const head = { date: new Date().toISOString().slice(0, 10), machine, lost: lost.length };
  if (json) process.stdout.write(`${JSON.stringify({ ...head, results })}\n`);
  else printTables(head, results, markdown === true);
  return lost.length === 0 ? 0 : 1;
}

function printTables(
  head: Omit<Report, "measurements">,
  { service, parallel, accounts }: Results,
  isMarkdown: boolean,
): void {
  const report = { ...head, measurements: service.length === 0 ? [] : serviceMeasurements(service) };
  process.stdout.write(isMarkdown ? renderMarkdown(report) : renderTable(report));
  const columns = DATASETS.map((count) => (count === 1 ? "one dataset" : `${count} datasets`));
  for (const delayMs of parallel.length === 0 ? [] : DELAYS_MS) {
    const rows = parallelRows(
      parallel.filter((round) => round.delayMs === delayMs),
      DATASETS,
    );
    process.stdout.write(`\nThe model takes ${delayMs} ms a call:\n\n${renderColumns(columns, rows)}`);
  }
  if (accounts.length === 0) return;
  const names = PLACINGS.map(({ name }) => name);
  process.stdout.write(`\n${PLACED_ACCOUNTS} accounts:\n\n${renderColumns(names, placingRows(accounts, names))}`);
}

async function benchService(rounds: number): Promise<readonly ServiceRound[]> {
  return withServer(async (server) => {
    const results: ServiceRound[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const result = await runServiceRound(server, round);
      results.push(result);
      const { load, storm, lost } = result;
      say(
        `service: load ${seconds(load.service.seconds)} (by hand ${seconds(load.byHand.seconds)}), storm ${seconds(storm.service.seconds)} (${seconds(storm.byHand.seconds)}), lost ${lost.length}`,
      );
    }
    return results;
  });
}

/** All settings in each round, every second one in the other order. */
async function benchParallel(rounds: number): Promise<readonly ParallelRound[]> {
  const { documents } = await makeCorpus({ accounts: PARALLEL_DOCUMENTS, seed: 1 });
  const settings = DELAYS_MS.flatMap((delayMs) => DATASETS.map((datasets) => ({ delayMs, datasets })));
  return withServer(async (server) => {
    const results: ParallelRound[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const setting of round % 2 === 0 ? settings : settings.toReversed()) {
        const { delayMs, datasets } = setting;
        const name = `bench_parallel_${round}_${delayMs}_${datasets}`;
        const result = await runParallelRound(server, documents, { ...setting, name });
        results.push(result);
        const { loadSeconds, updateSeconds, searchMs } = result;
        say(
          `parallel: model ${delayMs} ms, datasets ${datasets}: load ${seconds(loadSeconds)}, updates ${seconds(updateSeconds)}, search ${searchMs.toFixed(0)} ms`,
        );
      }
    }
    return results;
  });
}

/** On a fresh server each, as memory and disk are looked at. */
async function benchAccounts(rounds: number): Promise<readonly PlacingRound[]> {
  const { documents } = await makeCorpus({ accounts: PLACED_ACCOUNTS, seed: 1 });
  const results: PlacingRound[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const placing of round % 2 === 0 ? PLACINGS : PLACINGS.toReversed()) {
      const result = await withServer((server) => runPlacingRound(server, documents, placing), placing.env);
      results.push(result);
      say(
        `accounts: ${placing.name}: load ${seconds(result.loadSecondsEach)} each, search ${result.searchWarmMs.toFixed(0)} ms`,
      );
    }
  }
  return results;
}

/** Works with a fresh server; the first run of a process loads what all later ones use, so one is made before. */
async function withServer<Result>(
  work: (server: CogneeServer) => Promise<Result>,
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const server = await startCognee({ env });
  try {
    const dataset = await openByHand(server, "bench_warm_up");
    await dataset.add([{ name: "zoho-1", text: "# Acme\n" }]);
    await dataset.cognify();
    await dataset.passages();
    await dataset.delete();
    return await work(server);
  } finally {
    await server.stop();
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a whole number from 1");
  return value;
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
