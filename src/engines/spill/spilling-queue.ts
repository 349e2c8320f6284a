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
import { openSpillFile, type SpillFate, type SpillFile, type SpillRefusal } from "./spill-file.ts";
import type { SpillKind } from "./spill-table.ts";
import { isAbsence, type StorePresence } from "./store-presence.ts";

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
  /** One for all files of this process on this store: what one finds out, all know. */
  readonly presence: StorePresence;
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
  /** Why the file takes nothing now; undefined = it does. */
  readonly refusal: SpillRefusal | undefined;
}

/** Takes deliveries while the store is away: a bounded local file keeps them, and they are replayed when it is back. */
export interface Spill extends Closeable {
  /**
   * As the store's own; when that throws STORE_UNAVAILABLE the delivery is durable in the file instead, and the outcome is what is
   * known of it: `duplicate` when its key already waits there, else `queued` or `filtered`. The store may have taken it all the
   * same: the replay's dedup settles that. For a minute after its return a delivery that it has no room for waits in the file as well,
   * and later ones wait behind it. After that minute, or when the file takes nothing, the answer is the store's own. Throws Fault
   * STORE_UNAVAILABLE when the store is away and the file is full, or cannot be written.
   */
  deliver(events: readonly NewEvent[]): Promise<DeliveryResult>;
  /** Asks the store for a sign of life, so that an outage is noticed by a process which nobody sends anything. */
  look(): Promise<void>;
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
  readonly #presence: StorePresence;
  readonly #replay: Replay;
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #episode: Episode | undefined;
  /** What the last round left, and the next one waits for. */
  #waitsFor: RoundResult["waitsFor"] = "nothing";

  constructor(deps: SpillDeps, file: SpillFile) {
    this.#deps = deps;
    this.#file = file;
    this.#presence = deps.presence;
    this.#replay = new Replay({ ...deps, file });
  }

  async deliver(events: readonly NewEvent[]): Promise<DeliveryResult> {
    const presence = this.#presence;
    if (presence.isAway) return this.#spill(events, "away");
    // Behind those that came first.
    if (this.#waitsFor === "room" && presence.isRecovering) return this.#waitForRoom(events);
    let result: DeliveryResult;
    try {
      result = await presence.call(() => this.#deps.store.deliver(events));
    } catch (error) {
      if (!isAbsence(error)) throw error;
      return this.#spill(events, "away", error);
    }
    return result.outcome === "full" && presence.isRecovering ? this.#waitForRoom(events) : result;
  }

  async look(): Promise<void> {
    if (!this.#presence.isAway) await this.#replay.probe();
    if (this.#presence.isAway) this.#wake();
  }

  start(): void {
    if (this.#file.waiting > 0) {
      this.#presence.recover();
      this.#episode ??= { since: this.#deps.clock.now(), replayed: 0 };
      this.#deps.log.info({ events: this.#file.waiting }, "replaying deliveries that an earlier process spilled");
    }
    this.#wake();
  }

  status(): SpillStatus {
    return {
      waiting: this.#file.waiting,
      bytes: this.#file.bytes,
      bytesMax: this.#deps.bytesMax,
      isAway: this.#presence.isAway,
      refusal: this.#file.refusal,
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

  /** Soon after an outage the store may be full of what others were promised; later its refusal is the sender's, so that it slows down. */
  async #waitForRoom(events: readonly NewEvent[]): Promise<DeliveryResult> {
    try {
      return await this.#spill(events, "full");
    } catch (error) {
      if (isAbsence(error)) return { outcome: "full" };
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
    else log.warn({}, "the store is full after an outage: deliveries wait for room in the spill file");
  }

  #wake(): void {
    this.#loop ??= this.#run(this.#stop.signal);
    this.#bell.ring();
  }

  /** Replays while something waits, and looks for a store that is away and at a file that cannot be written. Ends when closed. */
  async #run(signal: AbortSignal): Promise<void> {
    let looks = 0;
    while (!signal.aborted) {
      const { waiting, refusal } = this.#file;
      const need = needOf({ waiting, refusal, isAway: this.#presence.isAway, waitsFor: this.#waitsFor });
      if (need === "nothing") {
        [looks, this.#waitsFor] = [0, "nothing"];
        this.#endEpisode();
        await this.#bell.wait(signal);
        continue;
      }
      if (need === "look") looks += 1;
      if (need !== "replay") {
        await this.#sleep(need === "room" ? ROOM_MS : backoffMs(looks, this.#deps.random, PROBE), signal);
        if (signal.aborted) return;
        if (this.#file.refusal === "unwritable") await this.#file.prove();
      }
      if (await this.#replayed(signal)) looks = 0;
    }
  }

  /** A round, or a look where nothing waits. Whether something was replayed. */
  async #replayed(signal: AbortSignal): Promise<boolean> {
    if (this.#file.waiting === 0) {
      if (this.#presence.isAway) await this.#replay.probe();
      return false;
    }
    const round = await this.#round(signal);
    this.#waitsFor = round.waitsFor;
    return round.replayed > 0;
  }

  async #round(signal: AbortSignal): Promise<RoundResult> {
    try {
      const round = await this.#replay.round(this.#presence.isAway);
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

/** What the loop does next: replay at once, or when the store may have room, or look whether store and file are well again. */
type Need = "nothing" | "replay" | "room" | "look";

function needOf(state: {
  readonly waiting: number;
  readonly refusal: SpillRefusal | undefined;
  readonly isAway: boolean;
  readonly waitsFor: RoundResult["waitsFor"];
}): Need {
  const { waiting, refusal, isAway, waitsFor } = state;
  if (waiting === 0) return isAway || refusal === "unwritable" ? "look" : "nothing";
  if (isAway || waitsFor === "time") return "look";
  return waitsFor === "room" ? "room" : "replay";
}
