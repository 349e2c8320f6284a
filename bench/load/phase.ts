import { z } from "zod";
import { percentile } from "../statistics.ts";
import { Connection, type Reply } from "./connection.ts";
import type { Requests } from "./requests.ts";

/** How requests are sent. Every phase sends exactly `count` requests, so that nothing is under way at its end. */
export const phasePlan = z.object({
  port: z.number(),
  secret: z.string(),
  prefix: z.string(),
  count: z.number(),
  firstRecord: z.number(),
  /** Ids of records that exist, gone through in turn; absent = every request another record. */
  records: z.array(z.string()).optional(),
  connections: z.number(),
  /** Requests a second, sent on schedule whatever the server does (open loop); 0 = each connection waits for its reply (closed loop). */
  ratePerSecond: z.number(),
});
export type PhasePlan = z.infer<typeof phasePlan>;

/** What came of a phase. */
export const phaseResult = z.object({
  /** Numbers of the requests that were acknowledged with a 2xx. */
  acknowledged: z.array(z.number()),
  /** Acknowledged, but as a duplicate: impossible with unique ids, so a fault of the receiver. */
  duplicates: z.number(),
  /** Answered with anything but a 2xx, by status. */
  refused: z.record(z.string(), z.number()),
  /** Sent and never answered because the connection was cut. */
  cut: z.number(),
  seconds: z.number(),
  /** Milliseconds from the (scheduled) send to the reply. */
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  /** Processor time of the generator itself over the phase, as a share of one core. */
  generatorLoad: z.number(),
});
export type PhaseResult = z.infer<typeof phaseResult>;

/** Longest that a phase may take beyond its schedule before what is missing counts as never answered. */
const PHASE_MS_MAX = 120_000;

/** Sends one phase's requests and measures. */
export async function runPhase(plan: PhasePlan, requests: Requests): Promise<PhaseResult> {
  const tally = newTally(plan);
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  if (plan.count === 0) tally.over.resolve();
  const drive = plan.ratePerSecond > 0 ? driveOpen : driveClosed;
  await drive(plan, requests, tally);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  const sorted = Float64Array.from(tally.latenciesMs).sort();
  return {
    acknowledged: tally.acknowledged,
    duplicates: tally.duplicates,
    refused: tally.refused,
    cut: plan.count - tally.answered,
    seconds,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    maxMs: percentile(sorted, 100),
    generatorLoad: (cpu.user + cpu.system) / 1e6 / seconds,
  };
}

interface Tally {
  answered: number;
  duplicates: number;
  readonly acknowledged: number[];
  readonly latenciesMs: number[];
  readonly refused: Record<string, number>;
  /** Answered or cut: when all are, the phase is over. */
  ended: number;
  readonly count: number;
  readonly over: PromiseWithResolvers<void>;
}

function newTally({ count, ratePerSecond }: PhasePlan): Tally {
  const over = Promise.withResolvers<void>();
  const scheduledMs = ratePerSecond > 0 ? (count / ratePerSecond) * 1_000 : 0;
  const latest = setTimeout(over.resolve, scheduledMs + PHASE_MS_MAX);
  void over.promise.then(() => clearTimeout(latest));
  return { answered: 0, duplicates: 0, acknowledged: [], latenciesMs: [], refused: {}, ended: 0, count, over };
}

function note(tally: Tally, index: number, sentAt: number, reply: Reply): void {
  tally.answered += 1;
  tally.latenciesMs.push(performance.now() - sentAt);
  if (reply.status >= 200 && reply.status < 300) {
    tally.acknowledged.push(index);
    if (reply.body.includes('"duplicate"')) tally.duplicates += 1;
  } else {
    tally.refused[reply.status] = (tally.refused[reply.status] ?? 0) + 1;
  }
  end(tally);
}

function end(tally: Tally): void {
  tally.ended += 1;
  if (tally.ended === tally.count) tally.over.resolve();
}

/** Closed loop: each connection sends its next request when the last one was answered. */
async function driveClosed(plan: PhasePlan, requests: Requests, tally: Tally): Promise<void> {
  let next = 0;
  const connections = Array.from({ length: plan.connections }, () => open());
  function open(): Connection {
    let index = -1;
    let sentAt = 0;
    const send = () => {
      if (next >= plan.count) {
        index = -1;
        return;
      }
      index = next++;
      sentAt = performance.now();
      connection.send(requests.at(index));
    };
    const connection = new Connection(plan.port, {
      onOpen: send,
      onReply: (reply) => {
        note(tally, index, sentAt, reply);
        send();
      },
      onCut: () => {
        if (index >= 0) end(tally);
        if (next < plan.count) connections.push(open());
      },
    });
    return connection;
  }
  await tally.over.promise;
  for (const connection of connections) connection.close();
}

/**
 * Open loop: requests fall due on a fixed schedule; one that finds no idle connection waits for one, and its waiting
 * counts. A timer of 1 ms hands them out, so up to 1 ms of every latency is the generator's own.
 */
async function driveOpen(plan: PhasePlan, requests: Requests, tally: Tally): Promise<void> {
  const idle: ((index: number, dueAt: number) => void)[] = [];
  const connections: Connection[] = [];
  const allOpen = Promise.withResolvers<void>();
  for (let n = 0; n < plan.connections; n++) {
    let current = { index: 0, dueAt: 0 };
    const take = (index: number, dueAt: number) => {
      current = { index, dueAt };
      connection.send(requests.at(index));
    };
    const connection = new Connection(plan.port, {
      onOpen: () => {
        if (idle.push(take) === plan.connections) allOpen.resolve();
      },
      onReply: (reply) => {
        note(tally, current.index, current.dueAt, reply);
        idle.push(take);
      },
      onCut: () => end(tally),
    });
    connections.push(connection);
  }
  await allOpen.promise;
  const startedAt = performance.now();
  let next = 0;
  const timer = setInterval(() => {
    const dueCount = Math.min(plan.count, Math.floor(((performance.now() - startedAt) / 1_000) * plan.ratePerSecond));
    while (next < dueCount) {
      const take = idle.shift();
      if (take === undefined) return;
      take(next, startedAt + ((next + 1) / plan.ratePerSecond) * 1_000);
      next += 1;
    }
  }, 1);
  await tally.over.promise;
  clearInterval(timer);
  for (const connection of connections) connection.close();
}
