import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accountKey } from "../account.ts";
import { type App, startApp } from "../app/app.ts";
import type { Figures } from "../app/figures.ts";
import type { AppDeps } from "../app/parts.ts";
import { withTimeout } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { Fault } from "../faults.ts";
import { Lifecycle } from "../lifecycle.ts";
import { openLog } from "../log.ts";
import { type Random, randomSecret, seededRandom } from "../random.ts";
import { type Simulator, type SimulatorCredentials, startSimulator } from "../simulator/simulator.ts";
import { type Comparison, compareMemory, shortcomings } from "./demo-check.ts";
import { type DemoScene, demoLine, demoLines, latencyText } from "./demo-view.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";

/** Where people expect the service; another free port is taken when this one is in use. */
const PORT_WISHED = 8_000;
const SECRET_BYTES = 32;
/** Pause between two changes of the sales team: from, and up to so much more. */
const CHANGE_PAUSE_MS = 150;
const CHANGE_PAUSE_JITTER_MS = 500;
/** Redraws in a terminal, and lines elsewhere. */
const REDRAW_MS = 250;
const LINE_MS = 2_000;
/** Redraws between two questions to the memory. */
const DRAWS_PER_QUESTION = 12;
/** How long the last events may take to settle before the comparison. */
const SETTLE_MS_MAX = 30_000;
/** Cognee takes some 2.7 new documents and 1.5 changes a second at best: the team is slower by so much, and has longer to settle. */
const COGNEE_SLOWNESS = 10;
const SETTLE_POLL_MS = 50;
/** Latest measurements that the view summarises. */
const LATENCIES_MAX = 2_000;
const CHANGES_KEPT = 20;

/** Asked in turn; the seeded CRM's people talk of these things. */
const QUESTIONS = [
  "unlimited liability",
  "budget frozen",
  "single sign-on",
  "discount",
  "competitor",
  "pilot",
  "board",
  "support slow",
];

/** What the demo is started with. */
export interface DemoOptions {
  /** Ends by itself after so long; absent = until Ctrl-C. */
  readonly forMs?: number;
  readonly port?: number;
  readonly seed: number;
  readonly accounts: number;
  /** Settings of a Cognee (COGNEE_…) to use in place of the embedded memory. */
  readonly cognee?: Readonly<Record<string, string>>;
}

/** Everything that the running demo is made of. */
interface Stage {
  readonly io: CommandIo;
  readonly random: Random;
  readonly simulator: Simulator;
  readonly app: App;
  readonly secret: string;
  readonly startedAt: number;
  readonly slowness: number;
  readonly accountsBefore: readonly string[];
  readonly changes: string[];
  readonly latenciesMs: number[];
}

/**
 * `demo`: the whole way on embedded parts against the stand-in Zoho. Ends on Ctrl-C, or after `forMs`, with a summary and a
 * comparison of the whole memory with the whole CRM: exit 1 when they differ.
 */
export async function runDemo(io: CommandIo, options: DemoOptions): Promise<ExitCode> {
  const lifecycle = new Lifecycle();
  try {
    const stage = await setStage(io, options, lifecycle);
    introduce(stage);
    const ending = endOf(io, options);
    await Promise.all([work(stage, ending), show(stage, ending)]);
    return await finish(stage);
  } finally {
    await lifecycle.close();
  }
}

async function setStage(io: CommandIo, options: DemoOptions, lifecycle: Lifecycle): Promise<Stage> {
  const startedAt = io.clock.now();
  const dataDir = mkdtempSync(join(tmpdir(), "memhook-demo-"));
  lifecycle.add("data folder", () => rmSync(dataDir, { recursive: true, force: true }));
  const random = seededRandom(options.seed);
  const port = await freePort(options.port ?? PORT_WISHED);
  const secret = randomSecret(SECRET_BYTES);
  const notes = { url: `http://127.0.0.1:${port}/webhooks/zoho`, secret };
  const simulator = await startSimulator({
    clock: io.clock,
    seed: options.seed,
    accounts: options.accounts,
    signedNotes: notes,
  });
  lifecycle.add("simulator", () => simulator.close());

  const latenciesMs: number[] = [];
  const logFile = createWriteStream(join(dataDir, "memhook.log"), { mode: 0o600 });
  const config = demoConfig({ dataDir, port, secret }, { ...simulator.credentials, ...cogneeOf(options, random) });
  const deps: AppDeps = {
    clock: io.clock,
    random,
    log: openLog("warn", logFile),
    observe: (name, ms) => {
      if (name === "sync_lag") latenciesMs.push(ms);
      if (latenciesMs.length > LATENCIES_MAX) latenciesMs.shift();
    },
  };
  const app = await startApp(config, deps, { role: "serve" });
  lifecycle.add("memhook", () => app.close());
  const accountsBefore = simulator.crm.ids("Accounts");
  const slowness = options.cognee === undefined ? 1 : COGNEE_SLOWNESS;
  return { io, random, simulator, app, secret, startedAt, slowness, accountsBefore, changes: [], latenciesMs };
}

/** The Cognee that was asked for, with a dataset of the demo's own, which stays there to be looked at. */
function cogneeOf({ cognee }: DemoOptions, random: Random): Readonly<Record<string, string>> {
  if (cognee === undefined) return {};
  return { ...cognee, COGNEE_DATASET: `memhook_demo_${Math.floor(random.next() * 1e6)}` };
}

function demoConfig(
  wish: { readonly dataDir: string; readonly port: number; readonly secret: string },
  services: SimulatorCredentials & Readonly<Record<string, string>>,
): Config {
  const env = {
    ...services,
    DATA_DIR: wish.dataDir,
    HOST: "127.0.0.1",
    PORT: String(wish.port),
    WEBHOOK_SECRET: wish.secret,
    WEBHOOK_BASE_URL: `http://127.0.0.1:${wish.port}`,
  };
  // The data folder holds no `.env`, so nothing of the caller's own settings gets in.
  const loaded = loadConfig({ env, cwd: wish.dataDir });
  if (loaded.outcome === "valid") return loaded.config;
  throw new Fault("CONFIG_INVALID", `preparing the demo (${loaded.problems.map(({ name }) => name).join(", ")})`);
}

/** Says where everything is, and how a person takes part. */
function introduce({ app, io, secret, simulator, accountsBefore }: Stage): void {
  const body = `{"event_type":"update","module":"Accounts","record_id":"${accountsBefore[0] ?? "1"}"}`;
  io.terminal.note(`a stand-in Zoho CRM answers at ${simulator.url}, memhook at ${app.url}`);
  io.terminal.note("post an event of your own:");
  io.terminal.note(`  BODY='${body}'`);
  io.terminal.note(
    `  curl -s ${app.url}/webhooks/zoho -H 'content-type: application/json' -d "$BODY" -H "x-zoho-signature: $(printf %s "$BODY" | openssl dgst -sha256 -hmac ${secret} -r | cut -d' ' -f1)"`,
  );
  io.terminal.note("ask the memory:");
  io.terminal.note(
    `  curl -s '${app.url}/api/v1/memory/search?q=renewal' -H 'authorization: Bearer ${app.adminToken}'`,
  );
  io.terminal.note("");
}

/** Aborted when the demo's time is over, or by Ctrl-C. */
function endOf(io: CommandIo, options: DemoOptions): AbortSignal {
  const ending = new AbortController();
  const end = () => ending.abort();
  if (io.signal.aborted) end();
  io.signal.addEventListener("abort", end, { once: true });
  if (options.forMs !== undefined) io.clock.sleep(options.forMs, ending.signal).then(end, end);
  return ending.signal;
}

/** The first load, then a sales team at work. */
async function work(stage: Stage, ending: AbortSignal): Promise<void> {
  const { app, io, random, simulator } = stage;
  await app.parts.engine.queue.enqueue(
    stage.accountsBefore.map((id) => ({
      lane: "sync",
      key: accountKey(id),
      rank: "background",
      delayMs: 0,
      reason: { note: "first load of the demo", receivedAt: io.clock.now() },
    })),
  );
  const waitMs = () => stage.slowness * (CHANGE_PAUSE_MS + random.next() * CHANGE_PAUSE_JITTER_MS);
  while (await pause(io, waitMs(), ending)) {
    stage.changes.push(simulator.crm.workday(random));
    if (stage.changes.length > CHANGES_KEPT) stage.changes.shift();
  }
}

async function show(stage: Stage, ending: AbortSignal): Promise<void> {
  const { app, io } = stage;
  const screen = io.terminal.screen();
  let drawn = 0;
  let question = QUESTIONS[0] ?? "";
  while (await pause(io, screen === undefined ? LINE_MS : REDRAW_MS, ending)) {
    if (drawn % DRAWS_PER_QUESTION === 0)
      question = QUESTIONS[(drawn / DRAWS_PER_QUESTION) % QUESTIONS.length] ?? question;
    drawn += 1;
    const [figures, hit] = await Promise.all([app.figures(), bestHit(stage, question, ending)]);
    const scene = sceneOf(stage, question, hit);
    if (screen === undefined) io.terminal.note(demoLine(figures, scene));
    else screen.draw(demoLines(figures, scene, screen.width));
  }
}

/** The best answer; none when the end comes first. */
async function bestHit({ app }: Stage, question: string, ending: AbortSignal): Promise<DemoScene["hit"]> {
  try {
    return (await app.parts.memory.search(question, { limit: 1 }, ending))[0];
  } catch (error) {
    if (ending.aborted) return undefined;
    throw error;
  }
}

function sceneOf(stage: Stage, question: string, hit: DemoScene["hit"]): DemoScene {
  const { app, changes, io, latenciesMs, startedAt } = stage;
  return { url: app.url, elapsedMs: io.clock.now() - startedAt, changes, latenciesMs, question, hit };
}

/** Waits for what is under way, compares, and says how it went. */
async function finish(stage: Stage): Promise<ExitCode> {
  const { app, io, simulator } = stage;
  const isSettled = await settle(stage);
  const present = simulator.crm.ids("Accounts");
  const isPresent = new Set(present);
  const gone = stage.accountsBefore.filter((id) => !isPresent.has(id));
  const comparison = await withTimeout(io.clock, { ms: stage.slowness * SETTLE_MS_MAX }, (signal) =>
    compareMemory(app.parts, { present, gone }, signal),
  );
  const figures = await app.figures();
  const { counters, deadLetters, queue } = figures;
  const bugs = counters["faults:UNEXPECTED"] ?? 0;
  const wrongs = shortcomings({ isSettled, queueSize: queue.size, comparison, deadLetters, bugs });
  if (io.terminal.isJson) io.terminal.json(summaryOf(stage, figures, { comparison, wrongs }));
  else tell(stage, figures, { comparison, wrongs });
  return wrongs.length === 0 ? EXIT.done : EXIT.failed;
}

/** True when callbacks and queue came to rest in time. */
async function settle({ app, io, simulator, slowness }: Stage): Promise<boolean> {
  const deadline = io.clock.now() + slowness * SETTLE_MS_MAX;
  while (io.clock.now() < deadline) {
    const { queue } = await app.figures();
    if (queue.size === 0 && simulator.stats.callbacks.pending === 0) return true;
    await io.clock.sleep(SETTLE_POLL_MS);
  }
  return false;
}

interface Verdict {
  readonly comparison: Comparison;
  /** Why the run fails; empty = it does not. */
  readonly wrongs: readonly string[];
}

function summaryOf(stage: Stage, figures: Figures, { comparison, wrongs }: Verdict) {
  const count = (name: string) => figures.counters[name] ?? 0;
  return {
    seconds: Math.round((stage.io.clock.now() - stage.startedAt) / 1000),
    events_in: count("events_accepted"),
    duplicates: count("events_duplicate"),
    coalesced: count("jobs_coalesced"),
    syncs_written: count("syncs_written"),
    syncs_unchanged: count("syncs_unchanged"),
    accounts_forgotten: count("syncs_removed"),
    crm_calls: count("crm_calls"),
    dead_letters: figures.deadLetters,
    queue_size: figures.queue.size,
    accounts_compared: comparison.compared,
    differences: comparison.differences,
    memory_equals_crm: comparison.differences.length === 0,
    shortcomings: wrongs,
  };
}

function tell(stage: Stage, figures: Figures, verdict: Verdict): void {
  const { terminal } = stage.io;
  const summary = summaryOf(stage, figures, verdict);
  terminal.line("");
  terminal.line(
    `${summary.events_in} events in ${summary.seconds} s, ${summary.duplicates} duplicates, ${summary.coalesced} coalesced`,
  );
  terminal.line(
    `${summary.syncs_written} documents written, ${summary.syncs_unchanged} unchanged, ${summary.accounts_forgotten} forgotten, ${summary.crm_calls} calls to the CRM`,
  );
  terminal.line(`webhook → searchable: ${latencyText(stage.latenciesMs)}`);
  for (const difference of summary.differences) terminal.line(`  ${difference}`);
  for (const wrong of verdict.wrongs) terminal.line(wrong);
  if (summary.memory_equals_crm)
    terminal.line(`the memory equals the CRM: ${summary.accounts_compared} accounts compared`);
}

/** False when the end came first. */
function pause(io: CommandIo, ms: number, ending: AbortSignal): Promise<boolean> {
  return io.clock.sleep(ms, ending).then(
    () => true,
    () => false,
  );
}

/** The wished port if it is free on loopback, else any that is. */
async function freePort(wished: number): Promise<number> {
  const tryPort = (port: number) =>
    new Promise<number | undefined>((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(undefined));
      probe.listen(port, "127.0.0.1", () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
      });
    });
  const port = (await tryPort(wished)) ?? (await tryPort(0));
  if (port === undefined) throw new Fault("PORT_UNAVAILABLE", "looking for a free port on loopback");
  return port;
}
