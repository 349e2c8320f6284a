import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, seededRandom } from "../../src/random.ts";
import { createSender, type Sender } from "./sender.ts";
import { freePort, type ServeProcess, startServe } from "./serve-process.ts";
import { judgeEmbedded, type Verdict } from "./verdict.ts";
import { SECRET, startWorld, type World } from "./world.ts";

/** What a campaign does. */
export interface CampaignOptions {
  readonly kills: number;
  readonly seed: number;
  readonly accounts: number;
  readonly say: (line: string) => void;
}

/** What a campaign sent. */
export interface Traffic {
  /** Requests by how they ended: a status, `cut` or `nobody`. */
  readonly attempts: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly repeats: number;
  readonly abandoned: number;
  /** Changes made in the CRM while memhook was being killed. */
  readonly changes: number;
}

/** What came of it. The campaign is won when `verdict.wrongs` is empty. */
export interface CampaignResult extends Traffic {
  readonly seed: number;
  readonly kills: number;
  /** Kills that came while the process was still starting. */
  readonly killsWhileStarting: number;
  /** Most events that were unsettled when a life began: proof that the kills left work behind. */
  readonly unsettledMax: number;
  readonly seconds: number;
  readonly verdict: Verdict;
}

/** Of the kills, the share that strikes while the process starts. */
const START_KILL_SHARE = 0.25;
/** A start takes about a second; kills while starting come at random within this time. */
const START_MS = 1_000;
/** Life of a process between being ready and its kill, at random within these bounds. */
const LIFE_MS_MIN = 20;
const LIFE_MS_MAX = 1_200;
/** Longest wait for an empty queue at the end. */
const DRAIN_MS_MAX = 120_000;
const DRAIN_POLL_MS = 100;
/** Longest end after SIGTERM: the drain's own 20 s and some. */
const END_MS_MAX = 30_000;

/** Kills memhook again and again under load, lets it finish, and compares its memory with the CRM. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const startedAt = performance.now();
  const dataDir = await mkdtemp(join(tmpdir(), "memhook-crash-"));
  const port = await freePort();
  const sender = createSender({ url: () => `http://127.0.0.1:${port}`, random: seededRandom(options.seed + 1) });
  const world = await startWorld({ seed: options.seed, accounts: options.accounts, sender });
  const start = () => startServe({ port, dataDir, env: { ...world.env, WEBHOOK_SECRET: SECRET } });
  try {
    const killed = await killAgainAndAgain(options, start, world);
    await world.stopChanging();
    const unfinished = await letItFinish(start(), sender, world);
    const judged = await judgeEmbedded({
      dataDir,
      acknowledged: sender.log.acknowledged,
      crm: world.crm,
      accountIds: world.accountIds(),
    });
    return {
      seed: options.seed,
      kills: options.kills,
      ...killed,
      seconds: (performance.now() - startedAt) / 1_000,
      attempts: sender.log.attempts,
      acknowledged: sender.log.acknowledged.size,
      repeats: sender.log.repeats,
      abandoned: sender.log.abandoned.length,
      changes: world.changes(),
      verdict: { ...judged, wrongs: [...unfinished, ...judged.wrongs] },
    };
  } finally {
    await world.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function killAgainAndAgain(
  options: CampaignOptions,
  start: () => ServeProcess,
  world: World,
): Promise<{ readonly killsWhileStarting: number; readonly unsettledMax: number }> {
  const random = seededRandom(options.seed);
  let killsWhileStarting = 0;
  let unsettledMax = 0;
  world.startChanging();
  for (let kill = 1; kill <= options.kills; kill++) {
    world.focusOn(kill / options.kills);
    const serve = start();
    try {
      // The first life is a whole one, so that there is something to kill.
      if (kill > 1 && random.next() < START_KILL_SHARE) {
        killsWhileStarting += 1;
        await sleep(random.next() * START_MS);
      } else {
        await serve.ready();
        unsettledMax = Math.max(unsettledMax, await queueSize(serve));
        await sleep(between(random, LIFE_MS_MIN, LIFE_MS_MAX));
      }
    } finally {
      await serve.kill("SIGKILL");
    }
    options.say(`kill ${kill} of ${options.kills}`);
  }
  return { killsWhileStarting, unsettledMax };
}

/**
 * A last life: every sender comes to rest, what was given up is announced anew, the queue runs empty, the process ends by
 * itself. Says what did not come to its end.
 */
async function letItFinish(serve: ServeProcess, sender: Sender, world: World): Promise<string[]> {
  const wrongs: string[] = [];
  try {
    await serve.ready();
    await sender.quiet();
    world.announceAbandoned();
    await sender.quiet();
    const left = await waitForEmptyQueue(serve);
    if (left > 0) wrongs.push(`${left} are still queued after ${DRAIN_MS_MAX} ms; it said:\n${serve.tail()}`);
  } catch (error) {
    await serve.kill("SIGKILL");
    throw new Error(`the last life failed; it said:\n${serve.tail()}`, { cause: error });
  }
  const code = await endInTime(serve);
  if (code !== 0) wrongs.push(`after SIGTERM it ended with ${code}; it said:\n${serve.tail()}`);
  return wrongs;
}

/** Asks the process to end, and makes it when it does not. */
async function endInTime(serve: ServeProcess): Promise<number | null> {
  const late = new AbortController();
  const killing = sleep(END_MS_MAX, undefined, { signal: late.signal }).then(
    () => serve.kill("SIGKILL"),
    () => undefined, // It ended in time.
  );
  const code = await serve.kill("SIGTERM");
  late.abort();
  await killing;
  return code;
}

/** How many are left: 0, unless it takes too long. */
async function waitForEmptyQueue(serve: ServeProcess): Promise<number> {
  const latest = performance.now() + DRAIN_MS_MAX;
  for (;;) {
    const size = await queueSize(serve);
    if (size === 0 || performance.now() > latest) return size;
    await sleep(DRAIN_POLL_MS);
  }
}

async function queueSize(serve: ServeProcess): Promise<number> {
  const reply = await fetch(`${serve.url}/webhooks/health`);
  const health: unknown = await reply.json();
  if (typeof health !== "object" || health === null || !("queue_size" in health)) throw new Error("no queue_size");
  return Number(health.queue_size);
}

function between(random: Random, low: number, high: number): number {
  return low + random.next() * (high - low);
}
