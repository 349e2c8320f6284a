import assert from "node:assert/strict";
import { after, before, type TestContext } from "node:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import { openRedisEngine, type RedisEngine, type RedisEngineOptions } from "../../src/engines/redis/redis-engine.ts";
import { Fault } from "../../src/faults.ts";
import { silentLog } from "../../src/log.ts";
import type { Lease, NewEvent, QueueOptions } from "../../src/queue/queue.ts";
import { assertInvariants } from "./invariants.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { redisTier } from "./redis-tier.ts";

/** Longest test of one engine; one that hangs has lost a wake-up or an answer. */
export const WITHIN = { timeout: 10_000 } as const;
/** The lease length of the tests. */
export const LEASE_MS = 30_000;
const ROOMY: QueueOptions = { capacity: 100_000, dedupWindowMs: 3_600_000, maxWaitMs: 10_000 };
const KEY_PREFIX = "engine-test";

/** How a process opens the store; what is absent stays out of the way. */
export interface ProcessOptions extends Partial<Omit<RedisEngineOptions, "queue">> {
  readonly queue?: Partial<QueueOptions>;
}

/** A server that a test has for itself, and processes on it. */
export interface EngineStore {
  readonly server: RedisServer;
  /** Opens a process, which is closed with the test. */
  open(options?: ProcessOptions): Promise<RedisEngine>;
  /** Looks all over that is kept. Done after each test as well. */
  check(): Promise<void>;
  /** The names of the keys that begin so, without the prefix. */
  keys(beginning: string): Promise<readonly string[]>;
}

/** Tests that empty a store of their own at their start. */
export function storeTier(
  name: string,
  define: (emptyStore: (context: TestContext, clock?: Pick<Clock, "now">) => Promise<EngineStore>) => void,
): void {
  redisTier(name, () => {
    let server: RedisServer;
    before(async () => {
      server = await startRedis();
    });
    after(() => server.stop());
    define((context, clock) => emptied(context, server, clock));
  });
}

async function emptied(
  context: TestContext,
  server: RedisServer,
  clock: Pick<Clock, "now"> = systemClock,
): Promise<EngineStore> {
  await server.ask("FLUSHALL");
  const opened: RedisEngine[] = [];
  const check = () => assertInvariants(server.address, KEY_PREFIX, clock.now());
  context.after(async () => {
    for (const engine of opened) await engine.close();
    await check();
  });
  const prefix = `${KEY_PREFIX}:{${KEY_PREFIX}}:`;
  return {
    server,
    check,
    open: async ({ queue, ...more } = {}) => {
      const base = { address: server.address, keyPrefix: KEY_PREFIX, clock: systemClock, log: silentLog };
      const engine = await openRedisEngine({ ...base, ...more, queue: { ...ROOMY, ...queue } });
      opened.push(engine);
      return engine;
    },
    keys: async (beginning) => {
      const wire = await server.ask("KEYS", `${prefix}${beginning}*`);
      return wire.split("\r\n").flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : []));
    },
  };
}

/** An event of an account of its own, arriving now. */
export function eventOf(id: string, more: Partial<NewEvent> = {}): NewEvent {
  const reason = { eventId: id, note: "note", receivedAt: systemClock.now() };
  const base = { lane: "sync", key: `zoho/${id}`, rank: "live", delayMs: 0, label: "Accounts.update" } as const;
  return { ...base, dedupKey: `dedup of ${id}`, reason, ...more };
}

export function deliver(engine: RedisEngine, ...ids: readonly string[]) {
  return engine.queue.deliver(ids.map((id) => eventOf(id)));
}

export function claim(engine: RedisEngine, limit = 100): Promise<readonly Lease[]> {
  return engine.queue.claim({ lane: "sync", limit, leaseMs: LEASE_MS });
}

/** Claims what must be exactly one job. */
export async function claimOne(engine: RedisEngine): Promise<Lease> {
  const [lease, ...others] = await claim(engine);
  assert.ok(lease !== undefined && others.length === 0, "exactly one job is claimable");
  return lease;
}

export function complete(engine: RedisEngine, ...leases: readonly Lease[]) {
  return engine.queue.settle(leases.map((lease) => ({ verb: "complete", lease })));
}

/** Waits for a fact of the outside world. The test's own limit bounds it. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(5);
}

/** The store is away. */
export function isAway(error: unknown): boolean {
  return error instanceof Fault && error.code === "STORE_UNAVAILABLE";
}

/** The outcomes of deliveries, one text each. */
export function outcomesOf(
  results: readonly Awaited<ReturnType<RedisEngine["queue"]["deliver"]>>[],
): readonly string[] {
  return results.map((result) => (result.outcome === "taken" ? result.events.join() : result.outcome));
}
