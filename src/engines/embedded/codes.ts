import { assert } from "../../assert.ts";
import type { LedgerState } from "../../memory/ledger.ts";
import { type EventFate, LANES, type Lane, RANKS, type Rank } from "../../queue/queue.ts";

/** Words as small integers in the store: the position in these lists. Never reorder; append only. */
const FATES: readonly EventFate[] = ["queued", "synced", "superseded", "dead", "filtered"];
const LEDGER_STATES: readonly LedgerState[] = ["intended", "stored", "indexed", "removing", "removed"];

/** Added to a lane's code for the slot of its dead jobs. */
export const DEAD_SLOT = LANES.length;
/** A job's state as stored: due now or later, leased, dead. */
export const JOB_WAITING = 0;
export const JOB_LEASED = 1;
export const JOB_DEAD = 2;

const LANE_CODES: Readonly<Record<Lane, number>> = { route: 0, sync: 1, index: 2 };
const RANK_CODES: Readonly<Record<Rank, number>> = { urgent: 0, live: 1, background: 2 };

/** The lane's code, which is also the slot of its live jobs. */
export function laneCode(lane: Lane): number {
  return LANE_CODES[lane];
}

/** The lane of a code or slot. */
export function laneOf(slot: number): Lane {
  return word(LANES, slot % DEAD_SLOT);
}

/** Smaller is more urgent. */
export function rankCode(rank: Rank): number {
  return RANK_CODES[rank];
}

export function rankOf(code: number): Rank {
  return word(RANKS, code);
}

export function fateCode(fate: EventFate): number {
  return FATES.indexOf(fate);
}

export function fateOf(code: number): EventFate {
  return word(FATES, code);
}

export function ledgerStateCode(state: LedgerState): number {
  return LEDGER_STATES.indexOf(state);
}

export function ledgerStateOf(code: number): LedgerState {
  return word(LEDGER_STATES, code);
}

function word<T>(words: readonly T[], code: number): T {
  const found = words[code];
  assert(found !== undefined, `code ${code} stands for a word`);
  return found;
}
