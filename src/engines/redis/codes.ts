import { assert } from "../../assert.ts";
import type { LedgerState } from "../../memory/ledger.ts";
import { type EventFate, type JobAddress, type Lane, RANKS, type Rank } from "../../queue/queue.ts";

/** Words as the scripts call them. Never reorder; append only. */
export const LANE_LETTERS = { route: "r", sync: "s", index: "i" } as const satisfies Readonly<Record<Lane, string>>;
const LANES_BY_LETTER: Readonly<Record<string, Lane>> = { r: "route", s: "sync", i: "index" };
/** By the code that log.lua gives; an event that its dead letter let go of is dead, and `gone` is never an event's. */
const FATES: readonly (EventFate | "gone")[] = ["queued", "synced", "superseded", "dead", "filtered", "gone", "dead"];
/** By the code that ledger.lua gives. */
export const LEDGER_STATES: readonly LedgerState[] = ["intended", "stored", "indexed", "removing", "removed"];

export function laneLetter(lane: Lane): string {
  return LANE_LETTERS[lane];
}

export function laneOfLetter(letter: string): Lane {
  const lane = LANES_BY_LETTER[letter];
  assert(lane !== undefined, `${letter} stands for a lane`);
  return lane;
}

/** A job's address as one text: lane letter and key. */
export function addressText({ lane, key }: JobAddress): string {
  return LANE_LETTERS[lane] + key;
}

export function addressOf(text: string): JobAddress {
  return { lane: laneOfLetter(text.slice(0, 1)), key: text.slice(1) };
}

/** Smaller is more urgent. */
export function rankCode(rank: Rank): number {
  return RANKS.indexOf(rank);
}

export function rankOf(code: number): Rank {
  const rank = RANKS[code];
  assert(rank !== undefined, `rank ${code} stands for a word`);
  return rank;
}

export function fateOf(code: number): EventFate | "gone" {
  const fate = FATES[code];
  assert(fate !== undefined, `fate ${code} stands for a word`);
  return fate;
}

export function ledgerStateCode(state: LedgerState): number {
  return LEDGER_STATES.indexOf(state);
}
