import { systemClock } from "../../src/clock.ts";
import type { ServiceWorld } from "./service-world.ts";

/** Between two events: some three a second. */
const PAUSE_MS = 300;
/** Each so manieth event is of an account that is made with it, as long as the wish lasts. */
const NEW_EVERY = 4;
/** Accounts taken in steps of this many, which no number of accounts here is a multiple of: neighbours in time are none in the list. */
const STEP = 7;

/** Accounts that keep changing, each change announced, while something else happens. */
export interface AccountLoad {
  /** How often each status was answered. */
  readonly answers: Readonly<Record<number, number>>;
  /** How often each account was announced. */
  readonly announced: ReadonlyMap<string, number>;
  /** Ends it. Rejects where a delivery had no answer. */
  stop(): Promise<void>;
}

/** Starts one, over all accounts that there are; it makes `accountsNew` more. */
export function startLoad(world: ServiceWorld, { accountsNew }: { readonly accountsNew: number }): AccountLoad {
  const { crm } = world.simulator;
  const ending = new AbortController();
  const answers: Record<number, number> = {};
  const announced = new Map<string, number>();
  const ids = [...crm.ids("Accounts")];
  let left = accountsNew;

  const change = (turn: number): { readonly operation: "create" | "update"; readonly id: string } => {
    if (left > 0 && turn % NEW_EVERY === 0) {
      left -= 1;
      const id = crm.create("Accounts", { Account_Name: `Newcomer ${left}`, Description: `came in turn ${turn}` });
      ids.push(id);
      return { operation: "create", id };
    }
    const id = ids[(turn * STEP) % ids.length] ?? "";
    crm.update("Accounts", id, { Description: `They asked for offer ${turn}.` });
    return { operation: "update", id };
  };
  const keepOn = async () => {
    for (let turn = 1; !ending.signal.aborted; turn += 1) {
      const { operation, id } = change(turn);
      const status = await world.announce(operation, id);
      answers[status] = (answers[status] ?? 0) + 1;
      announced.set(id, (announced.get(id) ?? 0) + 1);
      await systemClock.sleep(PAUSE_MS, ending.signal).catch(() => undefined); // Told to stop.
    }
  };
  const running = keepOn();
  running.catch(() => undefined); // Told by `stop`.
  return {
    ...{ answers, announced },
    stop: () => {
      ending.abort();
      return running;
    },
  };
}
