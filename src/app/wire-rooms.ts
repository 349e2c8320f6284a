import {
  CHANNEL_DUTY,
  ChannelKeeper,
  DEFAULT_CHANNEL_MODULES,
  FAILED_LOOK_WAIT_MS_MAX,
} from "../channels/channel-keeper.ts";
import { CHANNELS_RELOAD_MS, ChannelList } from "../channels/channel-list.ts";
import type { Config } from "../config/config.ts";
import type { FaultCode } from "../faults.ts";
import type { Memory } from "../memory/memory.ts";
import { createReceipts } from "../memory/receipts.ts";
import { createProcessor, type Processor, type ProcessorStatus } from "../processor/processor.ts";
import type { ProcessorDeps } from "../processor/processor-deps.ts";
import { routingRules } from "../processor/routing-rules.ts";
import { fieldMatcher } from "../receiver/field-matcher.ts";
import { RECEIVER_PATH, type ReceiverDeps } from "../receiver/receiver.ts";
import { releaseVersion } from "../version.ts";
import { createDutyLoop, type DutyLoop } from "./duty-loop.ts";
import { type Figures, readFigures } from "./figures.ts";
import { type OwnSink, ownSink } from "./follow-sink.ts";
import type { AppDeps, Parts } from "./parts.ts";
import { createPrometheus, type Prometheus } from "./prometheus.ts";
import { type Role, works } from "./role.ts";
import { SoleFollower } from "./sole-follower.ts";
import { createStatus, type Status } from "./status.ts";

/** How long a lease lives without being extended: how late a dead worker's accounts are noticed by another process. */
const LEASE_MS = 30_000;
/** How long documents are gathered for one run of Cognee: it costs about a second beside its documents (1.6.5, measured). */
const COGNEE_GATHER_MS = 1_000;

/** Longest that a batch of syncs may run on Cognee: each of its calls ends within 290 s, and a batch writes its documents one after the other. */
const COGNEE_SYNC_HOLD_MS = 3_600_000;

/** Accounts of one batch where each has an index run of its own: a slow model must not hold a call so long that it is given up. */
const PER_ACCOUNT_BATCH_MAX = 10;

/** The rooms of one process wired over its parts, before anything listens. */
export interface Rooms {
  readonly receiver: ReceiverDeps;
  /** Started only where the process works. */
  readonly processor: Processor;
  /** Where the process works alone on its store. */
  readonly follower: SoleFollower | undefined;
  readonly channels: ChannelList;
  /** Keeps the declared channel; undefined where none is declared, or where others do. */
  readonly keeping: DutyLoop | undefined;
  readonly prometheus: Prometheus;
  readonly status: Status;
  figures(): Promise<Figures>;
}

/** What rooms are wired over. */
export interface RoomsOptions {
  readonly parts: Parts;
  readonly role: Role;
  /** Default LEASE_MS. Crash tests shorten it; nobody else has a reason to, so it is no setting. */
  readonly leaseMs?: number;
}

/** Wires the rooms over opened parts. Starts nothing. */
export function wireRooms(config: Config, deps: AppDeps, options: RoomsOptions): Rooms {
  const { parts, role, leaseMs = LEASE_MS } = options;
  const { engine, memory } = parts;
  const prometheus = createPrometheus();
  // Only a store that other processes share can be emptied, or pass to another memory, under running workers; elsewhere each batch is spared a read.
  const sink = config.engine.kind === "redis" && works(role) ? ownSink(parts, deps) : undefined;
  const follower = works(role) && parts.server === undefined ? new SoleFollower(parts, deps) : undefined;
  const processor = wireProcessor(config, deps, { parts, prometheus, leaseMs, sink, follower });
  const channels = new ChannelList(engine.channels, deps);
  const keeping = works(role) ? keepingOf(config, deps, { parts, channels }) : undefined;
  const startedAt = deps.clock.now();
  const spill = () => parts.spill?.status();
  const figures = async () => {
    const trouble = await sink?.trouble();
    return readFigures({
      engine: config.engine.kind,
      sink: memory.kind,
      version: releaseVersion(),
      startedAt,
      clock: deps.clock,
      view: engine.view,
      counters: engine.counters,
      ledger: engine.ledger,
      processorStatus: () => (works(role) ? statusOf(processor, trouble) : undefined),
      channels: () => channels.channels(),
      channelFault: () => keeping?.fault(),
      spill,
    });
  };
  const customModules = config.events.customModules;
  const receiver: ReceiverDeps = {
    queue: parts.spill ?? engine.queue,
    clock: deps.clock,
    log: deps.log,
    counters: engine.counters,
    secrets: config.webhook.secrets,
    notificationToken: config.webhook.notificationToken,
    channelTokens: () => channels.channels(),
    areTokensKnown: () => channels.isLoaded,
    modules: new Set([...DEFAULT_CHANNEL_MODULES, "Notes", ...customModules.map(({ module }) => module)]),
    criticalFields: fieldMatcher(config.events.criticalFields),
    eventFilter: fieldMatcher(config.events.ignoredFields),
    debounceMs: config.processor.debounceMs,
    capacity: config.engine.capacity,
  };
  const status = createStatus({
    engine: config.engine.kind,
    sink: memory.kind,
    role,
    figures,
    proveStore: () => engine.prove(),
    server: parts.server,
    spill,
    clock: deps.clock,
    log: deps.log,
    counters: engine.counters,
  });
  return { receiver, processor, follower, channels, keeping, prometheus, status, figures };
}

function wireProcessor(
  config: Config,
  deps: AppDeps,
  rooms: {
    readonly parts: Parts;
    readonly prometheus: Prometheus;
    readonly leaseMs: number;
    readonly sink: OwnSink | undefined;
    readonly follower: SoleFollower | undefined;
  },
): Processor {
  const { parts, prometheus, leaseMs, sink, follower } = rooms;
  const { engine, memory, crm, render } = parts;
  return createProcessor({
    queue: engine.queue,
    ledger: engine.ledger,
    crm,
    memory: provedAfter(memory, async (signal) => {
      await sink?.knows(); // While the ledger is another's the memory stays out of use, however well it answers.
      await follower?.follow(signal); // One that was away may have been made anew.
    }),
    receipts: createReceipts(engine.sealed),
    ...(sink === undefined ? {} : { knowsSink: sink.knows }),
    counters: engine.counters,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    observe: (name, ms) => {
      prometheus.observe(name, ms);
      deps.observe?.(name, ms);
    },
    options: {
      workers: config.processor.workers,
      batchSize: isPerAccount(config)
        ? Math.min(config.processor.batchSize, PER_ACCOUNT_BATCH_MAX)
        : config.processor.batchSize,
      idleMs: config.processor.idleMs,
      attemptsMax: config.processor.attemptsMax,
      retryBaseMs: config.processor.retryBaseMs,
      leaseMs,
      debounceMs: config.processor.debounceMs,
      dataset: config.sink.dataset,
      ...(config.sink.kind === "cognee" ? { gatherMs: COGNEE_GATHER_MS, syncHoldMs: COGNEE_SYNC_HOLD_MS } : {}),
      routes: routingRules(config.events.customModules),
      render,
    },
  });
}

function isPerAccount({ sink }: Config): boolean {
  return sink.kind === "cognee" && sink.isPerAccount;
}

/** The memory as its circuit probes it: what has to be seen to first, then the memory itself. */
function provedAfter(memory: Memory, first: (signal: AbortSignal) => Promise<void>): ProcessorDeps["memory"] {
  return {
    kind: memory.kind,
    put: (requests, signal) => memory.put(requests, signal),
    remove: (accounts, signal) => memory.remove(accounts, signal),
    flush: (signal, keeper) => memory.flush(signal, keeper),
    probe: async (signal) => {
      await first(signal);
      await memory.probe(signal);
    },
  };
}

/**
 * A worker that waits for its sink, or as the ledger is another's, has not begun to use its circuits: the sink's is shown as open
 * all the same.
 */
function statusOf(processor: Processor, trouble: FaultCode | undefined): ProcessorStatus {
  const status = processor.status();
  if (trouble === undefined) return status;
  const sink = { ...status.circuits.sink, state: "open", cause: trouble } as const;
  return { ...status, circuits: { ...status.circuits, sink } };
}

function keepingOf(
  config: Config,
  deps: AppDeps,
  { parts, channels }: { readonly parts: Parts; readonly channels: ChannelList },
): DutyLoop | undefined {
  const { baseUrl, isEnabled } = config.webhook;
  if (baseUrl === undefined || !isEnabled) return undefined;
  const { engine } = parts;
  const keeper = new ChannelKeeper({
    crm: parts.crm,
    store: engine.channels,
    list: channels,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    notifyUrl: `${baseUrl}${RECEIVER_PATH}`,
    modules: [...DEFAULT_CHANNEL_MODULES, ...config.events.customModules.map(({ module }) => module)],
    // Twice, for the reading takes time as well. On an engine that one process serves, that process knows at once.
    headStartMs: parts.server === undefined ? 0 : 2 * CHANNELS_RELOAD_MS,
  });
  const duty = {
    name: CHANNEL_DUTY,
    doing: "keeping the channel",
    failedRestMsMax: FAILED_LOOK_WAIT_MS_MAX,
    perform: (signal: AbortSignal) => keeper.look(signal),
  };
  return createDutyLoop(duty, { ...deps, duties: engine.duties, counters: engine.counters });
}
