import assert from "node:assert/strict";
import { accountKey, type MemoryDocument } from "../../src/account.ts";
import { openParts } from "../../src/app/parts.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/log.ts";
import { systemRandom } from "../../src/random.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import type { CogneeServer } from "../cognee/cognee-server.ts";
import { dataDir, getJson, postSigned, run, SECRET, type Served, serve } from "../e2e/harness.ts";
import { assertHolds, type DatasetWorld, datasetWorld } from "./cognee-world.ts";

const LOOK_EVERY_MS = 100;
/** How long work may take to come to rest unless a test knows better: a real Cognee on a busy machine writes one document a second. */
const REST_MS_MAX = 60_000;

const never = new AbortController().signal;

/** The parts of `GET /webhooks/health` that are looked at. */
export interface ShownHealth {
  readonly status: string;
  readonly queue_size: number;
  readonly dead_letters: number;
  readonly circuits: Readonly<Record<"crm" | "sink" | "budget", { readonly state: string; readonly cause?: string }>>;
  readonly problems: readonly { readonly code: string; readonly message: string }[];
}

/** One entry of `dead-letters list --json`, in what is looked at. */
export interface ShownDeadLetter {
  readonly account_id: string;
  readonly cause: string;
}

/** memhook as a process of its own, between a simulated Zoho and a Cognee; looked at from outside. */
export interface ServiceWorld {
  readonly simulator: Simulator;
  /** The configuration of the service and of commands beside it. */
  readonly env: Readonly<Record<string, string>>;
  /** What the service writes to, as somebody else sees it. */
  readonly dataset: DatasetWorld;
  /** The same by another key. */
  readonly datasetBy: (apiKey: string) => DatasetWorld;
  readonly served: () => Served;
  /** Ends the service and starts it again on the same folder, with exceptions from the configuration. */
  readonly restart: (signal: NodeJS.Signals, exceptions?: Readonly<Record<string, string>>) => Promise<void>;
  /** Posts an event of accounts, signed; resolves with the status of the answer. */
  readonly announce: (operation: "create" | "update" | "delete", ...accountIds: readonly string[]) => Promise<number>;
  readonly health: () => Promise<ShownHealth>;
  /** The sum of a counter of `GET /metrics` over its labels. Throws where there is no such counter. */
  readonly counted: (name: string) => Promise<number>;
  /** Runs a command beside the service and reads the JSON that it prints. Throws where it fails. */
  readonly command: (...args: readonly string[]) => Promise<unknown>;
  /** The document of every account as rendering the CRM gives it now. */
  readonly rendered: () => Promise<readonly MemoryDocument[]>;
  readonly close: () => Promise<void>;
}

/** How a world is started. */
export interface ServiceWish {
  readonly cognee: Pick<CogneeServer, "url" | "apiKey">;
  readonly dataset: string;
  /** Accounts in the CRM to begin with; nobody has told the service of them. */
  readonly accounts: number;
  /** Further settings of the service. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the simulated Zoho and the service. */
export async function startServiceWorld(wish: ServiceWish): Promise<ServiceWorld> {
  const folder = dataDir();
  const simulator = await startSimulator({ clock: systemClock, accounts: wish.accounts });
  const env = {
    ...{ ...simulator.credentials, DATA_DIR: folder.path, WEBHOOK_SECRET: SECRET, WEBHOOK_RETRY_DELAY_BASE: "0.05" },
    ...{ COGNEE_URL: wish.cognee.url, COGNEE_API_KEY: wish.cognee.apiKey, COGNEE_DATASET: wish.dataset },
    ...wish.env,
  };
  let served = await serve(env).catch(async (error: unknown) => {
    await simulator.close();
    folder.dispose();
    throw error;
  });
  return {
    ...{ simulator, env, dataset: datasetWorld(wish.cognee, { dataset: wish.dataset }), served: () => served },
    datasetBy: (apiKey) => datasetWorld({ ...wish.cognee, apiKey }, { dataset: wish.dataset }),
    restart: async (signal, exceptions = {}) => {
      await served.end(signal);
      served = await serve({ ...env, ...exceptions });
    },
    announce: async (operation, ...accountIds) => {
      const event = { event_type: operation, module: "Accounts", record_ids: accountIds };
      return (await postSigned(served.url, event)).status;
    },
    // The names are fixed interface, and each test looks at what it takes from here.
    health: async () => (await getJson(`${served.url}/webhooks/health`)) as unknown as ShownHealth,
    counted: async (name) => sumOf(await (await fetch(`${served.url}/metrics`)).text(), `memhook_${name}`),
    command: async (...args) => {
      const { code, stdout, stderr } = await run([...args, "--json"], env);
      assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
      return JSON.parse(stdout);
    },
    rendered: () => renderAll(env, simulator.crm.ids("Accounts")),
    close: async () => {
      await served.end("SIGTERM");
      await simulator.close();
      folder.dispose();
    },
  };
}

/** Waits until something is as a test wants it, and gives what was found. Throws when it is not after `msMax`. */
export async function waitFor<Found>(
  what: string,
  look: () => Promise<Found | undefined | false>,
  msMax: number = REST_MS_MAX,
): Promise<Found> {
  const end = systemClock.now() + msMax;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (systemClock.now() > end) throw new Error(`waited ${msMax} ms in vain for: ${what}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** Waits until the service has nothing left to do. */
export async function atRest({ health }: Pick<ServiceWorld, "health">, msMax: number = REST_MS_MAX): Promise<void> {
  await waitFor("nothing left to do", async () => (await health()).queue_size === 0, msMax);
}

/** Asserts that Cognee holds what rendering the CRM gives, each account once, and all of it found by CHUNKS; except accounts that it cannot take. */
export async function assertConverged(world: ServiceWorld, except: readonly string[] = []): Promise<void> {
  const left = new Set(except.map((id) => accountKey(id)));
  const documents = await world.rendered();
  await assertHolds(
    world.dataset,
    documents.filter(({ account }) => !left.has(account)),
  );
}

/** Asserts that no attempt was spent and nothing given up since the store was made. */
export async function assertNothingSpent(world: ServiceWorld): Promise<void> {
  const spent = {
    retried: await world.counted("jobs_retried_total"),
    dead: await world.counted("jobs_dead_total"),
    letters: (await world.health()).dead_letters,
    bugs: unexpectedIn(world.served().log),
  };
  assert.deepEqual(spent, { retried: 0, dead: 0, letters: 0, bugs: [] });
}

/** The entries of `dead-letters list`. */
export async function deadLetters(world: ServiceWorld): Promise<readonly ShownDeadLetter[]> {
  return (await world.command("dead-letters", "list")) as readonly ShownDeadLetter[]; // Fixed interface.
}

function unexpectedIn(log: readonly string[]): readonly string[] {
  return log.filter((line) => line.includes("UNEXPECTED"));
}

function sumOf(text: string, name: string): number {
  assert.ok(text.includes(`# TYPE ${name} counter`), `there is a counter ${name}`);
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Read and rendered by the same parts as the service's, beside it, as a command does. */
async function renderAll(
  env: Readonly<Record<string, string>>,
  accountIds: readonly string[],
): Promise<readonly MemoryDocument[]> {
  const loaded = loadConfig({ env, cwd: env["DATA_DIR"] ?? "" });
  if (loaded.outcome === "invalid") throw new Error(JSON.stringify(loaded.problems));
  const parts = await openParts(loaded.config, { clock: systemClock, random: systemRandom, log: silentLog });
  try {
    const keys = accountIds.map((id) => accountKey(id));
    const reads = await parts.crm.readAccounts(keys, never);
    return keys.map((key) => {
      const read = reads.get(key);
      if (read?.outcome !== "found") throw new Error(`${key} could not be read`);
      return parts.render(read.snapshot);
    });
  } finally {
    await parts.close();
  }
}
