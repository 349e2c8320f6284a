import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { BRIEF_QUEUE } from "../../bench/peers/brief-queue.ts";
import { type AccountKey, accountKey, recordKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { createZohoCrm } from "../../src/crm/zoho/zoho-crm.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import { systemRandom } from "../../src/random.ts";
import { recordedSync } from "./recorded-parts.ts";
import { openRecorder } from "./sync-record.ts";

/** What the program is told on its command line, as JSON. */
export interface BriefWorkerWish {
  readonly redisPort: number;
  /** Where events go that are given up. */
  readonly deadList: string;
  /** The memory's file. */
  readonly memory: string;
  /** One record for each task. */
  readonly records: readonly string[];
}

/** The brief's WEBHOOK_MAX_RETRIES and WEBHOOK_RETRY_DELAY_BASE, and its cap. */
const RETRIES_MAX = 3;
const RETRY_BASE_MS = 2_000;
const RETRY_MS_MAX = 30_000;
/** How long a BRPOP waits, seconds: after it a task looks whether it is to end. */
const IDLE_S = 1;
/** Pause after Redis did not answer. */
const AWAY_MS = 200;
/** Longest that one read or write may take. */
const CALL_MS_MAX = 30_000;

const wish: BriefWorkerWish = JSON.parse(process.argv[2] ?? "");
const redis = connect();
const memory = openEmbeddedMemory({ path: wish.memory, clock: systemClock, log: silentLog });
const crm = createZohoCrm({
  apiUrl: process.env["ZOHO_API_URL"] ?? "",
  accountsUrl: process.env["ZOHO_ACCOUNTS_URL"] ?? "",
  clientId: process.env["ZOHO_CLIENT_ID"] ?? "",
  clientSecret: process.env["ZOHO_CLIENT_SECRET"] ?? "",
  refreshToken: process.env["ZOHO_REFRESH_TOKEN"] ?? "",
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  // As memhook's, so that a life does not have to sign in anew: Zoho grants few tokens an hour.
  tokens: {
    read: async (name) => (await redis.get(`brief:sealed:${name}`)) ?? undefined,
    write: async (name, sealed) => {
      await redis.set(`brief:sealed:${name}`, sealed);
    },
  },
});
let isEnding = false;
process.once("disconnect", () => process.exit(1)); // The campaign is gone.
process.once("SIGTERM", () => {
  isEnding = true;
});
const tasks = wish.records.map(task);
process.send?.("ready");
await Promise.all(tasks);
process.exit(0);

/** Pops one event after the other and handles it. What is popped and not yet handled is lost with the process. */
async function task(path: string): Promise<void> {
  const record = openRecorder(path);
  const sync = recordedSync({ crm, memory }, record);
  const popping = connect();
  while (!isEnding) {
    const popped = await popping.brpop(BRIEF_QUEUE, IDLE_S).catch(() => sleep(AWAY_MS, null)); // Redis is away.
    if (popped === null) continue;
    const event: { event_id: string; module: string; record_id: string } = JSON.parse(popped[1]);
    if (await isHandled(() => handle(sync, { module: event.module, recordId: event.record_id }))) {
      record({ what: "handled", eventId: event.event_id });
    } else await redis.lpush(wish.deadList, popped[1]);
  }
}

/** Tries, and tries again with growing pauses. False = given up. */
async function isHandled(work: () => Promise<void>): Promise<boolean> {
  for (let tries = 0; ; tries += 1) {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (tries === RETRIES_MAX) return false;
      await sleep(Math.min(RETRY_MS_MAX, RETRY_BASE_MS * 2 ** tries));
    }
  }
}

/** Reads the accounts of a record as they are now, and writes them to the memory. */
async function handle(
  { crm, memory }: ReturnType<typeof recordedSync>,
  ref: { readonly module: string; readonly recordId: string },
): Promise<void> {
  for (const account of await accountsOf(ref)) {
    const read = (await crm.readAccounts([account], AbortSignal.timeout(CALL_MS_MAX))).get(account);
    if (read === undefined || read.outcome === "failed") throw new Error(`reading ${account}`);
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const [result] =
      read.outcome === "absent"
        ? await memory.remove([{ account }], signal)
        : await memory.put(
            [{ document: renderDocument(read.snapshot, defaultFieldPolicy), isUncertain: false }],
            signal,
          );
    if (result === undefined || result.outcome === "failed") throw new Error(`writing ${account}`);
  }
}

async function accountsOf(ref: { readonly module: string; readonly recordId: string }): Promise<readonly AccountKey[]> {
  if (ref.module === "Accounts") return [accountKey(ref.recordId)];
  const read = (await crm.readParents([ref], AbortSignal.timeout(CALL_MS_MAX))).get(recordKey(ref));
  if (read === undefined || read.outcome === "failed") throw new Error(`looking up ${recordKey(ref)}`);
  return read.outcome === "absent" ? [] : read.accounts;
}

function connect(): Redis {
  const client = new Redis({ host: "127.0.0.1", port: wish.redisPort, maxRetriesPerRequest: null });
  client.on("error", () => undefined); // It is away; the client comes back by itself.
  return client;
}
