import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { ChannelStore } from "../../src/channels/channel-store.ts";
import type { ManualClock } from "../../src/clock.ts";
import type { Counters } from "../../src/counters.ts";
import type { Duties } from "../../src/duties.ts";
import type { Ledger } from "../../src/memory/ledger.ts";
import type { Lane, Lease, NewEvent, NewJob, Queue, QueueOptions } from "../../src/queue/queue.ts";
import type { QueueView } from "../../src/queue/queue-view.ts";

/** The ports of an engine, as one process sees them. */
export interface EnginePorts {
  readonly queue: Queue;
  readonly view: QueueView;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly channels: ChannelStore;
  readonly duties: Duties;
}

/** An engine under test: a store, a process that works on it, and a clock that stands still. */
export interface EngineHarness {
  readonly clock: ManualClock;
  /** The ports of the working process; another object after `crash`. */
  readonly ports: EnginePorts;
  /** Ends the working process as `kill -9` does, and starts another on the same store. */
  crash(): Promise<void>;
  /** Closes the working process in good order, and starts another on the same store. */
  restart(): Promise<void>;
  /** A second process on the same store: a command beside the service. */
  beside(): Promise<EnginePorts>;
  close(): Promise<void>;
}

export type StartEngine = (options: QueueOptions) => Promise<EngineHarness>;

/** Options that stay out of the way of a test that is about something else. */
export const ROOMY: QueueOptions = { capacity: 100_000, dedupWindowMs: 3_600_000, maxWaitMs: 10_000 };
/** The lease length of the tests. */
export const LEASE_MS = 30_000;

/** Starts an engine for one test and closes it afterwards. */
export async function startFor(t: TestContext, start: StartEngine, options: Partial<QueueOptions> = {}) {
  const engine = await start({ ...ROOMY, ...options });
  t.after(() => engine.close());
  return engine;
}

/** An event of account `key` with a dedup key of its own, arriving now. */
export function eventOf(engine: EngineHarness, key: string, eventId: string, more: Partial<NewEvent> = {}): NewEvent {
  const reason = { eventId, note: `note of ${eventId}`, receivedAt: engine.clock.now() };
  const base = { lane: "sync", key, rank: "live", delayMs: 0, label: "Accounts.update" } as const;
  return { ...base, dedupKey: `dedup of ${eventId}`, reason, ...more };
}

/** Work of memhook's own for `key`. */
export function workOf(engine: EngineHarness, key: string, more: Partial<NewJob> = {}): NewJob {
  const reason = { note: "reconcile", receivedAt: engine.clock.now() };
  return { lane: "sync", key, rank: "background", delayMs: 0, reason, ...more };
}

/** Delivers one event and demands that it was taken; returns its outcome. */
export async function take(engine: EngineHarness, key: string, eventId: string, more: Partial<NewEvent> = {}) {
  const result = await engine.ports.queue.deliver([eventOf(engine, key, eventId, more)]);
  assert.equal(result.outcome, "taken");
  return result.outcome === "taken" ? result.events[0] : undefined;
}

export function claim(engine: EngineHarness, limit = 100, lane: Lane = "sync"): Promise<readonly Lease[]> {
  return engine.ports.queue.claim({ lane, limit, leaseMs: LEASE_MS });
}

/** Claims what must be exactly one job. */
export async function claimOne(engine: EngineHarness, lane: Lane = "sync"): Promise<Lease> {
  const leases = await claim(engine, 100, lane);
  assert.equal(leases.length, 1, "exactly one job is claimable");
  const [lease] = leases;
  assert.ok(lease);
  return lease;
}

export const FAILURE = { code: "CRM_READ_FAILED", message: "could not be read" } as const;

export async function complete(engine: EngineHarness, lease: Lease) {
  return (await engine.ports.queue.settle([{ verb: "complete", lease }]))[0];
}

export async function retry(engine: EngineHarness, lease: Lease, inMs: number) {
  const dueAt = engine.clock.now() + inMs;
  return (await engine.ports.queue.settle([{ verb: "retry", lease, dueAt, failure: FAILURE }]))[0];
}

export async function release(engine: EngineHarness, lease: Lease) {
  return (await engine.ports.queue.settle([{ verb: "release", lease }]))[0];
}

export async function bury(engine: EngineHarness, lease: Lease, failure: { code: string; message: string } = FAILURE) {
  return (await engine.ports.queue.settle([{ verb: "dead", lease, failure }]))[0];
}

/** The fate of the one event with this id. */
export async function fateOf(engine: EngineHarness, eventId: string) {
  const found = await engine.ports.view.events(eventId);
  return found.length === 1 ? found[0]?.fate : `${found.length} events`;
}

export async function counter(engine: EngineHarness, name: string): Promise<number> {
  return (await engine.ports.counters.read())[name] ?? 0;
}

export const idsOf = (lease: Lease) => lease.reasons.map((reason) => reason.eventId);
export const keysOf = (leases: readonly Lease[]) => leases.map((lease) => lease.key);
