import { Command, InvalidArgumentError } from "commander";
import { type CogneeServer, startCognee } from "../../test/cognee/cognee-server.ts";
import { embed } from "../../test/cognee/word-vectors.ts";
import { describeMachine } from "../report.ts";
import { makeCorpus, NOW } from "./corpus.ts";
import { openDataset } from "./dataset.ts";
import { groupCpuSeconds } from "./group-usage.ts";
import { drawQuestions } from "./questions.ts";
import { type Measured, runShape, type ShapeResult } from "./run-shape.ts";
import { CHOSEN, SHAPES } from "./shapes.ts";
import { RECALL_MIN, recallOfAll, renderShapes, renderShapesMarkdown } from "./table.ts";
import { startVectorEndpoint } from "./vector-endpoint.ts";
import { weighedWords } from "./weighed-words.ts";

/** So many that five at random hold one of twelve right accounts. */
const ACCOUNTS = 60;
/** Sets of questions, each with its own seed: one set of twenty says little about a tenth. */
const SETS = 3;
/** Vectors as long as those of the model that Cognee takes them for: in shorter ones the words of a long text share places. */
const DIMENSIONS = 1_536;

const program = new Command("bench:retrieval")
  .description(
    "compares shapes of documents by what a real Cognee finds in them, and what they cost; one table; exits with 1 when the chosen one finds too little",
  )
  .option("--markdown", "print the table as docs/decisions/0014 has it")
  .option("--json", "print one object for programs")
  .option("--shape <name>", "run one shape")
  .option("--seed <n>", "of the CRM and the first set of questions", wholeNumber, 1)
  .option("--accounts <n>", "accounts of the CRM", wholeNumber, ACCOUNTS)
  .option("--dimensions <n>", "length of the vectors", wholeNumber, DIMENSIONS)
  .option("--plain", "with the test model's own vectors, in which every word counts the same")
  .option("--misses", "say which questions found too little")
  .parse();

interface Options {
  readonly markdown?: true;
  readonly json?: true;
  readonly shape?: string;
  readonly seed: number;
  readonly accounts: number;
  readonly dimensions: number;
  readonly plain?: true;
  readonly misses?: true;
}

process.exitCode = await run(program.opts<Options>());

async function run(options: Options): Promise<number> {
  const { seed, accounts, dimensions } = options;
  const machine = describeMachine();
  const corpus = await makeCorpus({ accounts, seed });
  const questions = Array.from({ length: SETS }, (_, set) =>
    drawQuestions(corpus.truths, { seed: seed + set, now: NOW }),
  );
  const shapes = SHAPES.filter(({ name }) => options.shape === undefined || options.shape === name);
  if (shapes.length === 0) throw new Error(`no such shape; there are: ${SHAPES.map(({ name }) => name).join("; ")}`);
  const results: ShapeResult[] = [];
  await withServer(options, async (measured) => {
    for (const shape of shapes) {
      const result = await runShape(measured, shape, { corpus, questions });
      results.push(result);
      say(`${shape.name}: recall ${recallOfAll(result).toFixed(2)}; loaded in ${result.load.seconds.toFixed(0)} s`);
    }
  });
  if (options.misses) for (const result of results) tellMisses(result);
  const head = { date: new Date().toISOString().slice(0, 10), machine, accounts, seed, dimensions };
  if (options.json) process.stdout.write(`${JSON.stringify({ ...head, results })}\n`);
  else {
    const render = options.markdown ? renderShapesMarkdown : renderShapes;
    process.stdout.write(`${head.date}, ${machine}\n${accounts} accounts, seed ${seed}\n\n${render(results)}`);
  }
  const chosen = results.find(({ name }) => name === CHOSEN);
  return chosen === undefined || recallOfAll(chosen) >= RECALL_MIN ? 0 : 1;
}

/** Works with a fresh server, and with vectors as the options say. */
async function withServer(
  { plain, dimensions }: Pick<Options, "plain" | "dimensions">,
  work: (measured: Measured) => Promise<void>,
): Promise<void> {
  const vectors = await startVectorEndpoint(plain ? embed : weighedWords());
  try {
    const env = { EMBEDDING_ENDPOINT: vectors.url, EMBEDDING_DIMENSIONS: String(dimensions) };
    const server = await startCognee({ env });
    try {
      await warmUp(server);
      await work({
        server,
        usage: () => ({
          cpuSeconds: server.pid === undefined ? 0 : groupCpuSeconds(server.pid),
          chatCalls: server.model.counts.chat,
          embeddingCalls: vectors.counts.embeddings,
          embeddedTexts: vectors.counts.texts,
        }),
      });
    } finally {
      await server.stop();
    }
  } finally {
    await vectors.close();
  }
}

/** The first run of a process loads what all later ones use. */
async function warmUp(server: CogneeServer): Promise<void> {
  const dataset = await openDataset(server, "retrieval_warm_up");
  await dataset.add([{ name: "zoho-1", text: "# Acme\n" }]);
  await dataset.index({});
  await dataset.passages();
}

function tellMisses({ name, answers }: ShapeResult): void {
  for (const { question, kind, recall } of answers.flat()) {
    if (recall < 1) say(`${name}, ${kind}: ${recall.toFixed(2)} of ${question.right.length}: ${question.text}`);
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a whole number from 1");
  return value;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
