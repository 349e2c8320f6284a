import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type AccountKey, accountKey, type MemoryDocument } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { createZohoCrm } from "../../src/crm/zoho/zoho-crm.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import { seededRandom } from "../../src/random.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import { freePort, startServe } from "../../test/crash/serve-process.ts";

const SECRET = "bench-secret-of-thirty-two-bytes";
/** Far above what a load takes on a busy machine; one that hangs must not hang the run. */
const DRAIN_MS_MAX = 600_000;
/** The answer costs the service below a millisecond. */
const LOOK_EVERY_MS = 25;
/** Reading a hundred accounts from a simulator takes a second. */
const READ_MS_MAX = 60_000;

const health = z.object({ queue_size: z.number() });
const metrics = z.object({
  sink: z.object({ documents: z.number(), index_runs: z.number() }),
  queue: z.object({ dead_letters: z.number() }),
});

/** What the service counted. */
export interface ServiceCounts {
  readonly documents: number;
  readonly indexRuns: number;
  readonly deadLetters: number;
}

/** The whole service on a simulated CRM and a dataset of its own, all settings but addresses at their defaults. */
export interface Service {
  readonly simulator: Simulator;
  readonly accountIds: readonly string[];
  /** Delivers one signed event on each account, in this order, each in a request of its own. */
  deliver(accountIds: readonly string[]): Promise<void>;
  /** Resolves when nothing is left to do. */
  settled(): Promise<void>;
  counts(): Promise<ServiceCounts>;
  /** What the documents of accounts should be by now: read beside the service, by the same client and renderer. */
  documents(accountIds: readonly string[]): Promise<readonly MemoryDocument[]>;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startService(
  server: CogneeServer,
  { dataset, accounts, seed }: { readonly dataset: string; readonly accounts: number; readonly seed: number },
): Promise<Service> {
  const simulator = await startSimulator({ clock: systemClock, seed, accounts });
  const dataDir = await mkdtemp(join(tmpdir(), "memhook-bench-"));
  const crm = readerOf(simulator, seed);
  const serve = startServe({
    port: await freePort(),
    dataDir,
    env: {
      ...simulator.credentials,
      WEBHOOK_SECRET: SECRET,
      COGNEE_URL: server.url,
      COGNEE_API_KEY: server.apiKey,
      COGNEE_DATASET: dataset,
    },
  });
  const stop = async () => {
    await serve.kill("SIGTERM");
    crm.close();
    await simulator.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await serve.ready();
    await untilEmpty(serve.url);
  } catch (error) {
    await stop();
    throw error;
  }
  let delivered = 0;
  return {
    simulator,
    accountIds: simulator.crm.ids("Accounts"),
    deliver: async (accountIds) => {
      for (const recordId of accountIds) {
        delivered += 1;
        await deliverOne(serve.url, { recordId, eventId: `${dataset}-${delivered}` });
      }
    },
    settled: () => untilEmpty(serve.url),
    counts: async () => {
      const { sink, queue } = metrics.parse(await getJson(`${serve.url}/webhooks/metrics`));
      return { documents: sink.documents, indexRuns: sink.index_runs, deadLetters: queue.dead_letters };
    },
    documents: (accountIds) =>
      readDocuments(
        crm,
        accountIds.map((id) => accountKey(id)),
      ),
    stop,
  };
}

type Reader = ReturnType<typeof createZohoCrm>;

function readerOf(simulator: Simulator, seed: number): Reader {
  const { ZOHO_API_URL, ZOHO_ACCOUNTS_URL, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN } =
    simulator.credentials;
  return createZohoCrm({
    apiUrl: ZOHO_API_URL,
    accountsUrl: ZOHO_ACCOUNTS_URL,
    clientId: ZOHO_CLIENT_ID,
    clientSecret: ZOHO_CLIENT_SECRET,
    refreshToken: ZOHO_REFRESH_TOKEN,
    clock: systemClock,
    random: seededRandom(seed),
    log: silentLog,
  });
}

async function readDocuments(crm: Reader, keys: readonly AccountKey[]): Promise<readonly MemoryDocument[]> {
  const reads = await crm.readAccounts(keys, AbortSignal.timeout(READ_MS_MAX));
  return keys.map((key) => {
    const read = reads.get(key);
    if (read?.outcome !== "found") throw new Error(`${key} was not read: ${read?.outcome}`);
    return renderDocument(read.snapshot, defaultFieldPolicy);
  });
}

async function deliverOne(
  url: string,
  { recordId, eventId }: { readonly recordId: string; readonly eventId: string },
): Promise<void> {
  const body = JSON.stringify({
    ...{ event_id: eventId, event_type: "update", module: "Accounts", record_id: recordId },
    modified_fields: ["Description"],
  });
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  const headers = { "content-type": "application/json", "x-zoho-signature": signature };
  const reply = await fetch(`${url}/webhooks/zoho`, { method: "POST", headers, body });
  if (reply.status !== 200) throw new Error(`a delivery was answered ${reply.status}: ${await reply.text()}`);
  await reply.arrayBuffer();
}

async function untilEmpty(url: string): Promise<void> {
  const latest = performance.now() + DRAIN_MS_MAX;
  while (performance.now() < latest) {
    if (health.parse(await getJson(`${url}/webhooks/health`)).queue_size === 0) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`the queue was not empty after ${DRAIN_MS_MAX} ms`);
}

async function getJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}
