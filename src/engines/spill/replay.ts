import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { asFault, Fault, type FaultCode } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { NewEvent, Queue } from "../../queue/queue.ts";
import type { SpilledDelivery, SpillFile } from "./spill-file.ts";
import type { StoreWatch } from "./store-watch.ts";

/** Events in one round: one call of the Redis engine (some 3 ms of its time), so that live deliveries never wait long behind it. */
const ROUND_EVENTS_MAX = 200;

/** What replaying needs. */
export interface ReplayDeps {
  readonly file: SpillFile;
  readonly store: Pick<Queue, "deliver">;
  readonly watch: StoreWatch;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
}

/** How a round went. `held`: the store is full, or the file gave nothing; something is left and must wait. */
export type RoundResult = { readonly replayed: number; readonly isHeld: boolean };

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
 * Hands over what waits, in the order of arrival, and removes a delivery only after the store has answered for all of it. A crash
 * in between repeats it: the store's dedup then knows it, and an event without a dedup key makes its account due once more.
 */
export class Replay {
  readonly #deps: ReplayDeps;
  #pieces: Piece[] = [];
  #boundFrom = Number.POSITIVE_INFINITY;
  /** Faults already told in this outage, or since the last rewind, so that a file of bad rows is a line and not a flood. */
  readonly #told = new Set<FaultCode>();

  constructor(deps: ReplayDeps) {
    this.#deps = deps;
  }

  /** A new outage: its faults are told anew. */
  begin(): void {
    this.#told.clear();
  }

  /**
   * Rows from this number on were spilled because the store was full, and wait for room in it. All before it were spilled because it was
   * away: they go in at once, where they coalesce, so that the work of an outage is a sync per account and not a queue's length at a time.
   */
  boundFrom(seq: number): void {
    if (seq === Number.POSITIVE_INFINITY || this.#boundFrom === Number.POSITIVE_INFINITY) this.#boundFrom = seq;
  }

  /** One round; `isProbe` = one call only. Throws Fault STORE_UNAVAILABLE or STORE_INVALID when the file cannot be read. */
  async round(isProbe: boolean): Promise<RoundResult> {
    if (this.#pieces.length === 0) this.#read();
    if (this.#pieces.length === 0) {
      // Rows that wait but were read: the store refused them as no outage explains. They are tried again from the first on.
      this.#deps.file.rewind();
      this.#told.clear();
      return { replayed: 0, isHeld: true };
    }
    const round = this.#cut(isProbe ? 1 : ROUND_EVENTS_MAX);
    const fates = await Promise.all(round.map((piece) => this.#deliver(piece)));
    return this.#settle(round, fates);
  }

  #read(): void {
    const { deliveries, damaged } = this.#deps.file.next(ROUND_EVENTS_MAX);
    for (const fault of damaged) this.#tell(fault, "a row of the spill file is damaged and set aside");
    for (const delivery of deliveries) this.#pieces.push(...piecesOf(delivery));
  }

  /** The first pieces, of `eventsMin` events or little more. */
  #cut(eventsMin: number): readonly Piece[] {
    let events = 0;
    const end = this.#pieces.findIndex((piece) => {
      events += piece.events.length;
      return events >= eventsMin;
    });
    return end === -1 ? this.#pieces.splice(0) : this.#pieces.splice(0, end + 1);
  }

  async #deliver({ events, of }: Piece): Promise<PieceFate> {
    const { store, watch } = this.#deps;
    const call = watch.ask();
    try {
      const { outcome } = await store.deliver(events, { isAcknowledged: of.delivery.seq < this.#boundFrom });
      watch.answered(call);
      return outcome;
    } catch (error) {
      if (error instanceof Fault && error.code === "STORE_UNAVAILABLE") {
        watch.failed(call);
        return "left";
      }
      this.#tell(asFault(error, "replaying a spilled delivery"), "a spilled delivery is refused and tried again later");
      return "refused";
    }
  }

  async #settle(round: readonly Piece[], fates: readonly PieceFate[]): Promise<RoundResult> {
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
    this.#pieces = [...back, ...this.#pieces];
    if (replayed > 0) this.#deps.counters.add({ spill_replayed: replayed });
    if (done.length > 0) await this.#deps.file.remove(done);
    return { replayed, isHeld: fates.includes("full") };
  }

  #tell(fault: Fault, message: string): void {
    this.#deps.counters.add({ [`faults:${fault.code}`]: 1 });
    if (this.#told.has(fault.code)) return;
    this.#told.add(fault.code);
    this.#deps.log.error({ error: fault }, message);
  }
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
