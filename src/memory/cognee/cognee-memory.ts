import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { SealedStore } from "../../sealed-store.ts";
import type { Memory } from "../memory.ts";
import { openAccountMemory } from "./account-memory.ts";
import { type CogneeCredentials, CogneeSession } from "./cognee-session.ts";
import { openDatasetMemory } from "./dataset-memory.ts";
import { HourlyBudget } from "./hourly-budget.ts";
import { ServerHealth } from "./server-health.ts";

/** What the sink is opened with. */
export interface CogneeMemoryOptions {
  /** An origin, as in `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly credentials: CogneeCredentials;
  /** Letters, digits, `_` and `-`: Cognee takes others and fails later. */
  readonly dataset: string;
  /** True = a dataset for each account, whose names begin with that of `dataset`. */
  readonly isPerAccount?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Where all processes look what breaks the index. */
  readonly notes: SealedStore;
  /** Documents that may be handed to the model within an hour; absent = no bound. */
  readonly budgetPerHour?: number;
  /** Counts documents and runs, by name. */
  readonly count: (deltas: Readonly<Record<string, number>>) => void;
  readonly fetch?: typeof fetch;
  /** How long a write waits for an index run; a test shortens it, nobody else has a reason to. */
  readonly patienceMs?: number;
}

/** The memory in Cognee. Nothing is asked of the server before the first call. All facts about it in this room are of 1.6.5, as it was measured. */
export function openCogneeMemory(options: CogneeMemoryOptions): Memory {
  const { dataset, clock, log, notes, count, budgetPerHour: perHour, patienceMs } = options;
  const session = new CogneeSession(options);
  const shared = {
    ...{ session, health: new ServerHealth(session), clock, log, notes, count },
    budget: perHour === undefined ? undefined : new HourlyBudget(notes, { dataset, perHour, clock }),
  };
  return options.isPerAccount === true
    ? openAccountMemory(shared, dataset)
    : openDatasetMemory(shared, { name: dataset, ...(patienceMs === undefined ? {} : { patienceMs }) });
}
