import type { StoredChannel } from "../channels/channel-store.ts";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { SpillStatus } from "../engines/spill/spilling-queue.ts";
import type { FaultCode } from "../faults.ts";
import type { Ledger, LedgerState } from "../memory/ledger.ts";
import type { ProcessorStatus } from "../processor/processor.ts";
import { LANES } from "../queue/queue.ts";
import type { QueueStats, QueueView } from "../queue/queue-view.ts";
import { percent } from "./percent.ts";

/** All that health, metrics and Prometheus show, read at one instant. Totals are the whole system's. */
export interface Figures {
  readonly engine: string;
  readonly sink: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly queue: QueueStats;
  readonly counters: Readonly<Record<string, number>>;
  readonly ledger: Readonly<Record<LedgerState, number>>;
  /** Undefined in a process that does not work. */
  readonly processor: ProcessorStatus | undefined;
  /** Unsettled work of all lanes, and the events that wait in this process's spill file: 0 means that nothing is left. */
  readonly queueSize: number;
  /** Now − arrival of the oldest unsettled event; 0 when nothing waits. */
  readonly lagMs: number;
  /** How long the most overdue job has been due. */
  readonly oldestDueMs: number;
  readonly unfinishedMs: number;
  readonly longestRunningMs: number;
  readonly deadLetters: number;
  /** Share of attempts that ended well, as in "99.8%"; attempts given back do not count. */
  readonly successRate: string;
  /** What keeps the declared channel from being opened or renewed; undefined = nothing. */
  readonly channelFault: FaultCode | undefined;
  readonly channels: readonly { readonly channel_id: string; readonly expires_in_seconds: number }[];
}

/** Where the figures come from. */
export interface FigureSources {
  readonly engine: string;
  readonly sink: string;
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly view: Pick<QueueView, "stats">;
  readonly counters: Pick<Counters, "read">;
  readonly ledger: Pick<Ledger, "totals">;
  readonly processorStatus: () => ProcessorStatus | undefined;
  readonly spill: () => SpillStatus | undefined;
  readonly channels: () => readonly StoredChannel[];
  readonly channelFault: () => FaultCode | undefined;
}

/** Reads all figures. Throws Fault STORE_UNAVAILABLE when the store cannot be read. */
export async function readFigures(sources: FigureSources): Promise<Figures> {
  const [queue, counters, ledger] = await Promise.all([
    sources.view.stats(),
    sources.counters.read(),
    sources.ledger.totals(),
  ]);
  const now = sources.clock.now();
  const lanes = LANES.map((lane) => queue.lanes[lane]);
  const ageOf = (times: readonly (number | undefined)[]) =>
    Math.max(0, ...times.filter((time) => time !== undefined).map((time) => now - time));
  return {
    engine: sources.engine,
    sink: sources.sink,
    version: sources.version,
    uptimeMs: now - sources.startedAt,
    queue,
    queueSize: queue.size + (sources.spill()?.waiting ?? 0),
    counters,
    ledger,
    processor: sources.processorStatus(),
    lagMs: ageOf(lanes.map((lane) => lane.oldestReceivedAt)),
    oldestDueMs: ageOf(lanes.map((lane) => lane.oldestDueAt)),
    longestRunningMs: ageOf(lanes.map((lane) => lane.oldestLeasedAt)),
    unfinishedMs: lanes.reduce((sum, lane) => sum + lane.unfinishedMs, 0),
    successRate: successRate(counters),
    deadLetters: lanes.reduce((sum, lane) => sum + lane.dead, 0),
    channelFault: sources.channelFault(),
    channels: sources.channels().map((channel) => ({
      channel_id: channel.channelId,
      expires_in_seconds: Math.round((channel.expiresAt - now) / 1000),
    })),
  };
}

/** Of the whole system since the store was made. A service that has failed at nothing yet is at 100 %. */
function successRate(counters: Readonly<Record<string, number>>): string {
  const total = (name: string) => LANES.reduce((sum, lane) => sum + (counters[`${name}:${lane}`] ?? 0), 0);
  const completed = total("jobs_completed");
  return percent(completed, completed + total("jobs_retried") + total("jobs_dead"), 100);
}
