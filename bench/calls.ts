import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../src/clock.ts";
import { type Simulator, startSimulator } from "../src/simulator/simulator.ts";
import { freePort, startServe } from "../test/crash/serve-process.ts";
import type { Measurement } from "./report.ts";
import { type FreshStore, STORE_NAMES, type StoreKind, withStore } from "./store.ts";

/** The figures. */
const ACCOUNTS = 200;
const CONTACTS = 1_000;
/** Ids in one delivery: as many as Zoho's own callbacks are known to name. */
const IDS_PER_DELIVERY = 100;
/** Latency of the simulated CRM: about what Zoho takes. */
const LATENCY_MS = 100;
const SECRET = "bench-secret-of-thirty-two-bytes";
const DRAIN_MS_MAX = 120_000;
const POLL_MS = 50;

/** Counts the API calls that the real server makes of the simulated CRM when many contacts change, all accounts known. */
export async function benchCalls(
  stores: readonly StoreKind[],
  say: (line: string) => void,
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const store of stores) {
    say(`calls: ${CONTACTS} changed contacts of ${ACCOUNTS} accounts (${STORE_NAMES[store]})`);
    measurements.push(...(await withStore(store, (fresh) => countCalls(fresh, say))));
  }
  return measurements;
}

async function countCalls(store: FreshStore, say: (line: string) => void): Promise<readonly Measurement[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "memhook-bench-"));
  const simulator = await startSimulator({
    clock: systemClock,
    accounts: ACCOUNTS,
    mischief: { latencyMs: LATENCY_MS },
  });
  const contacts = addContacts(simulator);
  const serve = startServe({
    port: await freePort(),
    dataDir,
    env: {
      ...simulator.credentials,
      WEBHOOK_SECRET: SECRET,
      NOTES_POLL_SECONDS: "86400",
      ...(store.redis === undefined ? {} : { REDIS_URL: store.redis.url }),
    },
  });
  try {
    await serve.ready();
    await deliver(serve.url, "Accounts", simulator.crm.ids("Accounts"));
    await untilEmpty(serve.url);
    const before = { ...simulator.stats, calls: { ...simulator.stats.calls } };
    const startedAt = performance.now();
    for (const [index, id] of contacts.entries()) simulator.crm.update("Contacts", id, { Title: `Title ${index}` });
    await deliver(serve.url, "Contacts", contacts);
    await untilEmpty(serve.url);
    const seconds = (performance.now() - startedAt) / 1_000;
    const after = simulator.stats;
    for (const [path, count] of Object.entries(after.calls)) {
      const more = count - (before.calls[path] ?? 0);
      if (more > 0) say(`  ${more} × ${path}`);
    }
    const changed = `${CONTACTS.toLocaleString("en-GB")} changed contacts of ${ACCOUNTS} accounts`;
    const what = `${changed}, CRM at ${LATENCY_MS} ms (${STORE_NAMES[store.kind]})`;
    return [
      { what, figure: "API calls", rounds: [after.callsTotal - before.callsTotal], target: { atMost: 80 } },
      { what, figure: "API credits", rounds: [after.creditsUsed - before.creditsUsed] },
      { what, figure: "seconds to an empty queue", rounds: [seconds] },
    ];
  } finally {
    await serve.kill("SIGKILL");
    await simulator.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Gives every account its share of contacts, besides those that it was made with. */
function addContacts(simulator: Simulator): readonly string[] {
  const accounts = simulator.crm.ids("Accounts");
  return Array.from({ length: CONTACTS }, (_, n) =>
    simulator.crm.create("Contacts", {
      First_Name: "Ines",
      Last_Name: `Marchetti ${n}`,
      Email: `ines.${n}@larkspur.example`,
      Account_Name: accounts[n % accounts.length] ?? null,
    }),
  );
}

/** Delivers updates of records in signed bodies, as many ids in each as Zoho would put into a callback. */
async function deliver(url: string, module: string, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += IDS_PER_DELIVERY) {
    const body = JSON.stringify({
      event_id: `calls-${module}-${start}`,
      event_type: "update",
      module,
      record_ids: ids.slice(start, start + IDS_PER_DELIVERY),
      modified_fields: ["Title"],
    });
    const signature = createHmac("sha256", SECRET).update(body).digest("hex");
    const reply = await fetch(`${url}/webhooks/zoho`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-zoho-signature": signature },
      body,
    });
    if (reply.status !== 200) throw new Error(`a delivery was answered ${reply.status}: ${await reply.text()}`);
    await reply.arrayBuffer();
  }
}

async function untilEmpty(url: string): Promise<void> {
  const latest = performance.now() + DRAIN_MS_MAX;
  while (performance.now() < latest) {
    const reply = await fetch(`${url}/webhooks/health`);
    const health: unknown = await reply.json();
    if (typeof health === "object" && health !== null && "queue_size" in health && health.queue_size === 0) return;
    await sleep(POLL_MS);
  }
  throw new Error(`the queue was not empty after ${DRAIN_MS_MAX} ms`);
}
