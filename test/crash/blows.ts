import type { Random } from "../../src/random.ts";

/** What is done to the fleet once. */
export interface Blow {
  /** `receiver`, `worker`, `redis`: kill -9. `stop`: a worker is stopped past its lease and goes on. */
  readonly kind: "receiver" | "worker" | "redis" | "stop";
  /** Which of those of its kind. */
  readonly index: number;
  /** Before it. */
  readonly pauseMs: number;
  /** How long Redis stays away, or a worker stands still. */
  readonly awayMs: number;
}

/** Of the blows, the shares of each kind; the rest are stops. */
const RECEIVER_SHARE = 0.3;
const WORKER_SHARE = 0.3;
const REDIS_SHARE = 0.15;
/** Between two blows, at random: some strike a process that is still starting. */
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_600;
/** Longest absence of Redis: deliveries are spilled meanwhile. */
const REDIS_AWAY_MS_MAX = 3_000;
/** A stop lasts this many leases, at random. */
const STOP_LEASES_MIN = 1.15;
const STOP_LEASES_MAX = 2;

/** All blows of a campaign, from its seed alone: every design takes the same. */
export function planBlows(
  random: Random,
  options: { readonly kills: number; readonly leaseMs: number; readonly ofKind: number },
): readonly Blow[] {
  const between = (low: number, high: number) => low + random.next() * (high - low);
  return Array.from({ length: options.kills }, (): Blow => {
    const chance = random.next();
    const index = Math.floor(random.next() * options.ofKind);
    const pauseMs = between(PAUSE_MS_MIN, PAUSE_MS_MAX);
    const share = random.next();
    const stopMs = (STOP_LEASES_MIN + share * (STOP_LEASES_MAX - STOP_LEASES_MIN)) * options.leaseMs;
    if (chance < RECEIVER_SHARE) return { kind: "receiver", index, pauseMs, awayMs: 0 };
    if (chance < RECEIVER_SHARE + WORKER_SHARE) return { kind: "worker", index, pauseMs, awayMs: 0 };
    if (chance < RECEIVER_SHARE + WORKER_SHARE + REDIS_SHARE) {
      return { kind: "redis", index: 0, pauseMs, awayMs: share * REDIS_AWAY_MS_MAX };
    }
    return { kind: "stop", index, pauseMs, awayMs: stopMs };
  });
}
