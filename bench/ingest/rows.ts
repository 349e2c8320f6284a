import type { PhaseResult } from "../load/phase.ts";
import type { Measurement, Target } from "../report.ts";
import type { Stored } from "../verify-store.ts";
import { type Contestant, nameOf } from "./contestants.ts";

/** A phase with what it cost. */
export interface PhaseFigures extends PhaseResult {
  readonly cpuMicrosEach: number;
  readonly redisMicrosEach: number;
}

/** One server's round. */
export interface Round {
  readonly closed: PhaseFigures;
  readonly open: PhaseFigures;
  readonly crowd: PhaseFigures;
  readonly peakMb: number;
  readonly stored?: Stored;
  /** How large the store was for how many waiting events. */
  readonly sizes?: readonly { readonly events: number; readonly bytesEach: number }[];
}

/** A receiver and its rounds. */
export interface Entry {
  readonly contestant: Contestant;
  readonly rounds: readonly Round[];
}

const perSecond = (round: Round) => round.closed.acknowledged.length / round.closed.seconds;
const cpuEach = (round: Round) => round.closed.cpuMicrosEach;

/** The part of the table about receivers: what was lost first, then how fast they were. */
export function rowsOf(entries: readonly Entry[]): Measurement[] {
  return [...entries.flatMap(storeRows), ...entries.flatMap((entry) => speedRows(entry, entries))];
}

/** A target that holds memhook only. */
function held(entry: Entry, target: Target): { readonly target?: Target } {
  return entry.contestant.program === "memhook" ? { target } : {};
}

function storeRows(entry: Entry): Measurement[] {
  const { contestant, rounds } = entry;
  const stored = rounds.flatMap((round) => (round.stored === undefined ? [] : [round.stored]));
  if (stored.length === 0) return [];
  const what = `kill -9${contestant.store === "always" ? " of it and of Redis" : ""} at the end: ${nameOf(contestant)}`;
  const place = contestant.store === "embedded" ? "file" : "Redis";
  const sizes = rounds[0]?.sizes ?? [];
  return [
    { what, figure: "acknowledged events", rounds: stored.map((one) => one.acknowledged) },
    { what, figure: "lost", rounds: stored.map((one) => one.lost), ...held(entry, { atMost: 0 }) },
    {
      what,
      figure: "queued beyond the acknowledged",
      rounds: stored.map((one) => one.surplus),
      ...held(entry, { atMost: 0 }),
    },
    ...sizes.map(({ events }, index) => ({
      what: `${events.toLocaleString("en-GB")} waiting: ${nameOf(contestant)}`,
      figure: `bytes of ${place} per waiting event`,
      rounds: rounds.map((round) => round.sizes?.[index]?.bytesEach ?? 0),
      ...held(entry, { atMost: 400 }),
    })),
  ];
}

/** The peers that a receiver is set beside, and the ratio that memhook is held to. */
const RATIOS = [
  { program: "bare", figure: "× bare", stores: ["embedded"], atLeast: 0.45 },
  { program: "bullmq", figure: "× Fastify + BullMQ", stores: ["everysec", "always"], atLeast: 1.8 },
  { program: "brief", figure: "× Fastify + the brief's design", stores: [], atLeast: 0 },
] as const;

/** Ratios are taken inside a round, so that what slows a whole round down slows both sides. */
function ratioRows(entry: Entry, all: readonly Entry[], what: string): Measurement[] {
  const { program, store = "embedded" } = entry.contestant;
  return RATIOS.flatMap((ratio): Measurement[] => {
    const peer = all.find(
      ({ contestant }) => contestant.program === ratio.program && (contestant.store ?? store) === store,
    );
    if (peer === undefined || peer === entry || (program !== "memhook" && ratio.program !== "bare")) return [];
    const rounds = entry.rounds.map((round, index) => ratioOf(round, peer.rounds[index], perSecond));
    const isHeld = ratio.stores.some((kind) => kind === store) && program === "memhook";
    return [{ what, figure: ratio.figure, rounds, ...(isHeld ? { target: { atLeast: ratio.atLeast } } : {}) }];
  });
}

function ratioOf(round: Round, peer: Round | undefined, of: (round: Round) => number): number {
  return peer === undefined ? 0 : of(round) / of(peer);
}

function speedRows(entry: Entry, all: readonly Entry[]): Measurement[] {
  const { contestant, rounds } = entry;
  const row = (where: string, figure: string, of: (round: Round) => number, target?: Target): Measurement => ({
    what: `${where}: ${nameOf(contestant)}`,
    figure,
    rounds: rounds.map(of),
    ...(target === undefined ? {} : held(entry, target)),
  });
  const [main, fixed, crowd] = ["64 connections", "1,500 requests/s", "1,000 connections"];
  const unanswered = ({ cut, refused }: PhaseResult) => cut + Object.values(refused).reduce((sum, n) => sum + n, 0);
  const isOnRedis = contestant.store === "everysec" || contestant.store === "always";
  const bare = all.find((other) => other.contestant.program === "bare");
  return [
    row(main, "requests/s", perSecond),
    ...ratioRows(entry, all, `${main}: ${nameOf(contestant)}`),
    row(main, "p50 ms", (round) => round.closed.p50Ms),
    row(main, "p99 ms", (round) => round.closed.p99Ms, { atMost: 25 }),
    row(main, "CPU µs per request", cpuEach),
    ...(bare === undefined || bare === entry
      ? []
      : [
          {
            ...row(main, "CPU, × bare", cpuEach),
            rounds: rounds.map((round, index) => ratioOf(round, bare.rounds[index], cpuEach)),
          },
        ]),
    ...(isOnRedis ? [row(main, "CPU µs of Redis per request", (round) => round.closed.redisMicrosEach)] : []),
    row(main, "generator's load, cores", (round) => round.closed.generatorLoad),
    row(fixed, "p50 ms", (round) => round.open.p50Ms),
    row(fixed, "p99 ms", (round) => round.open.p99Ms, { atMost: 10 }),
    row(crowd, "not answered 2xx", (round) => unanswered(round.crowd), { atMost: 0 }),
    row(crowd, "p99 ms", (round) => round.crowd.p99Ms),
    row("all phases", "highest RSS, MB", (round) => round.peakMb, { atMost: 200 }),
  ];
}
