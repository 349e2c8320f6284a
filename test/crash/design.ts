import type { RedisServer } from "../redis/redis-server.ts";
import type { Place, Started } from "./place.ts";
import type { Sender } from "./sender.ts";
import type { Truth, Verdict } from "./verdict.ts";

/** What the processes of a design are given. */
export interface Ground {
  readonly redis: RedisServer;
  /** A folder for the whole campaign. */
  readonly dir: string;
  /** Of the memory that all workers write. */
  readonly memoryDir: string;
  /** How to reach the simulated CRM. */
  readonly env: Readonly<Record<string, string>>;
  readonly leaseMs: number;
}

/** The fleet, once it stands. */
export interface Fleet {
  readonly receivers: readonly Place[];
  readonly workers: readonly Place[];
}

/** A way to do memhook's work on Redis, which takes the campaign's blows. */
export interface Design {
  /** A receiver's `life`th process, at the same port where it has one of its own. */
  startReceiver(
    ground: Ground,
    place: { readonly index: number; readonly port: number; readonly dir: string },
  ): Started;
  startWorker(ground: Ground, place: { readonly name: string; readonly dir: string; readonly record: string }): Started;
  /** What the CRM's callbacks go through, where the design does not take them as they are. */
  adapt(sender: Sender): Sender;
  /** Longest wait for an empty queue at the end. */
  readonly drainMsMax: number;
  /** How many are still waiting; undefined while that cannot be known. */
  left(ground: Ground, fleet: Fleet): Promise<number | undefined>;
  /** Judges what is left; `handled` = events that workers recorded as handled. */
  judge(ground: Ground, evidence: { readonly truth: Truth; readonly handled: ReadonlySet<string> }): Promise<Verdict>;
}
