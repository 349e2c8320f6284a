import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { Mischief } from "../mischief.ts";
import type { Behaviour } from "./behaviour.ts";
import { type Message, type PostOutcome, post, postTorn } from "./callback-post.ts";
import { between, chance } from "./pick.ts";

/** One callback on its way. */
export interface Parcel extends Message {
  readonly url: string;
  /** Told how each attempt ended. */
  readonly onOutcome?: (outcome: PostOutcome) => void;
}

/** What became of the callbacks. */
export interface CourierStats {
  sent: number;
  lost: number;
  torn: number;
  failed: number;
  /** Answers by status. */
  answered: Record<string, number>;
}

/** Delivers callbacks and forgets them, with whatever mischief is on. */
export interface Courier {
  send(parcel: Parcel): void;
  readonly stats: CourierStats;
  /** Callbacks not yet delivered. */
  readonly pending: number;
  close(): Promise<void>;
}

/** Callbacks on the wire at once; the rest wait in line. */
const ON_THE_WIRE_MAX = 32;

/** A callback that was held back goes after this long, or as soon as a later one has gone. */
const HELD_MS = 500;

/** Wait before an unanswered callback is sent again, if it ever is. */
const RETRY_MS = 1000;

/** Makes a courier. */
export function createCourier(deps: {
  clock: Clock;
  random: Random;
  mischief: Mischief;
  behaviour: Behaviour;
  log: Log;
}): Courier {
  const { clock, random, mischief, behaviour, log } = deps;
  const stats: CourierStats = { sent: 0, lost: 0, torn: 0, failed: 0, answered: {} };
  const closing = new AbortController();
  const waiting: (() => Promise<void>)[] = [];
  const held = new Set<() => void>();
  let onTheWire = 0;
  let pending = 0;

  function start(run: () => Promise<void>): void {
    waiting.push(run);
    pump();
  }
  function pump(): void {
    while (onTheWire < ON_THE_WIRE_MAX && !closing.signal.aborted) {
      const run = waiting.shift();
      if (run === undefined) return;
      onTheWire += 1;
      void run().finally(() => {
        onTheWire -= 1;
        pending -= 1;
        pump();
      });
    }
  }
  async function pause(ms: number): Promise<void> {
    if (ms > 0) await clock.sleep(ms, closing.signal).catch(() => undefined);
  }

  async function deliver(parcel: Parcel): Promise<void> {
    for (let attempt = 0; attempt <= behaviour.callbackRetries && !closing.signal.aborted; attempt += 1) {
      if (attempt > 0) await pause(RETRY_MS);
      if (chance(random, mischief.torn)) {
        stats.torn += 1;
        // Half of the torn ones lose their connection, the other half arrive as half a text.
        if (chance(random, 0.5)) await postTorn(parcel.url, parcel);
        else await post(parcel.url, { ...parcel, body: parcel.body.slice(0, parcel.body.length / 2) }, closing.signal);
        continue;
      }
      const outcome = await post(parcel.url, parcel, closing.signal);
      stats.sent += 1;
      parcel.onOutcome?.(outcome);
      if (outcome === "failed") stats.failed += 1;
      else stats.answered[String(outcome)] = (stats.answered[String(outcome)] ?? 0) + 1;
      log.debug({ outcome, attempt }, "callback sent");
      if (typeof outcome === "number" && outcome >= 200 && outcome < 300) break;
    }
    for (const release of held) release();
  }

  function dispatch(parcel: Parcel): void {
    pending += 1;
    const { minMs, maxMs } = mischief.late;
    const lateMs = maxMs > 0 ? between(random, minMs, Math.max(minMs, maxMs)) : 0;
    if (chance(random, mischief.reordered)) void holdBack(parcel);
    else if (lateMs > 0) void pause(lateMs).then(() => start(() => deliver(parcel)));
    else start(() => deliver(parcel));
  }

  async function holdBack(parcel: Parcel): Promise<void> {
    const overtaken = new Promise<void>((resolve) => {
      const release = () => {
        held.delete(release);
        resolve();
      };
      held.add(release);
    });
    await Promise.race([overtaken, pause(HELD_MS)]);
    start(() => deliver(parcel));
  }

  return {
    stats,
    get pending() {
      return pending;
    },
    send: (parcel) => {
      if (closing.signal.aborted) return;
      if (chance(random, mischief.lost)) {
        stats.lost += 1;
        return;
      }
      dispatch(parcel);
      if (chance(random, mischief.doubled)) dispatch(parcel);
    },
    close: async () => {
      closing.abort(new Error("the simulator closes"));
      waiting.length = 0;
    },
  };
}
