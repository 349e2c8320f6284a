import { dedupHash } from "../../queue/event-id.ts";
import type { NewEvent } from "../../queue/queue.ts";

/** Keys remembered at least, when so many wait: some 100 bytes each. A sender repeats itself within minutes, so the newest matter. */
const KEYS_MIN = 100_000;

/**
 * The dedup keys of events that wait in the spill file, so that a sender's retries do not fill it. Bounded, and empty after a
 * restart: what it forgets costs space, as the store knows a duplicate when it is replayed.
 */
export class WaitingKeys {
  /** Two generations: when the younger is full, the older goes. At most 2 × KEYS_MIN. */
  #younger = new Set<string>();
  #older = new Set<string>();

  has(name: string): boolean {
    return this.#younger.has(name) || this.#older.has(name);
  }

  add(name: string): void {
    if (this.#younger.size >= KEYS_MIN) {
      this.#older = this.#younger;
      this.#younger = new Set();
    }
    this.#younger.add(name);
  }

  /** Called when the events wait no longer: from now on the store judges. */
  forget(events: readonly NewEvent[]): void {
    for (const event of events) {
      const name = keyName(event);
      if (name === undefined) continue;
      this.#younger.delete(name);
      this.#older.delete(name);
    }
  }

  clear(): void {
    this.#younger.clear();
    this.#older.clear();
  }
}

/** The short form of an event's dedup key, of the length that engines trust as well; undefined = never a duplicate. */
export function keyName({ dedupKey }: Pick<NewEvent, "dedupKey">): string | undefined {
  return dedupKey === undefined ? undefined : dedupHash(dedupKey).toString("latin1");
}
