import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endChild, nextMessage, startChild } from "./child.ts";
import { type Contestant, contestants, nameOf } from "./ingest/contestants.ts";
import { type Entry, type PhaseFigures, type Round, rowsOf } from "./ingest/rows.ts";
import { SECRET, type Server, startMemhook, startPeer, startRedisPeer } from "./ingest/servers.ts";
import { type PhasePlan, phaseResult } from "./load/phase.ts";
import { eventIdOf } from "./load/requests.ts";
import type { Measurement } from "./report.ts";
import { type BenchRedis, type FreshStore, type StoreKind, withStore } from "./store.ts";
import { cpuMicros, memoryMb } from "./usage.ts";

/** How much is sent. */
export interface IngestSize {
  readonly rounds: number;
  readonly warmUp: number;
  readonly closed: number;
  readonly openSeconds: number;
}

/** The fixed rate of the latency phase, requests a second (the figure). */
const OPEN_RATE = 1_500;
/** Keep-alive connections of the main phases (the figure). */
const CONNECTIONS = 64;
/** Connections of the crowd phase (the figure), and what each sends. */
const CROWD = 1_000;
const CROWD_REQUESTS_EACH = 10;
/** Events that wait when the store's size is looked at for the first time; the second time all of the round's do. */
const FEW = 10_000;

/** Measures the receivers, in interleaved rounds, each server a process of its own, on a store of its own, fresh in every round. */
export async function benchIngest(
  size: IngestSize,
  stores: readonly StoreKind[],
  say: (line: string) => void,
): Promise<{ readonly lost: number; readonly measurements: readonly Measurement[] }> {
  const entries = contestants(stores).map((contestant): Entry & { rounds: Round[] } => ({ contestant, rounds: [] }));
  for (let round = 1; round <= size.rounds; round++) {
    for (const { contestant, rounds } of entries) {
      say(`ingest, round ${round} of ${size.rounds}: ${nameOf(contestant)}`);
      rounds.push(await runContestant(contestant, size));
    }
  }
  const ours = entries.filter(({ contestant }) => contestant.program === "memhook");
  const lost = ours.flatMap(({ rounds }) => rounds).reduce((sum, round) => sum + (round.stored?.lost ?? 0), 0);
  return { lost, measurements: rowsOf(entries) };
}

async function runContestant({ program, store: kind }: Contestant, size: IngestSize): Promise<Round> {
  if (kind === undefined) {
    if (program !== "bare" && program !== "checked") throw new Error(`${program} needs a store`);
    return runRound(await startPeer(program), size, undefined);
  }
  return withStore(kind, async (store) => {
    if (program !== "memhook") return runRound(await startStoringPeer(program, store), size, store.redis);
    const dataDir = store.folder ?? (await mkdtemp(join(tmpdir(), "memhook-bench-")));
    try {
      return await runRound(await startMemhook(store, dataDir), size, store.redis);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
}

async function startStoringPeer(program: Contestant["program"], { redis }: FreshStore): Promise<Server> {
  if (redis === undefined || (program !== "bullmq" && program !== "brief")) throw new Error(`${program} needs Redis`);
  return startRedisPeer(program, redis);
}

/** Sends one round to a server, ends it the hard way, its Redis with it where that promises to survive, and looks at what is left. */
async function runRound(server: Server, size: IngestSize, redis: BenchRedis | undefined): Promise<Round> {
  const generator = startChild("load/generator.ts");
  try {
    const acknowledged: string[] = [];
    let firstRecord = 0;
    const phase = async (prefix: string, shape: Pick<PhasePlan, "count" | "connections" | "ratePerSecond">) => {
      const plan = { ...shape, prefix, port: server.port, secret: SECRET, firstRecord };
      firstRecord += shape.count;
      const result = await sendPhase(generator, plan, { server, redis });
      for (const index of result.acknowledged) acknowledged.push(eventIdOf(prefix, index));
      return result;
    };
    const manyAtOnce = { connections: CONNECTIONS, ratePerSecond: 0 };
    const emptyBytes = redis === undefined ? 0 : await server.storeBytes();
    const sizeNow = async () => ({
      events: acknowledged.length,
      bytesEach: ((await server.storeBytes()) - emptyBytes) / acknowledged.length,
    });
    await phase("first", { ...manyAtOnce, count: FEW });
    const few = await sizeNow();
    await phase("warm", { ...manyAtOnce, count: size.warmUp });
    const closed = await phase("closed", { ...manyAtOnce, count: size.closed });
    const open = await phase("open", {
      connections: CONNECTIONS,
      ratePerSecond: OPEN_RATE,
      count: OPEN_RATE * size.openSeconds,
    });
    const crowd = await phase("crowd", { connections: CROWD, ratePerSecond: 0, count: CROWD * CROWD_REQUESTS_EACH });
    const peakMb = memoryMb(server.pid).peak;
    const manyOnRedis = redis === undefined ? undefined : await sizeNow();
    await server.kill();
    await redis?.crash();
    const stored = await server.stored(acknowledged);
    // Of a file only the end counts: closing it brings the write-ahead log in.
    const sizes = manyOnRedis === undefined ? [await sizeNow()] : [few, manyOnRedis];
    return { closed, open, crowd, peakMb, ...(stored === undefined ? {} : { stored, sizes }) };
  } finally {
    await endChild(generator);
    await server.kill();
  }
}

async function sendPhase(
  generator: ChildProcess,
  plan: PhasePlan,
  { server, redis }: { readonly server: Server; readonly redis: BenchRedis | undefined },
): Promise<PhaseFigures> {
  const prepared = nextMessage(generator);
  generator.send(plan);
  await prepared;
  const before = { server: cpuMicros(server.pid), redis: redis?.cpuMicros() ?? 0 };
  const answer = nextMessage(generator);
  generator.send("go");
  const result = phaseResult.parse(await answer);
  const each = (micros: number) => micros / plan.count;
  return {
    ...result,
    cpuMicrosEach: each(cpuMicros(server.pid) - before.server),
    redisMicrosEach: each((redis?.cpuMicros() ?? 0) - before.redis),
  };
}
