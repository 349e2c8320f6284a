import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../src/clock.ts";
import { type Simulator, startSimulator } from "../src/simulator/simulator.ts";
import { freePort, type ServeProcess, startServe } from "../test/crash/serve-process.ts";
import { endChild, nextMessage, startChild } from "./child.ts";
import { SECRET } from "./ingest/servers.ts";
import { type PhasePlan, type PhaseResult, phaseResult } from "./load/phase.ts";
import { eventIdOf } from "./load/requests.ts";
import { openBenchEngine } from "./open-engine.ts";
import type { Measurement } from "./report.ts";
import { type BenchRedis, type FreshStore, withStore } from "./store.ts";

/** How long Redis is away. */
export interface OutageSize {
  readonly seconds: number;
}

/** Deliveries a second, one event each (the figure). */
const RATE = 200;
/** Connections that they come on. */
const CONNECTIONS = 64;
/** The load begins so long before Redis goes, and ends so long after it is back. */
const BEFORE_SECONDS = 3;
const AFTER_SECONDS = 3;
const ACCOUNTS = 500;
/** Latency of the simulated CRM: about what Zoho takes. */
const LATENCY_MS = 100;
/** Longest that the queue may take to become empty after Redis is back (the figure), and how long it is given to show by how much it fails. */
const SYNCED_SECONDS_MAX = 30;
const DRAIN_MS_MAX = 180_000;
const POLL_MS = 50;
/** Events looked up at the same time. */
const LOOKUPS = 100;
const PREFIX = "outage";

/** What one outage showed. */
interface Outage {
  readonly load: PhaseResult;
  readonly secondsToSynced: number;
  /** Events that went into the receiver's own file, as memhook counts them. */
  readonly spilled: number;
  /** Processes that were not there any more at the end. */
  readonly ended: number;
  /** Acknowledged and not in the store. */
  readonly lost: number;
  /** In the store, and neither synced nor superseded. */
  readonly unsynced: number;
}

/** Takes Redis away from a receiver and a worker under load, gives it back, and counts. */
export async function benchOutage(
  { seconds }: OutageSize,
  say: (line: string) => void,
): Promise<{ readonly lost: number; readonly measurements: readonly Measurement[] }> {
  const outage = await withStore("always", (store) => runOutage(store, seconds, say));
  const what = `Redis away for ${seconds} s at ${RATE} events/s: receiver and worker`;
  const { load } = outage;
  const one = (figure: string, value: number, atMost?: number): Measurement => ({
    what,
    figure,
    rounds: [value],
    ...(atMost === undefined ? {} : { target: { atMost } }),
  });
  const refused = Object.values(load.refused).reduce((sum, count) => sum + count, 0);
  return {
    lost: outage.lost,
    measurements: [
      one("acknowledged events", load.acknowledged.length),
      one("not answered 200", refused + load.cut, 0),
      one("events that went into the spill file", outage.spilled),
      one("lost", outage.lost, 0),
      one("not synced in the end", outage.unsynced, 0),
      one("processes that ended", outage.ended, 0),
      one("seconds from its return to all synced", outage.secondsToSynced, SYNCED_SECONDS_MAX),
      one("p50 ms", load.p50Ms),
      one("p99 ms", load.p99Ms),
      one("longest answer, ms", load.maxMs),
    ],
  };
}

async function runOutage(store: FreshStore, seconds: number, say: (line: string) => void): Promise<Outage> {
  const { redis } = store;
  if (redis === undefined) throw new Error("an outage of Redis needs Redis");
  const folders = await Promise.all(["receiver", "worker"].map((name) => mkdtemp(join(tmpdir(), `memhook-${name}-`))));
  const simulator = await startSimulator({
    clock: systemClock,
    accounts: ACCOUNTS,
    mischief: { latencyMs: LATENCY_MS },
  });
  const [receiver, worker] = [
    await startProcess("receiver", folders[0] ?? "", { redis, simulator }),
    await startProcess("worker", folders[1] ?? "", { redis, simulator }),
  ];
  const generator = startChild("load/generator.ts");
  try {
    await Promise.all([receiver.ready(), worker.ready()]);
    const plan: PhasePlan = {
      port: Number(new URL(receiver.url).port),
      secret: SECRET,
      prefix: PREFIX,
      count: RATE * (BEFORE_SECONDS + seconds + AFTER_SECONDS),
      firstRecord: 0,
      records: [...simulator.crm.ids("Accounts")],
      connections: CONNECTIONS,
      ratePerSecond: RATE,
    };
    const prepared = nextMessage(generator);
    generator.send(plan);
    await prepared;
    const answer = nextMessage(generator);
    generator.send("go");
    await sleep(BEFORE_SECONDS * 1_000);
    say(`outage: Redis goes for ${seconds} s`);
    await redis.kill();
    for (const id of simulator.crm.ids("Accounts")) simulator.crm.update("Accounts", id, { Phone: "+1 555 0142" });
    await sleep(seconds * 1_000);
    await redis.restart();
    const backAt = performance.now();
    say("outage: Redis is back");
    const load = phaseResult.parse(await answer);
    for (const [status, count] of Object.entries(load.refused)) say(`outage: ${count} answered ${status}`);
    const synced = await untilEmpty(receiver, DRAIN_MS_MAX);
    if (!synced) say(`outage: not all synced.\nreceiver:\n${receiver.tail()}\nworker:\n${worker.tail()}`);
    const secondsToSynced = (performance.now() - backAt) / 1_000;
    const ended = [receiver, worker].filter(({ pid }) => !isAlive(pid)).length;
    const ids = load.acknowledged.map((index) => eventIdOf(PREFIX, index));
    return { load, secondsToSynced, ended, ...(await fatesOf(store.address, ids)) };
  } finally {
    await endChild(generator);
    await Promise.all([receiver.kill("SIGKILL"), worker.kill("SIGKILL")]);
    await simulator.close();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

async function startProcess(
  command: "receiver" | "worker",
  dataDir: string,
  { redis, simulator }: { readonly redis: BenchRedis; readonly simulator: Simulator },
): Promise<ServeProcess> {
  const env = { ...simulator.credentials, WEBHOOK_SECRET: SECRET, REDIS_URL: redis.url, NOTES_POLL_SECONDS: "86400" };
  return startServe({ command, port: await freePort(), dataDir, env });
}

/** True as soon as the receiver says that nothing waits, in the store or in its own file; false after `ms`. */
async function untilEmpty(receiver: ServeProcess, ms: number): Promise<boolean> {
  const latest = performance.now() + ms;
  while (performance.now() < latest) {
    const reply = await fetch(`${receiver.url}/webhooks/health`);
    const health: unknown = await reply.json();
    // While Redis is away the size is null: nobody knows it.
    if (typeof health === "object" && health !== null && "queue_size" in health && health.queue_size === 0) return true;
    await sleep(POLL_MS);
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** What became of acknowledged events, from the store itself. */
async function fatesOf(
  address: string,
  eventIds: readonly string[],
): Promise<Pick<Outage, "spilled" | "lost" | "unsynced">> {
  const engine = await openBenchEngine(address);
  try {
    let [lost, unsynced] = [0, 0];
    for (let start = 0; start < eventIds.length; start += LOOKUPS) {
      const found = await Promise.all(eventIds.slice(start, start + LOOKUPS).map((id) => engine.view.events(id)));
      for (const [record] of found) {
        if (record === undefined) lost += 1;
        else if (record.fate !== "synced" && record.fate !== "superseded") unsynced += 1;
      }
    }
    const { spill_events: spilled = 0 } = await engine.counters.read();
    return { spilled, lost, unsynced };
  } finally {
    await engine.close();
  }
}
