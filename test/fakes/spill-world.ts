import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { manualClock } from "../../src/clock.ts";
import { openSpill, type Spill, type SpillDeps } from "../../src/engines/spill/spilling-queue.ts";
import { StorePresence } from "../../src/engines/spill/store-presence.ts";
import { Fault } from "../../src/faults.ts";
import { type Log, silentLog } from "../../src/log.ts";
import type { DeliverOptions, DeliveryResult, NewEvent } from "../../src/queue/queue.ts";

/** Room enough where a test is not about the bound. */
export const MEGABYTE = 1_000_000;
/** Turns of the event loop within which anything that needs no clock has happened. */
const TURNS_MAX = 500;

/** How the store behaves for one call: `lost` = applied, but the answer never came. */
export type Mood = "here" | "away" | "lost" | "invalid" | "bug";

/** A small honest store: it dedups, is bounded, and applies a delivery whole or not at all. */
export class SmallStore {
  mood: Mood = "here";
  /** Decides for single calls; undefined = by mood. */
  moodFor: (events: readonly NewEvent[]) => Mood | undefined = () => undefined;
  capacity = Number.POSITIVE_INFINITY;
  /** Ids of the events that were queued, in order. */
  readonly queued: string[] = [];
  calls = 0;
  /** Runs before an answer leaves, as for a process that dies there. */
  beforeAnswer: () => Promise<void> | void = () => undefined;
  readonly #known = new Set<string>();

  deliver = async (events: readonly NewEvent[], options: DeliverOptions = {}): Promise<DeliveryResult> => {
    this.calls += 1;
    const mood = this.moodFor(events) ?? this.mood;
    await new Promise((resolve) => setImmediate(resolve));
    if (mood === "away") throw new Fault("STORE_UNAVAILABLE", "delivering");
    if (mood === "invalid") throw new Fault("STORE_INVALID", "delivering");
    if (mood === "bug") throw new TypeError("a bug");
    const isNew = ({ dedupKey }: NewEvent) => dedupKey === undefined || !this.#known.has(dedupKey);
    const isFull = events.filter(isNew).length > Math.max(0, this.capacity - this.queued.length);
    if (isFull && options.isAcknowledged !== true) return { outcome: "full" };
    const fates = events.map((event) => this.#take(event));
    await this.beforeAnswer();
    if (mood === "lost") throw new Fault("STORE_UNAVAILABLE", "waiting for the answer");
    return { outcome: "taken", events: fates };
  };

  #take({ dedupKey, reason }: NewEvent): "queued" | "duplicate" {
    if (dedupKey !== undefined && this.#known.has(dedupKey)) return "duplicate";
    if (dedupKey !== undefined) this.#known.add(dedupKey);
    this.queued.push(reason.eventId);
    return "queued";
  }
}

/** A path in a folder of its own, which goes with the test. */
export function spillPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "memhook-spill-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "spill.db");
}

/** A spill over a small store, with all that it says. */
export function world(t: TestContext, options: { readonly bytesMax?: number; readonly path?: string } = {}) {
  const store = new SmallStore();
  const clock = manualClock();
  const counts: Record<string, number> = {};
  const lines: { readonly level: string; readonly message: string; readonly [field: string]: unknown }[] = [];
  const say =
    (level: string): Log["info"] =>
    (fields, message) =>
      lines.push({ ...fields, level, message });
  const deps: SpillDeps = {
    path: options.path ?? spillPath(t),
    bytesMax: options.bytesMax ?? MEGABYTE,
    store,
    presence: new StorePresence(clock),
    clock,
    random: { next: () => 0.999 },
    log: { ...silentLog, info: say("info"), warn: say("warn"), error: say("error") },
    counters: {
      add: (deltas) => {
        for (const [name, delta] of Object.entries(deltas)) counts[name] = (counts[name] ?? 0) + delta;
      },
    },
  };
  const open = (): Spill => {
    const spill = openSpill({ ...deps, presence: new StorePresence(clock) }); // As a process of its own.
    t.after(() => spill.close());
    return spill;
  };
  return { store, clock, counts, lines, deps, open };
}

/** A live event of an account. */
export const eventOf = (id: number | string, more: Partial<NewEvent> = {}): NewEvent => ({
  lane: "sync",
  key: `zoho/${id}`,
  rank: "live",
  delayMs: 0,
  dedupKey: `key ${id}`,
  label: "Accounts.update",
  reason: { eventId: `e${id}`, note: `["Accounts","${id}","update",["Phone"],0,0]`, receivedAt: 1_760_000_000_000 },
  ...more,
});

/** The same, which is never a duplicate. */
export function keyless(id: number | string): NewEvent {
  const { dedupKey: _, ...event } = eventOf(id);
  return event;
}

/** The result of a delivery that was taken. */
export const taken = (...events: readonly ("queued" | "duplicate" | "filtered")[]) => ({ outcome: "taken", events });

/** Turns the event loop until it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (isSo()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`still not: ${isSo}`);
}

/** Lets everything happen that needs no clock. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
