import type { FastifyInstance } from "fastify";
import { ChannelKeeper, DEFAULT_CHANNEL_MODULES } from "../channels/channel-keeper.ts";
import { withTimeout } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { Fault } from "../faults.ts";
import { type Closeable, Lifecycle } from "../lifecycle.ts";
import { createProcessor, type Processor } from "../processor/processor.ts";
import { routingRules } from "../processor/routing-rules.ts";
import { randomSecret } from "../random.ts";
import { fieldMatcher } from "../receiver/field-matcher.ts";
import { RECEIVER_PATH, type ReceiverDeps } from "../receiver/receiver.ts";
import { releaseVersion } from "../version.ts";
import { boundHeap } from "./bounded-heap.ts";
import { type Figures, readFigures } from "./figures.ts";
import { followSink } from "./follow-sink.ts";
import { createHttpServer } from "./http-server.ts";
import { type AppDeps, openParts, type Parts } from "./parts.ts";
import { createPrometheus, type Prometheus } from "./prometheus.ts";
import { createStatus, type Status } from "./status-routes.ts";

/** How long a lease lives without being extended: how late a dead worker's accounts are noticed by another process. */
const LEASE_MS = 30_000;
/** After SIGTERM, how long running syncs may take; below the 30 s that orchestrators give. */
export const DRAIN_MS = 20_000;
const ADMIN_TOKEN_BYTES = 16;
/** At the start, how long the sink may take to say who it is. */
const SINK_MS_MAX = 60_000;
/** After SIGTERM, how long senders are told `connection: close` before the door shuts: none meets a closed one unprepared. */
const FAREWELL_MS = 300;
/** After SIGTERM, how long a request may take to arrive and be answered. */
const REQUESTS_MS_MAX = 5_000;
/** How long a start waits for a command or a draining predecessor to give up the worker lock. */
const LOCK_WAIT_MS = 10_000;
const LOCK_POLL_MS = 100;

/** A running memhook: receiver, processor and channel keeper in one process. */
export interface App extends Closeable {
  readonly url: string;
  readonly parts: Parts;
  readonly processor: Processor;
  /** Opens the operator routes; made at start where none is configured. */
  readonly adminToken: string;
  figures(): Promise<Figures>;
}

/** The rooms of one process wired over its parts, before anything listens. */
export interface Rooms {
  readonly receiver: ReceiverDeps;
  readonly processor: Processor;
  readonly keeper: ChannelKeeper | undefined;
  readonly prometheus: Prometheus;
  readonly status: Status;
  figures(): Promise<Figures>;
}

/** Wires the rooms over opened parts. Starts nothing. */
export function wireRooms(config: Config, deps: AppDeps, parts: Parts): Rooms {
  const { engine, memory, crm, render } = parts;
  const prometheus = createPrometheus();
  const customModules = config.events.customModules;
  const processor = createProcessor({
    queue: engine.queue,
    ledger: engine.ledger,
    crm,
    memory,
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
      batchSize: config.processor.batchSize,
      idleMs: config.processor.idleMs,
      attemptsMax: config.processor.attemptsMax,
      retryBaseMs: config.processor.retryBaseMs,
      leaseMs: LEASE_MS,
      debounceMs: config.processor.debounceMs,
      dataset: config.sink.dataset,
      routes: routingRules(customModules),
      render,
    },
  });
  const keeper = keeperOf(config, deps, parts);
  const startedAt = deps.clock.now();
  const figures = () =>
    readFigures({
      engine: config.engine.kind,
      sink: memory.kind,
      version: releaseVersion(),
      startedAt,
      clock: deps.clock,
      view: engine.view,
      counters: engine.counters,
      ledger: engine.ledger,
      processorStatus: () => processor.status(),
      channels: () => keeper?.channels() ?? [],
      channelFault: () => keeper?.fault(),
    });
  const receiver: ReceiverDeps = {
    queue: engine.queue,
    clock: deps.clock,
    log: deps.log,
    counters: engine.counters,
    secrets: config.webhook.secrets,
    notificationToken: config.webhook.notificationToken,
    channelTokens: () => keeper?.channels() ?? [],
    modules: new Set([...DEFAULT_CHANNEL_MODULES, "Notes", ...customModules.map(({ module }) => module)]),
    criticalFields: fieldMatcher(config.events.criticalFields),
    eventFilter: fieldMatcher(config.events.ignoredFields),
    debounceMs: config.processor.debounceMs,
    capacity: config.engine.capacity,
  };
  const status = createStatus({
    engine: config.engine.kind,
    sink: memory.kind,
    figures,
    proveStore: () => engine.prove(),
    clock: deps.clock,
    log: deps.log,
    counters: engine.counters,
  });
  return { receiver, processor, keeper, prometheus, status, figures };
}

/**
 * Opens, starts and listens. Throws a Fault when the store or the port cannot be had, or another process works on the
 * same store; what had started is closed again.
 */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  boundHeap();
  const lifecycle = new Lifecycle();
  try {
    const parts = await openParts(config, deps, { isServing: true });
    lifecycle.add("parts", () => parts.close());
    await becomeWorker(parts, deps);
    const rooms = wireRooms(config, deps, parts);
    await rooms.keeper?.load();
    await beginWork(parts, rooms, deps);
    lifecycle.add("processor", () => rooms.processor.stop({ drainMs: DRAIN_MS }));
    const adminToken = config.http.adminToken ?? randomSecret(ADMIN_TOKEN_BYTES);
    let isAccepting = true;
    const server = await createHttpServer({
      receiver: config.webhook.isEnabled ? rooms.receiver : undefined,
      status: rooms.status,
      prometheus: rooms.prometheus,
      memory: parts.memory,
      clock: deps.clock,
      log: deps.log,
      counters: parts.engine.counters,
      adminToken,
      isLoopbackOnly: config.http.adminToken === undefined,
      isAccepting: () => isAccepting,
    });
    lifecycle.add("server", async () => {
      isAccepting = false;
      // Both at once: work ends while the last requests are answered.
      await Promise.all([closeServer(server, deps), rooms.processor.stop({ drainMs: DRAIN_MS })]);
    });
    const url = await listen(server, config);
    if (rooms.keeper !== undefined) {
      const { keeper } = rooms;
      keeper.start();
      lifecycle.add("channel keeper", () => keeper.close());
    }
    return {
      url,
      parts,
      processor: rooms.processor,
      adminToken,
      figures: rooms.figures,
      close: () => lifecycle.close(),
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

/** Sets the workers going, once it is known which sink they write to. Throws Fault STORE_UNAVAILABLE or SINK_…. */
export async function beginWork(parts: Parts, rooms: Pick<Rooms, "processor">, deps: AppDeps): Promise<void> {
  await withTimeout(deps.clock, { ms: SINK_MS_MAX }, (signal) => followSink(parts, deps, signal));
  rooms.processor.start();
}

/** Takes the worker lock, waiting for a predecessor that is draining. Throws Fault STORE_IN_USE. */
async function becomeWorker(parts: Parts, deps: AppDeps): Promise<void> {
  const deadline = deps.clock.now() + LOCK_WAIT_MS;
  for (let isFirst = true; !(await parts.engine.acquireWorkerLock()); isFirst = false) {
    if (isFirst)
      deps.log.warn({ waitMs: LOCK_WAIT_MS }, "another process works on this DATA_DIR; waiting for it to end");
    if (deps.clock.now() >= deadline) throw new Fault("STORE_IN_USE", "starting");
    await deps.clock.sleep(LOCK_POLL_MS);
  }
}

/** Lets requests end that are being answered; a sender that has stalled is cut off. */
async function closeServer(server: FastifyInstance, { clock }: Pick<AppDeps, "clock">): Promise<void> {
  await clock.sleep(FAREWELL_MS);
  const closed = new AbortController();
  const cutOff = clock.sleep(REQUESTS_MS_MAX, closed.signal).then(
    () => server.server.closeAllConnections(),
    () => undefined, // Closed in time.
  );
  await server.close();
  closed.abort();
  await cutOff;
}

function keeperOf(config: Config, deps: AppDeps, parts: Parts): ChannelKeeper | undefined {
  const { baseUrl, isEnabled } = config.webhook;
  if (baseUrl === undefined || !isEnabled) return undefined;
  return new ChannelKeeper({
    crm: parts.crm,
    store: parts.engine.channels,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    counters: parts.engine.counters,
    notifyUrl: `${baseUrl}${RECEIVER_PATH}`,
    modules: [...DEFAULT_CHANNEL_MODULES, ...config.events.customModules.map(({ module }) => module)],
  });
}

async function listen(server: FastifyInstance, config: Config): Promise<string> {
  try {
    return await server.listen({ host: config.http.host, port: config.http.port });
  } catch (error) {
    throw new Fault("PORT_UNAVAILABLE", `listening on ${config.http.host}:${config.http.port}`, { cause: error });
  }
}
