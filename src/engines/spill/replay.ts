import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { asFault, type Fault, type FaultCode } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { DeliverOptions, NewEvent, Queue } from "../../queue/queue.ts";
import type { SpilledDelivery, SpillFile } from "./spill-file.ts";
import type { SpillKind } from "./spill-table.ts";
import { isAbsence, type StorePresence } from "./store-presence.ts";

/** Events in one round: one call of the Redis engine (some 3 ms of its time), so that live deliveries never wait long behind it. */
const ROUND_EVENTS_MAX = 200;

/**
 * Who goes first. What was spilled while the store was away is never refused: it goes in at once, where it coalesces, so that the work of an
 * outage is a sync per account and not a queue's length at a time. What came soon after waits for room, and is asked for before any later one.
 */
const KINDS = ["away", "full"] as const satisfies readonly SpillKind[];

/** What a call was for, and what a person reads when the store answers it with a fault. */
const REPLAYING = ["replaying a spilled delivery", "a spilled delivery is refused and tried again later"] as const;
const LOOKING = ["looking whether the store takes deliveries", "the store answers with a fault"] as const;

/** What replaying needs. */
export interface ReplayDeps {
  readonly file: SpillFile;
  readonly store: Pick<Queue, "deliver">;
  readonly presence: StorePresence;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
}

/** How a round went, and what the next one waits for: `room` in the store, or time, as it took nothing of what is left. */
export type RoundResult = { readonly replayed: number; readonly waitsFor: "nothing" | "room" | "time" };

/** Part of a delivery as one call hands it over. Its sender has its answer, so it need not be taken whole any more. */
interface Piece {
  readonly of: OpenDelivery;
  readonly events: readonly NewEvent[];
}

/** A delivery that was read and is not yet answered in all its pieces. */
interface OpenDelivery {
  readonly delivery: SpilledDelivery;
  piecesLeft: number;
}

/** What became of a piece: `left` = to be tried again as it is. */
type PieceFate = "taken" | "full" | "left" | "refused";

/**
 * Hands over what waits, each kind in the order of arrival, and removes a delivery only after the store has answered for all of it. A crash
 * in between repeats it: the store's dedup then knows it, and an event without a dedup key makes its account due once more.
 */
export class Replay {
  readonly #deps: ReplayDeps;
  readonly #pieces: Record<SpillKind, Piece[]> = { away: [], full: [] };
  /** Faults already told in this outage, so that a file of bad rows is a line and not a flood. */
  readonly #told = new Set<FaultCode>();

  constructor(deps: ReplayDeps) {
    this.#deps = deps;
  }

  /** A new outage: its faults are told anew. */
  begin(): void {
    this.#told.clear();
  }

  /** One round; `isProbe` = one call only. Throws Fault STORE_UNAVAILABLE or STORE_INVALID when the file cannot be read. */
  async round(isProbe: boolean): Promise<RoundResult> {
    const kind = KINDS.find((one) => this.#hasPieces(one));
    if (kind === undefined) {
      // Rows that wait but were read: the store refused them as no outage explains. They are tried again from the first on.
      this.#deps.file.rewind();
      return { replayed: 0, waitsFor: "time" };
    }
    const round = cut(this.#pieces[kind], isProbe ? 1 : ROUND_EVENTS_MAX);
    const fates = await Promise.all(round.map(({ events }) => this.#ask(events, { isAcknowledged: kind === "away" })));
    return this.#settle(kind, round, fates);
  }

  /** Reads on where all that was read is handed over. */
  #hasPieces(kind: SpillKind): boolean {
    const pieces = this.#pieces[kind];
    if (pieces.length > 0) return true;
    const { deliveries, damaged } = this.#deps.file.next(ROUND_EVENTS_MAX, kind);
    for (const fault of damaged) this.#tell(fault, "a row of the spill file is damaged and set aside");
    for (const delivery of deliveries) pieces.push(...piecesOf(delivery));
    return pieces.length > 0;
  }

  /** With nothing to replay: a delivery of no events finds out whether the store takes any. */
  async probe(): Promise<void> {
    await this.#ask([]);
  }

  async #ask(events: readonly NewEvent[], options?: DeliverOptions): Promise<PieceFate> {
    const { store, presence } = this.#deps;
    try {
      return (await presence.call(() => store.deliver(events, options))).outcome;
    } catch (error) {
      if (isAbsence(error)) return "left";
      const [doing, message] = events.length === 0 ? LOOKING : REPLAYING;
      this.#tell(asFault(error, doing), message);
      return "refused";
    }
  }

  async #settle(kind: SpillKind, round: readonly Piece[], fates: readonly PieceFate[]): Promise<RoundResult> {
    const done: SpilledDelivery[] = [];
    const back: Piece[] = [];
    let replayed = 0;
    for (const [index, piece] of round.entries()) {
      const fate = fates[index];
      if (fate === "taken") {
        replayed += piece.events.length;
        piece.of.piecesLeft -= 1;
        if (piece.of.piecesLeft === 0) done.push(piece.of.delivery);
      } else if (fate === "full") back.push(...split(piece));
      else if (fate === "left") back.push(piece);
    }
    this.#pieces[kind].unshift(...back);
    if (replayed > 0) this.#deps.counters.add({ spill_replayed: replayed });
    if (done.length > 0) await this.#deps.file.remove(done);
    // Where some found room, there may be more by now.
    return { replayed, waitsFor: replayed === 0 && fates.includes("full") ? "room" : "nothing" };
  }

  #tell(fault: Fault, message: string): void {
    this.#deps.counters.add({ [`faults:${fault.code}`]: 1 });
    if (this.#told.has(fault.code)) return;
    this.#told.add(fault.code);
    this.#deps.log.error({ error: fault }, message);
  }
}

/** Takes the first pieces away, of `eventsMin` events or little more. */
function cut(pieces: Piece[], eventsMin: number): readonly Piece[] {
  let events = 0;
  const end = pieces.findIndex((piece) => {
    events += piece.events.length;
    return events >= eventsMin;
  });
  return end === -1 ? pieces.splice(0) : pieces.splice(0, end + 1);
}

function piecesOf(delivery: SpilledDelivery): readonly Piece[] {
  const of: OpenDelivery = { delivery, piecesLeft: 0 };
  const pieces: Piece[] = [];
  for (let from = 0; from < delivery.events.length; from += ROUND_EVENTS_MAX) {
    pieces.push({ of, events: delivery.events.slice(from, from + ROUND_EVENTS_MAX) });
  }
  of.piecesLeft = pieces.length;
  return pieces;
}

/** Event by event, so that it fits in the end, however small the queue was made since. */
function split(piece: Piece): readonly Piece[] {
  if (piece.events.length === 1) return [piece];
  piece.of.piecesLeft += piece.events.length - 1;
  return piece.events.map((event) => ({ of: piece.of, events: [event] }));
}
