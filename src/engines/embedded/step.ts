import type { Lane } from "../../queue/queue.ts";
import type { Totals } from "./totals.ts";

/** What one step of the engine works with, inside the transaction that it shares with the steps of the same turn. */
export interface Step {
  /** The clock's time when the transaction began; one instant for all its steps. */
  readonly now: number;
  readonly totals: Totals;
  /** The last number given to a reason before the transaction: rows up to it are committed. */
  readonly committedSeq: number;
  /** Adds to a counter in the same transaction. */
  count(name: string, delta?: number): void;
  /** Says that the lane has work that may be due; waiters are woken once the transaction is durable. */
  touch(lane: Lane): void;
}
