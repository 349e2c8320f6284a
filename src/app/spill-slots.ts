import { existsSync } from "node:fs";
import { join } from "node:path";
import { openSpill, type Spill, type SpillDeps, type SpillStatus } from "../engines/spill/spilling-queue.ts";
import { StorePresence } from "../engines/spill/store-presence.ts";
import { asFault, Fault } from "../faults.ts";

/** Processes that may receive on one DATA_DIR at once, each with a spill file of its own. */
const SLOTS_MAX = 16;
/**
 * How often files of processes that have ended are looked for, those that have been replayed are put back, and the store is asked for
 * a sign of life. The last bounds how long an outage may be that a process misses which nobody sends anything.
 */
const LOOK_EVERY_MS = 10_000;

/** What the slots are opened with: a folder in place of a file. */
export type SpillSlotDeps = Omit<SpillDeps, "path" | "presence"> & { readonly folder: string };

/**
 * A spill file of this process's own in a folder that others may use as well: the first that none has. A file that another process
 * left behind with deliveries in it, as one does that was replaced while Redis was away, is replayed beside it. Throws Fault
 * STORE_IN_USE when every slot is taken, STORE_UNAVAILABLE or STORE_INVALID.
 */
export function openSpillSlots(deps: SpillSlotDeps): Spill {
  const { folder, ...shared } = deps;
  const presence = new StorePresence(deps.clock);
  const open = (slot: number) => openSpill({ ...shared, presence, path: slotPath(folder, slot) });
  const own = firstFree(open);
  const adopted = new Map<number, Spill>();
  const closing = new AbortController();
  let running: Promise<void> | undefined;

  const adopt = async () => {
    for (const [slot, spill] of adopted) {
      // One with rows that cannot be read, or not be removed, is kept: put back, it would be found, and told of, again and again.
      if (spill.status().bytes > 0) continue;
      adopted.delete(slot);
      await spill.close();
    }
    for (let slot = 1; slot <= SLOTS_MAX; slot += 1) {
      if (slot === own.slot || adopted.has(slot) || !existsSync(slotPath(folder, slot))) continue;
      const left = openLeft(slot, open, deps);
      if (left === undefined) continue;
      const { waiting } = left.status();
      if (waiting === 0) await left.close();
      else {
        deps.log.info({ slot, events: waiting }, "deliveries that an ended process left are replayed");
        adopted.set(slot, left);
        left.start();
      }
    }
  };
  const run = async () => {
    while (!closing.signal.aborted) {
      await Promise.all([adopt(), own.spill.look()]);
      await deps.clock.sleep(LOOK_EVERY_MS, closing.signal).catch(() => undefined); // Closed.
    }
  };
  return {
    deliver: (events) => own.spill.deliver(events),
    look: () => own.spill.look(),
    start: () => {
      presence.recover(); // What others spilled in an outage before this start is not known here.
      own.spill.start();
      running ??= run();
    },
    status: () => sumOf(own.spill.status(), [...adopted.values()]),
    close: async () => {
      closing.abort();
      await running;
      for (const spill of [own.spill, ...adopted.values()]) await spill.close();
    },
  };
}

function slotPath(folder: string, slot: number): string {
  return join(folder, slot === 1 ? "spill.db" : `spill-${slot}.db`);
}

function firstFree(open: (slot: number) => Spill): { readonly slot: number; readonly spill: Spill } {
  for (let slot = 1; ; slot += 1) {
    try {
      return { slot, spill: open(slot) };
    } catch (error) {
      const isTaken = error instanceof Fault && error.code === "STORE_IN_USE";
      if (!isTaken || slot >= SLOTS_MAX) throw error;
    }
  }
}

/** Undefined when a process has it, or it cannot be read: then it stays where it is, and the next start says so. */
function openLeft(slot: number, open: (slot: number) => Spill, { log }: Pick<SpillSlotDeps, "log">): Spill | undefined {
  try {
    return open(slot);
  } catch (error) {
    const fault = asFault(error, "opening a spill file that was left");
    if (fault.code === "UNEXPECTED") throw error;
    if (fault.code !== "STORE_IN_USE")
      log.warn({ slot, fault: fault.code, error: fault }, "a spill file cannot be opened");
    return undefined;
  }
}

/** What waits anywhere counts; whether deliveries are taken, the own file says. */
function sumOf(own: SpillStatus, adopted: readonly Spill[]): SpillStatus {
  const all = [own, ...adopted.map((spill) => spill.status())];
  return {
    ...own,
    waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
