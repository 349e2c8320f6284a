import { Fault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import { untilAborted } from "../until-aborted.ts";
import { type FollowedParts, followSink } from "./follow-sink.ts";
import type { AppDeps } from "./parts.ts";

/** How often a pass begins anew because something of its work was lost meanwhile; each time it has got further. */
const FOLLOWS_MAX = 30;
const FOLLOW_AGAIN_MS = 1_000;

/**
 * Follows the sink for a process that is alone on its store and may replace it. One pass at a time: it goes on when its caller no longer
 * waits, and the next one joins it.
 */
export class SoleFollower implements Closeable {
  readonly #parts: FollowedParts;
  readonly #deps: Pick<AppDeps, "clock" | "log">;
  readonly #closing = new AbortController();
  #pass: Promise<void> | undefined;

  constructor(parts: FollowedParts, deps: Pick<AppDeps, "clock" | "log">) {
    this.#parts = parts;
    this.#deps = deps;
  }

  /** Resolves when the ledger speaks of the sink that is there. Throws Fault STORE_UNAVAILABLE or SINK_…, or the signal's reason. */
  follow(signal: AbortSignal): Promise<void> {
    this.#pass ??= this.#followAll().finally(() => {
      this.#pass = undefined;
    });
    this.#pass.catch(() => undefined); // Told to who waits; perhaps nobody does any more.
    return untilAborted(this.#pass, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#pass?.catch(() => undefined);
  }

  async #followAll(): Promise<void> {
    const { signal } = this.#closing;
    const deps = { ...this.#deps, mayReplace: async () => true };
    for (let follows = 1; !(await followSink(this.#parts, deps, signal)); follows += 1) {
      if (follows >= FOLLOWS_MAX) throw new Fault("STORE_UNAVAILABLE", "following the memory");
      await deps.clock.sleep(FOLLOW_AGAIN_MS, signal);
    }
  }
}
