import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { type Database, integer, type Statement, text } from "./database.ts";
import type { GroupCommit } from "./group-commit.ts";

/** Longest time that an addition stays in memory only. */
const WRITE_MS_MAX = 1_000;

/** Additions that wait for the next transaction, and the table that they go to. */
export class CounterLog {
  readonly #add: Statement;
  readonly #all: Statement;
  #pending = new Map<string, number>();

  constructor(database: Database) {
    this.#add = database.prepare(
      "INSERT INTO counters (name, total) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET total = total + excluded.total",
    );
    this.#all = database.prepare("SELECT name, total FROM counters");
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  add(name: string, delta: number): void {
    this.#pending.set(name, (this.#pending.get(name) ?? 0) + delta);
  }

  /** Writes a transaction's own counts and everything pending. Call `written` once it is durable. */
  write(counts: ReadonlyMap<string, number>): void {
    for (const [name, delta] of counts) if (delta > 0) this.#add.run(name, delta);
    for (const [name, delta] of this.#pending) if (delta > 0) this.#add.run(name, delta);
  }

  /** Forgets what `write` wrote. Nothing can be added between the two, as a transaction is synchronous. */
  written(): void {
    if (this.#pending.size > 0) this.#pending = new Map();
  }

  read(): Readonly<Record<string, number>> {
    const totals = Object.fromEntries(this.#all.all().map((row) => [text(row, 0), integer(row, 1)]));
    for (const [name, delta] of this.#pending) totals[name] = (totals[name] ?? 0) + delta;
    return totals;
  }
}

/** The counters port. Additions ride on the next transaction; when none comes within a second, on one of their own. */
export function createCounters(deps: {
  readonly counterLog: CounterLog;
  readonly group: GroupCommit;
  readonly clock: Clock;
  readonly closing: AbortSignal;
}): Counters {
  const { counterLog, group, clock, closing } = deps;
  let isTimed = false;

  async function writeSoon(): Promise<void> {
    try {
      await clock.sleep(WRITE_MS_MAX, closing);
      isTimed = false;
      if (!counterLog.isEmpty) await group.runUnsynced(() => undefined);
    } catch {
      // Closing writes them, and while the store is away they stay pending for the next transaction.
      isTimed = false;
    }
  }

  return {
    add: (deltas) => {
      for (const [name, delta] of Object.entries(deltas)) counterLog.add(name, delta);
      if (isTimed || counterLog.isEmpty || closing.aborted) return;
      isTimed = true;
      void writeSoon();
    },
    read: () => group.read(() => counterLog.read()),
  };
}
