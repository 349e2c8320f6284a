import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { freePort, startServe } from "../test/crash/serve-process.ts";
import { endChild, nextMessage, startChild } from "./child.ts";
import { type PhasePlan, type PhaseResult, phaseResult } from "./load/phase.ts";
import { eventIdOf } from "./load/requests.ts";
import type { Measurement } from "./report.ts";
import { cpuMicros, memoryMb } from "./usage.ts";
import { type Stored, verifyStore } from "./verify-store.ts";

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
const SECRET = "bench-secret-of-thirty-two-bytes";

const PEERS = ["bare", "checked", "memhook"] as const;
type Peer = (typeof PEERS)[number];
const NAMES: Readonly<Record<Peer, string>> = {
  bare: "bare node:http",
  checked: "node:http + HMAC + JSON.parse",
  memhook: "memhook, fsynced",
};

/** One server's round. */
interface Round {
  readonly closed: PhaseResult & { readonly cpuMicrosEach: number };
  readonly open: PhaseResult;
  readonly crowd: PhaseResult;
  readonly peakMb: number;
  readonly stored?: Stored;
}

/** Measures the receivers, in interleaved rounds, each server a process of its own and fresh in every round. */
export async function benchIngest(
  size: IngestSize,
  say: (line: string) => void,
): Promise<{ readonly lost: number; readonly measurements: readonly Measurement[] }> {
  const rounds: Record<Peer, Round[]> = { bare: [], checked: [], memhook: [] };
  for (let round = 1; round <= size.rounds; round++) {
    for (const peer of PEERS) {
      say(`ingest, round ${round} of ${size.rounds}: ${NAMES[peer]}`);
      rounds[peer].push(await runRound(peer, size));
    }
  }
  const lost = rounds.memhook.reduce((sum, round) => sum + (round.stored?.lost ?? 0), 0);
  return { lost, measurements: [...storeRows(rounds.memhook), ...PEERS.flatMap((peer) => rows(peer, rounds))] };
}

interface Server {
  readonly port: number;
  readonly pid: number;
  /** Ends it the hard way, as a crash would. */
  kill(): Promise<unknown>;
  /** What is found in its store afterwards; a peer has none. */
  stored(acknowledged: readonly string[]): Promise<Stored | undefined>;
  cleanUp(): Promise<void>;
}

async function startPeer(peer: "bare" | "checked"): Promise<Server> {
  const child = startChild(`peers/${peer}.ts`, [SECRET]);
  const { port } = z.object({ port: z.number() }).parse(await nextMessage(child));
  return {
    port,
    pid: child.pid ?? 0,
    kill: () => endChild(child),
    stored: async () => undefined,
    cleanUp: async () => undefined,
  };
}

/**
 * The server as `serve` runs it. Its CRM is a port where nobody listens: the circuit opens and what is taken stays
 * queued, so that every acknowledged event can be looked for after the kill and the queue's size be measured.
 */
async function startMemhook(): Promise<Server> {
  const dataDir = await mkdtemp(join(tmpdir(), "memhook-bench-"));
  const [port, nobody] = [await freePort(), await freePort()];
  const serve = startServe({
    port,
    dataDir,
    env: {
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_MAX_QUEUE_SIZE: "10000000",
      ZOHO_API_URL: `http://127.0.0.1:${nobody}`,
      ZOHO_ACCOUNTS_URL: `http://127.0.0.1:${nobody}`,
      ZOHO_CLIENT_ID: "bench",
      ZOHO_CLIENT_SECRET: "bench",
      ZOHO_REFRESH_TOKEN: "bench",
    },
  });
  await serve.ready();
  return {
    port,
    pid: serve.pid,
    kill: () => serve.kill("SIGKILL"),
    stored: (acknowledged) => verifyStore(dataDir, acknowledged),
    cleanUp: () => rm(dataDir, { recursive: true, force: true }),
  };
}

async function runRound(peer: Peer, size: IngestSize): Promise<Round> {
  const server = peer === "memhook" ? await startMemhook() : await startPeer(peer);
  const generator = startChild("load/generator.ts");
  try {
    const acknowledged: string[] = [];
    let firstRecord = 0;
    const phase = async (prefix: string, shape: Pick<PhasePlan, "count" | "connections" | "ratePerSecond">) => {
      const plan = { ...shape, prefix, port: server.port, secret: SECRET, firstRecord };
      firstRecord += shape.count;
      const result = await sendPhase(generator, plan, server.pid);
      for (const index of result.acknowledged) acknowledged.push(eventIdOf(prefix, index));
      return result;
    };
    const manyAtOnce = { connections: CONNECTIONS, ratePerSecond: 0 };
    await phase("warm", { ...manyAtOnce, count: size.warmUp });
    const closed = await phase("closed", { ...manyAtOnce, count: size.closed });
    const open = await phase("open", {
      connections: CONNECTIONS,
      ratePerSecond: OPEN_RATE,
      count: OPEN_RATE * size.openSeconds,
    });
    const crowd = await phase("crowd", { connections: CROWD, ratePerSecond: 0, count: CROWD * CROWD_REQUESTS_EACH });
    const peakMb = memoryMb(server.pid).peak;
    await server.kill();
    const stored = await server.stored(acknowledged);
    return { closed, open, crowd, peakMb, ...(stored === undefined ? {} : { stored }) };
  } finally {
    await endChild(generator);
    await server.kill();
    await server.cleanUp();
  }
}

async function sendPhase(generator: ChildProcess, plan: PhasePlan, serverPid: number): Promise<Round["closed"]> {
  const prepared = nextMessage(generator);
  generator.send(plan);
  await prepared;
  const cpuBefore = cpuMicros(serverPid);
  const answer = nextMessage(generator);
  generator.send("go");
  const result = phaseResult.parse(await answer);
  return { ...result, cpuMicrosEach: (cpuMicros(serverPid) - cpuBefore) / plan.count };
}

function storeRows(rounds: readonly Round[]): Measurement[] {
  const stored = rounds.flatMap((round) => (round.stored === undefined ? [] : [round.stored]));
  const what = "ingest, after kill -9 at the end";
  return [
    { what, figure: "acknowledged events", rounds: stored.map((one) => one.acknowledged) },
    { what, figure: "lost", rounds: stored.map((one) => one.lost), target: { atMost: 0 } },
    { what, figure: "queued beyond the acknowledged", rounds: stored.map((one) => one.surplus), target: { atMost: 0 } },
    {
      what,
      figure: "bytes of file per waiting event",
      rounds: stored.map((one) => one.bytesEach),
      target: { atMost: 400 },
    },
  ];
}

function rows(peer: Peer, all: Readonly<Record<Peer, readonly Round[]>>): Measurement[] {
  const rounds = all[peer];
  const perSecond = (round: Round) => round.closed.acknowledged.length / round.closed.seconds;
  const of = (where: string) => `${where}: ${NAMES[peer]}`;
  const isOurs = peer === "memhook";
  const held = (target: Measurement["target"]) => (isOurs && target !== undefined ? { target } : {});
  const ratios = rounds.map((round, index) => {
    const bare = all.bare[index];
    return bare === undefined ? 0 : perSecond(round) / perSecond(bare);
  });
  const cpuRatios = rounds.map(
    (round, index) =>
      round.closed.cpuMicrosEach / (all.bare[index]?.closed.cpuMicrosEach ?? round.closed.cpuMicrosEach),
  );
  const [main, fixed, crowd] = [of("64 connections"), of("1,500 requests/s"), of("1,000 connections")];
  const unanswered = (result: PhaseResult) => result.cut + Object.values(result.refused).reduce((sum, n) => sum + n, 0);
  return [
    { what: main, figure: "requests/s", rounds: rounds.map(perSecond) },
    ...(peer === "bare" ? [] : [{ what: main, figure: "× bare", rounds: ratios, ...held({ atLeast: 0.45 }) }]),
    { what: main, figure: "p50 ms", rounds: rounds.map((round) => round.closed.p50Ms) },
    { what: main, figure: "p99 ms", rounds: rounds.map((round) => round.closed.p99Ms), ...held({ atMost: 25 }) },
    { what: main, figure: "CPU µs per request", rounds: rounds.map((round) => round.closed.cpuMicrosEach) },
    ...(peer === "bare" ? [] : [{ what: main, figure: "CPU, × bare", rounds: cpuRatios }]),
    { what: main, figure: "generator's load, cores", rounds: rounds.map((round) => round.closed.generatorLoad) },
    { what: fixed, figure: "p50 ms", rounds: rounds.map((round) => round.open.p50Ms) },
    { what: fixed, figure: "p99 ms", rounds: rounds.map((round) => round.open.p99Ms), ...held({ atMost: 10 }) },
    {
      what: crowd,
      figure: "not answered 2xx",
      rounds: rounds.map((round) => unanswered(round.crowd)),
      ...held({ atMost: 0 }),
    },
    { what: crowd, figure: "p99 ms", rounds: rounds.map((round) => round.crowd.p99Ms) },
    {
      what: of("all phases"),
      figure: "highest RSS, MB",
      rounds: rounds.map((round) => round.peakMb),
      ...held({ atMost: 200 }),
    },
  ];
}
