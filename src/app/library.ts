import type { FastifyPluginAsync } from "fastify";
import { assert } from "../assert.ts";
import { systemClock, withTimeout } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { Fault } from "../faults.ts";
import { type Closeable, Lifecycle } from "../lifecycle.ts";
import { openLog } from "../log.ts";
import type { SearchHit } from "../memory/memory.ts";
import type { QueueView } from "../queue/queue-view.ts";
import { systemRandom } from "../random.ts";
import { receiverPlugin } from "../receiver/receiver.ts";
import { DRAIN_MS } from "./app.ts";
import type { HealthReport } from "./health.ts";
import { metricsReport } from "./metrics-report.ts";
import { type AppDeps, openParts } from "./parts.ts";
import { addWebhookStatus } from "./status-routes.ts";
import { checkServer } from "./store-check.ts";
import { wireRooms } from "./wire-rooms.ts";
import { beginWork, WorkAtLast } from "./work.ts";

/** The configuration as `readWebhookConfig` gives it: checked, complete and frozen. */
export type WebhookConfig = Config;
// biome-ignore lint/performance/noBarrelFile: the package's one door; nothing inside imports it.
export { Fault, type FaultCode } from "../faults.ts";
export type { SearchHit } from "../memory/memory.ts";

/** The whole system's figures, as `GET /webhooks/metrics` shows them. */
export type WebhookMetrics = ReturnType<typeof metricsReport>;
/** As `GET /webhooks/health` shows it. */
export type WebhookHealth = HealthReport;

/** The receiving side, for a Fastify server of the caller's own. */
export interface WebhookHandler {
  /** `server.register(handler.routes)`: POST /webhooks/zoho, GET /webhooks/health and /webhooks/metrics. */
  readonly routes: FastifyPluginAsync;
  metrics(): Promise<WebhookMetrics>;
  health(): Promise<WebhookHealth>;
}

/** What a `reprocess` did: dead letters put back, and how many of those then came right. */
export interface Reprocessed {
  readonly attempted: number;
  readonly succeeded: number;
}

/** The working side. */
export interface WebhookProcessor {
  /**
   * Starts the workers, once: a processor that was stopped stays stopped. On Redis they begin by themselves as soon as it is there.
   * Throws Fault STORE_IN_USE when another process works on the same embedded store.
   */
  start(): Promise<void>;
  /** Stops claiming and lets running syncs end, at most `drainMs` (default 20 s). Idempotent. */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
  /** Another number of workers, also while running. */
  setWorkers(workers: number): void;
  /** Redrives up to `limit` dead letters and waits until each has ended, at most `timeoutMs` (default 60 s). */
  reprocess(options?: { readonly limit?: number; readonly timeoutMs?: number }): Promise<Reprocessed>;
  metrics(): Promise<WebhookMetrics["processor"]>;
}

/** An embedded memhook. */
export interface Memhook extends Closeable {
  readonly handler: WebhookHandler;
  readonly processor: WebhookProcessor;
  search(
    query: string,
    options?: { readonly limit?: number; readonly signal?: AbortSignal },
  ): Promise<readonly SearchHit[]>;
}

/** Dead letters redriven at once. */
const REPROCESS_LIMIT = 1_000;
const REPROCESS_TIMEOUT_MS = 60_000;
/** How often a reprocess looks whether its dead letters have ended. */
const REPROCESS_POLL_MS = 100;
const SEARCH_LIMIT = 5;
const SEARCH_TIMEOUT_MS = 30_000;

/**
 * Reads a configuration from variables named as in docs/configuration.md; a `.env` in `cwd` fills what is not given.
 * Throws Fault CONFIG_INVALID, whose message names every problem.
 */
export function readWebhookConfig(
  variables: Readonly<Record<string, string | undefined>>,
  cwd: string = process.cwd(),
): WebhookConfig {
  const loaded = loadConfig({ env: variables, cwd });
  if (loaded.outcome === "valid") return loaded.config;
  const problems = loaded.problems.map(({ name, expected }) => `${name}: expected ${expected}`).join("; ");
  throw new Fault("CONFIG_INVALID", `reading the configuration (${problems})`);
}

/**
 * Opens the parts of a configuration; no worker runs and nothing listens until it is told to. Close it at the end. Throws Fault
 * STORE_UNAVAILABLE or STORE_INVALID, or STORE_UNSAFE where the settings of Redis lose events; what was open is closed again.
 */
export async function openMemhook(config: WebhookConfig, given: Partial<AppDeps> = {}): Promise<Memhook> {
  const deps: AppDeps = {
    clock: given.clock ?? systemClock,
    random: given.random ?? systemRandom,
    log: given.log ?? openLog(config.log.level),
  };
  const lifecycle = new Lifecycle();
  try {
    return await assemble(config, deps, lifecycle);
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function assemble(config: Config, deps: AppDeps, lifecycle: Lifecycle): Promise<Memhook> {
  const parts = await openParts(config, deps, { role: "serve" });
  lifecycle.add("parts", () => parts.close());
  const check = await checkServer(config, deps, parts);
  lifecycle.add("check of the store", async () => check?.close());
  const rooms = wireRooms(config, deps, { parts, role: "serve" });
  const atLast = parts.server === undefined ? undefined : new WorkAtLast(parts, rooms.processor, deps);
  let isStopped = false;
  let hasRoutes = false;
  const stop: WebhookProcessor["stop"] = (options) => {
    isStopped = true;
    return rooms.processor.stop({ drainMs: options?.drainMs ?? DRAIN_MS });
  };
  lifecycle.add("work", async () => atLast?.close());
  lifecycle.add("following of the memory", async () => rooms.follower?.close());
  lifecycle.add("processor", () => stop());
  lifecycle.add("channels", () => rooms.channels.close());
  lifecycle.add("channel keeper", async () => rooms.keeping?.close());
  if (parts.server === undefined) await rooms.channels.load();
  else rooms.channels.start();
  parts.spill?.start();
  const metrics = async () => metricsReport(await rooms.figures(), deps.clock.now());
  return {
    handler: {
      metrics,
      health: () => rooms.status.health(),
      routes: async (server) => {
        hasRoutes = true;
        if (config.webhook.isEnabled) await server.register(receiverPlugin(rooms.receiver));
        addWebhookStatus(server, rooms.status, deps.clock);
        // Once the server listens: what the CRM then sends can be taken.
        server.addHook("onListen", async () => rooms.keeping?.start());
      },
    },
    processor: {
      stop,
      start: async () => {
        assert(!isStopped, "a processor that was stopped is not started again; open memhook anew");
        if (!hasRoutes) rooms.keeping?.start(); // Another process receives. Else once this one listens.
        if (atLast !== undefined) return atLast.start();
        if (!(await parts.engine.acquireWorkerLock())) throw new Fault("STORE_IN_USE", "starting the processor");
        await beginWork(parts, rooms, deps);
      },
      setWorkers: (workers) => rooms.processor.setWorkers(workers),
      reprocess: (options = {}) => reprocess(parts.engine.view, deps, options),
      metrics: async () => (await metrics()).processor,
    },
    search: (query, { limit = SEARCH_LIMIT, signal } = {}) => {
      const search = (ending: AbortSignal) => parts.memory.search(query, { limit }, ending);
      return signal === undefined ? withTimeout(deps.clock, { ms: SEARCH_TIMEOUT_MS }, search) : search(signal);
    },
    close: () => lifecycle.close(),
  };
}

async function reprocess(
  view: QueueView,
  deps: Pick<AppDeps, "clock">,
  {
    limit = REPROCESS_LIMIT,
    timeoutMs = REPROCESS_TIMEOUT_MS,
  }: { readonly limit?: number; readonly timeoutMs?: number },
): Promise<Reprocessed> {
  const letters = await view.deadLetters({ limit });
  const attempted = await view.redrive({ only: letters.map(({ id }) => id), limit });
  const deadline = deps.clock.now() + timeoutMs;
  let open = letters;
  let succeeded = 0;
  while (open.length > 0) {
    const still = [];
    for (const letter of open) {
      const jobs = (await view.jobs(letter.key)).filter(({ lane }) => lane === letter.lane);
      if (jobs.length === 0) succeeded += 1;
      else if (jobs.some(({ state }) => state !== "dead")) still.push(letter);
    }
    open = still;
    if (open.length === 0 || deps.clock.now() >= deadline) break;
    await deps.clock.sleep(REPROCESS_POLL_MS);
  }
  return { attempted, succeeded };
}
