import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import type { Config, EmbeddedEngineConfig, RedisEngineConfig } from "../config/config.ts";
import { openEmbeddedEngine } from "../engines/embedded/embedded-engine.ts";
import { openThreadedEngine } from "../engines/embedded/threaded-engine.ts";
import { WorkerLock } from "../engines/embedded/worker-lock.ts";
import type { Engine } from "../engines/engine.ts";
import type { RedisEngine } from "../engines/redis/redis-engine.ts";
import { Fault } from "../faults.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { QueueOptions } from "../queue/queue.ts";
import { randomSecret } from "../random.ts";
import { makeDataDir } from "./data-dir.ts";
import type { AppDeps } from "./parts.ts";
import { type Role, works } from "./role.ts";

/** The longest time that joining events put an account's sync off, as a multiple of the debounce. */
const WAIT_PER_DEBOUNCE = 10;
/** Floor of that time: without a debounce nothing is put off, but a configured one may be tiny. */
const WAIT_MS_MIN = 1_000;
/** An account that keeps changing is synced about once a second: the first change at once, the next ones together. */
const REST_MS = 1_000;
const FOLDER_ID_BYTES = 8;

/** A store that is a server of its own: it can be away while this process lives, and its settings are not ours. */
export type StoreServer = Pick<RedisEngine, "isConnected" | "survey">;

/** An engine, and its server where it has one. */
export interface OpenedEngine {
  readonly engine: Engine;
  readonly server: StoreServer | undefined;
}

/** Opens the engine of a configuration and registers how to close it. Throws Fault STORE_UNAVAILABLE or STORE_INVALID. */
export async function openEngine(
  config: Config,
  deps: AppDeps,
  { role, lifecycle }: { readonly role: Role | undefined; readonly lifecycle: Lifecycle },
): Promise<OpenedEngine> {
  const queue: QueueOptions = {
    capacity: config.engine.capacity,
    dedupWindowMs: config.engine.dedupWindowMs,
    maxWaitMs: Math.max(WAIT_MS_MIN, config.processor.debounceMs * WAIT_PER_DEBOUNCE),
    restMs: REST_MS,
  };
  if (config.engine.kind === "embedded") {
    const engine = await openEmbedded(config.engine, deps, { queue, role });
    lifecycle.add("engine", () => engine.close());
    return { engine, server: undefined };
  }
  const { address, keyPrefix } = config.engine;
  // Loaded by who uses it: the client of a server that is not there costs memory.
  const { openRedisEngine } = await import("../engines/redis/redis-engine.ts");
  const workerName = works(role) ? localName(config.engine, lifecycle) : undefined;
  const engine = await openRedisEngine({
    address,
    keyPrefix,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    queue,
    ...(workerName === undefined ? {} : { workerName }),
  });
  lifecycle.add("engine", () => engine.close());
  return { engine, server: engine };
}

/** A process that serves has its engine in a thread, unless it brings a clock of its own, which cannot cross. */
async function openEmbedded(
  { dataDir }: EmbeddedEngineConfig,
  { clock, log }: AppDeps,
  { queue, role }: { readonly queue: QueueOptions; readonly role: Role | undefined },
): Promise<Engine> {
  makeDataDir(dataDir);
  const options = { path: join(dataDir, "engine.db"), log, queue };
  const isServing = role !== undefined && clock === systemClock;
  return isServing ? openThreadedEngine(options) : openEmbeddedEngine({ ...options, clock });
}

/**
 * A name that the next process on this DATA_DIR will have too, so that it finds the leases of one that was killed free at once.
 * Undefined where another process that lives has it: two may never share one.
 */
function localName({ dataDir }: RedisEngineConfig, lifecycle: Lifecycle): string | undefined {
  makeDataDir(dataDir);
  const lock = new WorkerLock(join(dataDir, "worker.lock"));
  if (!lock.acquire()) return undefined;
  lifecycle.add("worker name", () => lock.release());
  return `${hostname()}:${folderId(dataDir)}`;
}

/** What tells this folder from one of the same path on a machine of the same name: made once, and kept in it. Throws Fault STORE_UNAVAILABLE. */
function folderId(dataDir: string): string {
  const path = join(dataDir, "worker.id");
  try {
    if (!existsSync(path)) writeFileSync(path, randomSecret(FOLDER_ID_BYTES), { mode: 0o600 });
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Fault("STORE_UNAVAILABLE", "reading worker.id in DATA_DIR", { cause: error });
  }
}
