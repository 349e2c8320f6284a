import type { Clock } from "../../clock.ts";
import type { QueueOptions } from "../../queue/queue.ts";
import type { Random } from "../../random.ts";
import type { ScriptTurn } from "./script-turn.ts";

/** What the ports of the engine are made of. */
export interface EngineDeps {
  readonly turn: ScriptTurn;
  readonly clock: Clock;
  readonly random: Random;
  readonly options: QueueOptions;
  /** Names this process in leases and duties; short. */
  readonly owner: string;
  /** How long settled events can be looked up when the dedup window is shorter. */
  readonly historyMs: number;
  /** Events beyond which history ends at the dedup window. */
  readonly historyRows: number;
}
