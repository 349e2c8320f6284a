import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../src/random.ts";
import { freePort, type RedisServer, startRedis } from "../redis/redis-server.ts";
import { type Blow, planBlows } from "./blows.ts";
import type { CampaignOptions, Traffic } from "./campaign.ts";
import type { Design, Fleet, Ground } from "./design.ts";
import { judgeRecords, type RecordVerdict } from "./judge-records.ts";
import { Place } from "./place.ts";
import { createSender, type Sender } from "./sender.ts";
import { firstOnes, type Verdict } from "./verdict.ts";
import { startWorld, type World } from "./world.ts";

/** What came of a campaign on Redis. It is won when `verdict.wrongs` is empty. */
export interface RedisCampaignResult extends Traffic {
  readonly seed: number;
  readonly kills: number;
  readonly blows: Readonly<Record<Blow["kind"], number>>;
  readonly seconds: number;
  /** What the workers' records prove. */
  readonly syncs: Omit<RecordVerdict, "wrongs">;
  readonly verdict: Verdict;
}

/** Receivers, and as many workers: two of each, so that one takes over what the other leaves. */
const OF_KIND = 2;
/** Long enough that a busy machine extends it in time, short enough to be waited out again and again. */
const LEASE_MS = 2_000;
const DRAIN_POLL_MS = 100;

/** Kills receivers, workers and Redis and stops workers, again and again under load; then compares the memory with the CRM. */
export async function runRedisCampaign(design: Design, options: CampaignOptions): Promise<RedisCampaignResult> {
  const startedAt = performance.now();
  const dir = await mkdtemp(join(tmpdir(), "memhook-crash-"));
  const redis = await startRedis({ appendfsync: "always" });
  const fleet: { receivers: Place[]; workers: Place[] } = { receivers: [], workers: [] };
  const balance = balancer(fleet);
  const sender = createSender({ url: balance, random: seededRandom(options.seed + 1) });
  const world = await startWorld({ ...options, sender: design.adapt(sender) });
  try {
    const memoryDir = join(dir, "memory");
    await mkdir(memoryDir);
    const ground = { redis, dir, memoryDir, env: world.env, leaseMs: LEASE_MS };
    await standUp(design, ground, fleet);
    const blows = planBlows(seededRandom(options.seed), { kills: options.kills, leaseMs: LEASE_MS, ofKind: OF_KIND });
    world.startChanging();
    await strike(blows, { ...options, fleet, redis, world });
    await world.stopChanging();
    const unfinished = await letItFinish(design, { ground, fleet, sender, world });
    return await judged(design, { ground, fleet, sender, world, unfinished, blows, startedAt, options });
  } finally {
    for (const place of [...fleet.receivers, ...fleet.workers]) await place.abandon();
    await world.close();
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Where the next delivery goes: one receiver after the other of those that are up. */
function balancer(fleet: Fleet): () => string | undefined {
  let turn = 0;
  return () => {
    const urls = fleet.receivers.flatMap(({ url }) => url ?? []);
    turn += 1;
    return urls[turn % urls.length];
  };
}

async function standUp(
  design: Design,
  ground: Ground,
  fleet: { readonly receivers: Place[]; readonly workers: Place[] },
): Promise<void> {
  for (let index = 0; index < OF_KIND; index += 1) {
    const port = await freePort();
    const [receiverDir, workerDir] = [join(ground.dir, `receiver-${index}`), join(ground.dir, `worker-${index}`)];
    await Promise.all([mkdir(receiverDir), mkdir(workerDir)]);
    const receiver = new Place(`receiver ${index}`, () =>
      design.startReceiver(ground, { index, port, dir: receiverDir }),
    );
    const worker = new Place(`worker ${index}`, (life) => {
      const name = `worker ${index}, life ${life}`;
      return design.startWorker(ground, {
        name,
        dir: workerDir,
        record: join(ground.dir, `worker-${index}-${life}.jsonl`),
      });
    });
    fleet.receivers.push(receiver);
    fleet.workers.push(worker);
  }
  const all = [...fleet.receivers, ...fleet.workers];
  for (const place of all) place.start();
  // The first lives are whole ones, so that there is something to kill.
  await Promise.all(all.map((place) => place.ready()));
}

interface Battle extends CampaignOptions {
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly world: World;
}

/** One blow after the other; what it takes away comes back by itself while the next ones fall. */
async function strike(blows: readonly Blow[], { fleet, redis, world, say }: Battle): Promise<void> {
  let redisBack = Promise.resolve();
  for (const [number, { kind, index, pauseMs, awayMs }] of blows.entries()) {
    world.focusOn((number + 1) / blows.length);
    await sleep(pauseMs);
    switch (kind) {
      case "receiver":
        await fleet.receivers[index]?.kill();
        break;
      case "worker":
        await fleet.workers[index]?.kill();
        break;
      case "stop":
        await fleet.workers[index]?.stop(awayMs);
        break;
      case "redis":
        await redisBack;
        await redis.kill("SIGKILL");
        redisBack = sleep(awayMs).then(() => redis.restart());
        break;
    }
    say(`blow ${number + 1} of ${blows.length}: ${kind}`);
  }
  await redisBack;
}

interface Ending {
  readonly ground: Ground;
  readonly fleet: Fleet;
  readonly sender: Sender;
  readonly world: World;
}

/**
 * All is up: every sender comes to rest, what was given up is announced anew, the queue runs empty, every process ends by itself.
 * Says what did not come to its end.
 */
async function letItFinish(design: Design, { ground, fleet, sender, world }: Ending): Promise<readonly string[]> {
  const all = [...fleet.receivers, ...fleet.workers];
  await Promise.all(all.map((place) => place.ready()));
  await sender.quiet();
  world.announceAbandoned();
  await sender.quiet();
  const left = await waitForEmptyQueue(() => design.left(ground, fleet), design.drainMsMax);
  const unfinished =
    left === 0
      ? []
      : [
          `${left} are still queued after ${design.drainMsMax} ms; they said:`,
          ...all.map((place) => `${place.name}: ${place.tail()}`),
        ];
  await Promise.all(all.map((place) => place.end()));
  return [...unfinished, ...all.flatMap((place) => place.wrongs)];
}

/** How many are left: 0, unless it takes too long. */
async function waitForEmptyQueue(
  ask: () => Promise<number | undefined>,
  drainMsMax: number,
): Promise<number | undefined> {
  const latest = performance.now() + drainMsMax;
  for (;;) {
    const left = await ask();
    if (left === 0 || performance.now() > latest) return left;
    await sleep(DRAIN_POLL_MS);
  }
}

async function judged(
  design: Design,
  context: Ending & {
    readonly unfinished: readonly string[];
    readonly blows: readonly Blow[];
    readonly startedAt: number;
    readonly options: CampaignOptions;
  },
): Promise<RedisCampaignResult> {
  const { ground, fleet, sender, world, blows, options } = context;
  const lives = fleet.workers.flatMap((worker) => worker.lives);
  const { wrongs, ...syncs } = judgeRecords(lives);
  const handled = new Set(
    lives.flatMap(({ entries }) => entries.flatMap((entry) => (entry.what === "handled" ? [entry.eventId] : []))),
  );
  const { acknowledged, attempts, repeats, abandoned } = sender.log;
  const truth = { acknowledged, crm: world.crm, accountIds: world.accountIds() };
  const verdict = await design.judge(ground, { truth, handled });
  const count = (kind: Blow["kind"]) => blows.filter((blow) => blow.kind === kind).length;
  return {
    seed: options.seed,
    kills: options.kills,
    blows: { receiver: count("receiver"), worker: count("worker"), redis: count("redis"), stop: count("stop") },
    seconds: Math.round((performance.now() - context.startedAt) / 1_000),
    attempts,
    acknowledged: acknowledged.size,
    repeats,
    abandoned: abandoned.length,
    changes: world.changes(),
    syncs,
    verdict: { ...verdict, wrongs: [...context.unfinished, ...firstOnes(wrongs), ...verdict.wrongs] },
  };
}
