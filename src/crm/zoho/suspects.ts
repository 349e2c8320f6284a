import { type Clock, withTimeout } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { HttpFailure } from "../../http.ts";
import { Gate } from "./gate.ts";

/** How long an item that hung is kept apart: longer than all its attempts and their backoff. */
const APART_MS = 300_000;
/** Suspects remembered; the oldest goes first and costs one more time-out. */
const SUSPECTS_MAX = 1_000;
/** Suspects read at a time, and groups searched at a time: of eight calls at once, two stay free for everyone else. */
const WIDTH = 3;
/** What a search gives a group, as a share of a call's time-out: two rounds and the batch itself make two time-outs. */
const SEARCH_SHARE = 0.5;

/** What the memory of suspects is built with. */
export interface SuspectsDeps {
  readonly clock: Clock;
  /** The time-out of one call. */
  readonly timeoutMs: number;
}

/** Remembers items whose reads hung, so that they are read apart from all others for a while; and reads apart, in few calls at once. */
export class Suspects {
  readonly #deps: SuspectsDeps;
  readonly #until = new Map<string, number>();
  readonly #lane = new Gate(WIDTH);
  readonly #search = new Gate(WIDTH);

  constructor(deps: SuspectsDeps) {
    this.#deps = deps;
  }

  has(id: string): boolean {
    return this.#deps.clock.now() < (this.#until.get(id) ?? 0);
  }

  add(id: string): void {
    this.#until.delete(id);
    this.#until.set(id, this.#deps.clock.now() + APART_MS);
    const [oldest] = this.#until.keys();
    if (this.#until.size > SUSPECTS_MAX && oldest !== undefined) this.#until.delete(oldest);
  }

  /** Reads a suspect by itself, when it is its turn; a turn that does not come within a time-out counts as one. */
  async alone<Result>(
    { id, doing }: { readonly id: string; readonly doing: string },
    read: (signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result | Fault> {
    const startedAt = this.#deps.clock.now();
    const turn = new AbortController();
    const begun = new AbortController();
    const leave = () => turn.abort(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    const late = new Fault("CRM_READ_FAILED", doing, { detail: "no reply in time; others that hang were before it" });
    this.#deps.clock.sleep(this.#deps.timeoutMs, begun.signal).then(
      () => turn.abort(late),
      () => undefined, // Its turn came.
    );
    try {
      return await this.#lane.run(async () => {
        begun.abort();
        const result = await read(signal);
        if (this.#deps.clock.now() - startedAt < this.#deps.timeoutMs * SEARCH_SHARE) this.#until.delete(id);
        return result;
      }, turn.signal);
    } catch (error) {
      if (error === late) return late;
      throw error;
    } finally {
      begun.abort();
      signal.removeEventListener("abort", leave);
    }
  }

  /** Reads a group in less than a time-out, few groups at a time. Throws the fault of a call that timed out when it takes longer. */
  soon<Result>(doing: string, read: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const { clock, timeoutMs } = this.#deps;
    const ms = timeoutMs * SEARCH_SHARE;
    return this.#search.run(async () => {
      let own: AbortSignal | undefined;
      try {
        return await withTimeout(clock, { ms, signal }, (bounded) => {
          own = bounded;
          return read(bounded);
        });
      } catch (error) {
        if (signal.aborted || own?.aborted !== true) throw error;
        const cause = new HttpFailure("timeout", `${doing}: not done within ${ms} ms`);
        throw new Fault("CRM_UNREACHABLE", doing, { cause, detail: "no reply in time" });
      }
    }, signal);
  }
}
