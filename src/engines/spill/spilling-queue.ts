import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { asFault, Fault } from "../../faults.ts";
import type { Closeable } from "../../lifecycle.ts";
import type { Log } from "../../log.ts";
import { backoffMs } from "../../queue/backoff.ts";
import type { DeliveryResult, NewEvent, Queue } from "../../queue/queue.ts";
import type { Random } from "../../random.ts";
import { Bell } from "./bell.ts";
import { Replay, type RoundResult } from "./replay.ts";
import { openSpillFile, type SpillFate, type SpillFile, type SpillKind } from "./spill-file.ts";
import { StoreWatch } from "./store-watch.ts";

/** Between two looks whether the store is back, or takes what it refused: soon enough that nobody notices, seldom enough that it hurts nobody. */
const PROBE = { baseMs: 50, capMs: 1_000 } as const;
/** Wait for room in a store that is full: it empties by thousands a second, and senders are told that all is taken. */
const ROOM_MS = 100;
/** Wait after trouble that is not the store's absence: a damaged file, a bug. */
const TROUBLE_MS = 1_000;

/** What a spill is opened with. */
export interface SpillDeps {
  /** The file; SQLite's two come beside it while it is open, and `<path>.lock`. The folder must exist. */
  readonly path: string;
  /** Bound on the bytes of what waits. */
  readonly bytesMax: number;
  readonly store: Pick<Queue, "deliver">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
}

/** What a person wants to know of it. */
export interface SpillStatus {
  /** Events that wait to be replayed. */
  readonly waiting: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** The store did not answer when it was asked last. */
  readonly isAway: boolean;
  /** Since when, epoch milliseconds. */
  readonly awaySince?: number;
  /** The last delivery was refused because it did not fit. */
  readonly isFull: boolean;
}

/** Takes deliveries while the store is away: a bounded local file keeps them, and they are replayed when it is back. */
export interface Spill extends Closeable {
  /**
   * As the store's own; when that throws STORE_UNAVAILABLE the delivery is durable in the file instead, and the outcome is what is
   * known of it: `duplicate` when its key already waits there, else `queued` or `filtered`. The store may have taken it all the
   * same: the replay's dedup settles that. While something waits in the file, a delivery that the store has no room for joins it there; only
   * when the file is full as well the answer is `full`. Throws Fault STORE_UNAVAILABLE when the store is away and the file is full, or the
   * file cannot be written.
   */
  deliver(events: readonly NewEvent[]): Promise<DeliveryResult>;
  /** Replays what an earlier process left. Without it that waits for the first outage. */
  start(): void;
  status(): SpillStatus;
  /** Ends the replay after the calls under way, then closes the file. What waits stays in it. Idempotent. */
  close(): Promise<void>;
}

/** Opens the file, made when missing, for this process alone. Throws Fault STORE_UNAVAILABLE, STORE_INVALID or STORE_IN_USE. */
export function openSpill(deps: SpillDeps): Spill {
  return new SpillingQueue(deps, openSpillFile(deps));
}

/** An outage from its first spilled delivery until all is replayed. */
interface Episode {
  readonly since: number;
  replayed: number;
}

/** See Spill. Apart from `openSpill` for tests that bring a file of their own. */
export class SpillingQueue implements Spill {
  readonly #deps: SpillDeps;
  readonly #file: SpillFile;
  readonly #watch: StoreWatch;
  readonly #replay: Replay;
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #episode: Episode | undefined;
  /** With nothing to replay, one live delivery finds out whether the store is back. */
  #isProbeDue = false;

  constructor(deps: SpillDeps, file: SpillFile) {
    this.#deps = deps;
    this.#file = file;
    this.#watch = new StoreWatch(deps.clock);
    this.#replay = new Replay({ ...deps, file, watch: this.#watch });
  }

  async deliver(events: readonly NewEvent[]): Promise<DeliveryResult> {
    if (this.#watch.isAway && !this.#isProbeDue) return this.#spill(events, "away");
    this.#isProbeDue = false;
    const wasAway = this.#watch.isAway;
    const call = this.#watch.ask();
    let result: DeliveryResult;
    try {
      result = await this.#deps.store.deliver(events);
    } catch (error) {
      if (!isAbsence(error)) throw error;
      this.#watch.failed(call);
      return this.#spill(events, "away", error);
    }
    this.#watch.answered(call);
    if (wasAway) this.#wake();
    return result.outcome === "full" && this.#file.waiting > 0 ? this.#spillBehind(events, result) : result;
  }

  start(): void {
    if (this.#file.waiting > 0) {
      this.#episode ??= { since: this.#deps.clock.now(), replayed: 0 };
      this.#deps.log.info({ events: this.#file.waiting }, "replaying deliveries that an earlier process spilled");
    }
    this.#wake();
  }

  status(): SpillStatus {
    const { awaySince } = this.#watch;
    return {
      waiting: this.#file.waiting,
      bytes: this.#file.bytes,
      bytesMax: this.#deps.bytesMax,
      isAway: this.#watch.isAway,
      ...(awaySince === undefined ? {} : { awaySince }),
      isFull: this.#file.isFull,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#loop; // Its calls under way end within the store's own bound on a call.
    this.#file.close();
  }

  /** What others were promised fills the store: this one waits for room behind them, and is refused where the file has none either. */
  async #spillBehind(events: readonly NewEvent[], refusal: DeliveryResult): Promise<DeliveryResult> {
    try {
      return await this.#spill(events, "full");
    } catch (error) {
      if (isAbsence(error)) return refusal;
      throw error;
    }
  }

  async #spill(events: readonly NewEvent[], kind: SpillKind, cause?: Fault): Promise<DeliveryResult> {
    const { counters } = this.#deps;
    try {
      const fates = await this.#file.append(events, kind);
      if (fates === "full")
        throw new Fault("STORE_UNAVAILABLE", "spilling a delivery: the spill file is full", { cause });
      this.#noteSpilled(fates, kind, cause);
      return { outcome: "taken", events: fates };
    } catch (error) {
      counters.add({ spill_refused: events.length });
      throw error;
    } finally {
      this.#wake();
    }
  }

  #noteSpilled(fates: readonly SpillFate[], kind: SpillKind, cause: Fault | undefined): void {
    const { clock, counters, log } = this.#deps;
    const duplicates = fates.filter((fate) => fate === "duplicate").length;
    if (fates.length > duplicates) counters.add({ spill_events: fates.length - duplicates });
    // The others are counted by the store when they are replayed.
    if (duplicates > 0) counters.add({ events_total: duplicates, events_duplicate: duplicates });
    if (this.#episode !== undefined) return;
    this.#episode = { since: clock.now(), replayed: 0 };
    this.#replay.begin();
    if (kind === "away") log.warn({ error: cause }, "the store is away: deliveries are kept in the spill file");
    else log.warn({}, "the store is full behind a replay: deliveries are kept in the spill file");
  }

  #wake(): void {
    this.#loop ??= this.#run(this.#stop.signal);
    this.#bell.ring();
  }

  /** Replays while something waits, and looks for the store while it is away. Ends when closed. */
  async #run(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    let waitsFor: RoundResult["waitsFor"] = "nothing";
    while (!signal.aborted) {
      if (this.#watch.isAway || waitsFor === "time") {
        attempt += 1;
        await this.#sleep(backoffMs(attempt, this.#deps.random, PROBE), signal);
      } else if (waitsFor === "room") await this.#sleep(ROOM_MS, signal);
      if (signal.aborted) return;
      if (this.#file.waiting === 0) {
        waitsFor = "nothing";
        if (this.#watch.isAway) this.#isProbeDue = true;
        else {
          attempt = 0;
          this.#endEpisode();
        }
        await this.#bell.wait(signal);
        continue;
      }
      const round = await this.#round(signal);
      waitsFor = round.waitsFor;
      if (round.replayed > 0) attempt = 0;
    }
  }

  async #round(signal: AbortSignal): Promise<RoundResult> {
    try {
      const round = await this.#replay.round(this.#watch.isAway);
      if (this.#episode !== undefined) this.#episode.replayed += round.replayed;
      return round;
    } catch (error) {
      const fault = asFault(error, "replaying the spill file");
      this.#deps.counters.add({ [`faults:${fault.code}`]: 1 });
      this.#deps.log.error({ error: fault }, "the spill file cannot be replayed; trying again");
      await this.#sleep(TROUBLE_MS, signal);
      return { replayed: 0, waitsFor: "nothing" };
    }
  }

  #endEpisode(): void {
    if (this.#episode === undefined) return;
    const { since, replayed } = this.#episode;
    this.#episode = undefined;
    const durationMs = this.#deps.clock.now() - since;
    this.#deps.log.info({ events: replayed, durationMs }, "all spilled deliveries are replayed");
  }

  /** Ends early, and quietly, when closed. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** The store, or the file, cannot be used now. */
function isAbsence(error: unknown): error is Fault {
  return error instanceof Fault && error.code === "STORE_UNAVAILABLE";
}
