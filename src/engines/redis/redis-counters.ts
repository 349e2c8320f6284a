import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { Fault } from "../../faults.ts";
import type { ScriptTurn } from "./script-turn.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** Longest time that an addition stays in memory only, while Redis is there. */
const WRITE_MS = 1_000;

/** What counters are kept with. */
interface CountersDeps {
  readonly turn: ScriptTurn;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  /** Where the totals lie. */
  readonly key: string;
}

/** Counters on Redis: additions gather for a second. While Redis is away they wait in memory, one number a name. */
export function createCounters(deps: CountersDeps): Counters & { readonly flush: () => Promise<void> } {
  const { turn, clock, closing, key } = deps;
  let pending = new Map<string, number>();
  let isTimed = false;

  const add = (name: string, by: number) => pending.set(name, (pending.get(name) ?? 0) + by);

  async function flush(): Promise<void> {
    if (pending.size === 0) return;
    const written = pending;
    pending = new Map();
    try {
      await turn.run(SCRIPTS.count, [JSON.stringify(Object.fromEntries(written))]);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // If it was applied all the same, these count twice: rather too much than nothing of an outage.
      for (const [name, by] of written) add(name, by);
      time();
    }
  }

  function time(): void {
    if (isTimed || closing.aborted) return;
    isTimed = true;
    const elapsed = clock.sleep(WRITE_MS, closing).then(
      () => {
        isTimed = false;
        return flush();
      },
      () => undefined, // Closing flushes.
    );
    void elapsed;
  }

  return {
    flush,
    add: (deltas) => {
      for (const [name, by] of Object.entries(deltas)) if (by > 0) add(name, by);
      if (pending.size > 0) time();
    },
    read: async () => {
      const unwritten = [...pending];
      const reply = await turn.command("HGETALL", [key]);
      assert(Array.isArray(reply), "HGETALL answers a list");
      const totals: Record<string, number> = {};
      for (let at = 0; at < reply.length; at += 2) totals[String(reply[at])] = Number(reply[at + 1]);
      for (const [name, by] of unwritten) totals[name] = (totals[name] ?? 0) + by;
      return totals;
    },
  };
}
