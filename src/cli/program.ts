import { Command, InvalidArgumentError } from "commander";
import { ROLES, type Role } from "../app/role.ts";
import type { Config } from "../config/config.ts";
import type { ConfigSource } from "../config/load.ts";
import type { Log, LogLevel } from "../log.ts";
import type { Random } from "../random.ts";
import { checkedAccountIds } from "./account-ids.ts";
import { configProblems, showConfig } from "./config-command.ts";
import {
  LIST_LIMIT_DEFAULT,
  listDeadLetters,
  purgeDeadLetters,
  redriveDeadLetters,
  showDeadLetter,
} from "./dead-letters.ts";
import { examine } from "./doctor.ts";
import { showEvents } from "./events.ts";
import { type ExitCode, Misuse } from "./exit-code.ts";
import { explainAccount } from "./explain.ts";
import { showReceipt } from "./memory-receipt.ts";
import { SEARCH_LIMIT_DEFAULT, SEARCH_LIMIT_MAX, searchMemory } from "./memory-search.ts";
import type { CommandIo, Parts } from "./parts.ts";
import { ROLE_ABOUT, runRole } from "./run-role.ts";
import { generateSecret } from "./secrets.ts";
import type { RunningService } from "./serve.ts";
import { type RunningSimulator, simulate, WORKDAY_RATE_MAX } from "./simulate.ts";
import { SYNC_TIMEOUT_SECONDS_DEFAULT, syncAccounts } from "./sync.ts";
import { load, MENDING, quiet, READING, SYNCING, withParts } from "./with-parts.ts";

/** The demo's options as the command line gives them. */
export interface DemoWish {
  /** Milliseconds. */
  readonly for?: number;
  readonly port?: number;
  readonly seed: number;
  readonly accounts: number;
  readonly cognee?: boolean;
}

/** What the simulator is started with. */
export interface SimulatorWish {
  readonly host: string;
  readonly port: number;
  readonly seed?: number;
  readonly accounts?: number;
  /** True = also a stand-in for Cognee, on a port of its own. */
  readonly hasCognee?: true;
  /** Where the signed function for Notes posts to, and its secret. */
  readonly signedNotes?: { readonly url: string; readonly secret: string };
}

/** The world of the program: everything that a test replaces. */
export interface Host extends CommandIo {
  readonly random: Random;
  readonly source: ConfigSource;
  readonly version: string;
  openLog(level: LogLevel): Log;
  openParts(config: Config, log: Log): Promise<Parts>;
  /** True when memhook has run on the configured folder before. */
  hasStore(config: Config): boolean;
  startApp(config: Config, log: Log, role: Role): Promise<RunningService>;
  startSimulator(wish: SimulatorWish): Promise<RunningSimulator>;
  /** `cognee` holds the settings of the Cognee to use. */
  runDemo(
    wish: Omit<DemoWish, "for" | "cognee"> & {
      readonly forMs?: number;
      readonly cognee?: Readonly<Record<string, string>>;
    },
  ): Promise<ExitCode>;
}

/** Rows listed at most, whatever `--limit` says. */
const LIMIT_MAX = 1_000_000;
/** Accounts that the simulator can be asked for. */
const SIMULATED_ACCOUNTS_MAX = 1_000_000;
/** The first load of more would be all that a person sees. */
const DEMO_ACCOUNTS_MAX = 5_000;
const DEMO_HOURS_MAX = 24;
const SEED_MAX = 4_294_967_295;
const WAIT_SECONDS_MAX = 86_400;

const JSON_OPTION = ["--json", "print JSON, for programs"] as const;

/** The command line. `end` is told each command's exit code. */
export function createProgram(host: Host, end: (code: ExitCode) => void): Command {
  const program = new Command("memhook")
    .description("Keeps an AI memory in step with Zoho CRM.")
    .version(host.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.terminal.raw(text),
      writeErr: (text) => {
        for (const line of text.trimEnd().split("\n")) host.terminal.note(line);
      },
      // The error is thrown as well, and told in one place: see run.ts.
      outputError: () => undefined,
    });
  addService(program, host, end);
  addSettings(program, host, end);
  addDeadLetters(program, host, end);
  addQuestions(program, host, end);
  return program;
}

type End = (code: ExitCode) => void;

function addService(program: Command, host: Host, end: End): void {
  program
    .command("demo")
    .description("see it work: a stand-in Zoho CRM, a sales team, the whole way to the memory")
    .option("--for <time>", "end by itself, as in 20s or 2m; else Ctrl-C ends it", duration)
    .option("--port <port>", "default 8000, or any free one", whole(0, 65_535))
    .option("--seed <number>", "the same seed gives the same CRM", whole(0, SEED_MAX), 1)
    .option("--accounts <number>", "how many accounts", whole(1, DEMO_ACCOUNTS_MAX), 60)
    .option("--cognee", "into the Cognee that COGNEE_URL names, in a dataset of its own")
    .option(...JSON_OPTION)
    .action(async (options: DemoWish) => {
      const { for: forMs, cognee: isWithCognee = false, ...rest } = options;
      const cognee = isWithCognee ? { cognee: cogneeSettings(host) } : {};
      end(await host.runDemo({ ...rest, ...cognee, ...(forMs === undefined ? {} : { forMs }) }));
    });

  for (const role of ROLES) {
    program
      .command(role)
      .description(ROLE_ABOUT[role])
      .option(...JSON_OPTION)
      .action(async () => end(await runRole(host, role)));
  }

  program
    .command("sync")
    .description("bring accounts up to date now, and wait until they are")
    .argument("<account id...>", "CRM ids of the accounts")
    .option("--no-wait", "only queue them")
    .option("--timeout <seconds>", "longest wait", whole(1, WAIT_SECONDS_MAX), SYNC_TIMEOUT_SECONDS_DEFAULT)
    .option(...JSON_OPTION)
    .action(async (ids: string[], options: { wait: boolean; timeout: number }) => {
      const request = { ids: checkedAccountIds(ids), isWaiting: options.wait, timeoutMs: options.timeout * 1_000 };
      end(await withParts(host, SYNCING, (parts) => syncAccounts(host, parts, request)));
    });

  program
    .command("simulate")
    .description("run a stand-in Zoho CRM and print how to reach it")
    .option("--port <port>", "0 takes a free one", whole(0, 65_535), 0)
    .option("--host <host>", "address listened on", "127.0.0.1")
    .option("--seed <number>", "the same seed gives the same CRM", whole(0, SEED_MAX))
    .option("--accounts <number>", "how many accounts", whole(0, SIMULATED_ACCOUNTS_MAX))
    .option("--workday <changes per minute>", "change records as a sales team does", whole(0, WORKDAY_RATE_MAX), 0)
    .option("--notify-notes <url>", "post signed events of Notes there, signed with WEBHOOK_SECRET")
    .option("--cognee", "run a stand-in for Cognee as well")
    .option(...JSON_OPTION)
    .action(async (options: SimulateOptions) => end(await runSimulator(host, options)));
}

function addSettings(program: Command, host: Host, end: End): void {
  program
    .command("doctor")
    .description("examine this installation: each check, its result, what to do")
    .option(...JSON_OPTION)
    .action(async () => {
      const loaded = load(host);
      if (loaded.outcome === "invalid") return end(configProblems(host.terminal, loaded.problems));
      const { config } = loaded;
      end(await examine(host, loaded, () => host.openParts(config, host.openLog(quiet(config.log.level)))));
    });

  program
    .command("config")
    .description("show the configuration that is in effect; secrets as set or unset")
    .option("--check", "only say whether it is right")
    .option("--reference", "explain every variable, as Markdown")
    .option(...JSON_OPTION)
    .action((options: { check?: true; reference?: true }) => {
      const wish = { isCheck: options.check === true, isReference: options.reference === true };
      end(showConfig(host, load(host), wish));
    });

  const secrets = program.command("secrets").description("secrets for WEBHOOK_SECRET and ADMIN_TOKEN");
  secrets
    .command("generate")
    .description("print a new secret of 64 hexadecimal characters")
    .option(...JSON_OPTION)
    .action(() => end(generateSecret(host)));
}

function addDeadLetters(program: Command, host: Host, end: End): void {
  const letters = program.command("dead-letters").description("accounts that wait for a person");
  letters
    .command("list")
    .description("one row per account, newest first")
    .option(
      "--limit <number>",
      `most entries; default ${LIST_LIMIT_DEFAULT} for a table, all for JSON`,
      whole(1, LIMIT_MAX),
    )
    .option(...JSON_OPTION)
    .action(async (options: { limit?: number }) => {
      end(await withParts(host, READING, (parts) => listDeadLetters(host, parts, options)));
    });
  letters
    .command("show")
    .description("failures and reasons of one")
    .argument("<id>", "its id, or the account's")
    .option(...JSON_OPTION)
    .action(async (id: string) => end(await withParts(host, READING, (parts) => showDeadLetter(host, parts, id))));

  const verbs = [
    {
      name: "redrive",
      about: "try again: attempts reset, reasons kept",
      limit: "at most so many; without ids: of all there are",
      act: redriveDeadLetters,
    },
    { name: "purge", about: "delete for good", limit: "at most so many", act: purgeDeadLetters },
  ] as const;
  for (const { name, about, limit: bound, act } of verbs) {
    letters
      .command(name)
      .description(about)
      .argument("[ids...]", "their ids, or the accounts'")
      .option("--all", "all there are")
      .option("--limit <number>", bound, whole(1, LIMIT_MAX))
      .option(...JSON_OPTION)
      .action(async (ids: string[], options: { all?: true; limit?: number }) => {
        const { limit } = options;
        const choice = { ids, isAll: options.all === true, ...(limit === undefined ? {} : { limit }) };
        end(await withParts(host, MENDING, (parts) => act(host, parts, choice)));
      });
  }
}

function addQuestions(program: Command, host: Host, end: End): void {
  const events = program.command("events").description("what became of an event");
  events
    .command("show")
    .description("what an event named, and its fate")
    .argument("<id>", "the event's id, as it was acknowledged")
    .option(...JSON_OPTION)
    .action(async (id: string) => end(await withParts(host, READING, ({ view }) => showEvents(host, view, id))));

  program
    .command("explain")
    .description("what memhook knows of one account")
    .argument("<account id>", "its CRM id")
    .option(...JSON_OPTION)
    .action(async (id: string) => end(await withParts(host, READING, (parts) => explainAccount(host, parts, id))));

  const memory = program.command("memory").description("what the memory knows");
  memory
    .command("search")
    .description("find the accounts that answer a question")
    .argument("<text...>", "what to look for")
    .option("--limit <number>", "most accounts", whole(1, SEARCH_LIMIT_MAX), SEARCH_LIMIT_DEFAULT)
    .option(...JSON_OPTION)
    .action(async (words: string[], options: { limit: number }) => {
      const question = { text: words.join(" "), limit: options.limit };
      end(await withParts(host, READING, (parts) => searchMemory(host, parts.memory, question)));
    });
  memory
    .command("receipt")
    .description("the proof that an account was forgotten")
    .argument("<account id>", "its CRM id")
    .option(...JSON_OPTION)
    .action(async (id: string) => end(await withParts(host, READING, (parts) => showReceipt(host, parts, id))));
}

/** The settings of the Cognee that the environment names. Throws Misuse without one. */
function cogneeSettings({ source }: Host): Readonly<Record<string, string>> {
  const { COGNEE_URL, COGNEE_API_KEY, COGNEE_USERNAME, COGNEE_PASSWORD } = source.env;
  if (COGNEE_URL === undefined)
    throw new Misuse(
      "--cognee wants COGNEE_URL and COGNEE_API_KEY in the environment; in the repository `npm run demo -- --cognee` starts one",
    );
  const given = Object.entries({ COGNEE_URL, COGNEE_API_KEY, COGNEE_USERNAME, COGNEE_PASSWORD });
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

interface SimulateOptions {
  readonly cognee?: boolean;
  readonly port: number;
  readonly host: string;
  readonly seed?: number;
  readonly accounts?: number;
  readonly workday: number;
  readonly notifyNotes?: string;
}

async function runSimulator(host: Host, options: SimulateOptions): Promise<ExitCode> {
  const { port, seed, accounts, notifyNotes } = options;
  const wish: SimulatorWish = {
    host: options.host,
    port,
    ...(options.cognee === true ? { hasCognee: true } : {}),
    ...(seed === undefined ? {} : { seed }),
    ...(accounts === undefined ? {} : { accounts }),
    ...(notifyNotes === undefined ? {} : { signedNotes: signedNotes(host, notifyNotes) }),
  };
  const workday = { changesPerMinute: options.workday, random: host.random };
  return simulate(host, () => host.startSimulator(wish), workday);
}

function signedNotes(host: Host, url: string): { readonly url: string; readonly secret: string } {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new Misuse("--notify-notes wants an http or https URL");
  const loaded = load(host);
  const secret = loaded.outcome === "valid" ? loaded.config.webhook.secrets.current : undefined;
  if (secret === undefined) throw new Misuse("--notify-notes wants WEBHOOK_SECRET to sign with");
  return { url, secret };
}

/** Parses a whole number within bounds; commander tells the rest. */
function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

/** `20s`, `2m`, `1h`, or plain seconds, as milliseconds. */
function duration(text: string): number {
  const match = /^(\d{1,6})(s|m|h|)$/.exec(text);
  const unitMs = { s: 1_000, "": 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? ""] ?? 1_000;
  const ms = Number(match?.[1]) * unitMs;
  if (match === null || ms === 0 || ms > DEMO_HOURS_MAX * 3_600_000) {
    throw new InvalidArgumentError("wants a time such as 20s or 2m");
  }
  return ms;
}
