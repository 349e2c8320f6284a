import type { Clock } from "../../clock.ts";

/**
 * Where the server can be made to die, each with the state that the real one was found in after `kill -9`:
 * - `add`: some documents are stored, with their labels; the others never came.
 * - `cognify`: status STARTED, no document of the run is done, parts of the run can be seen.
 * - `update-before-writes`: nothing has changed.
 * - `update-writing`: the old and the new text are both searchable, the row is the old one, nothing is pending.
 * - `update-before-answer`: all is done, nobody is told.
 * - `rebuild`: of an update by full rebuild: the row is new, nothing is searchable, the document is pending, status STARTED.
 * - `delete`: the document is still there.
 */
export type CrashPlace =
  | "add"
  | "cognify"
  | "update-before-writes"
  | "update-writing"
  | "update-before-answer"
  | "rebuild"
  | "delete";

/** Thrown out of all work in flight when the server dies: it changes nothing more and is answered by nobody. */
export class Died extends Error {
  override readonly name = "Died";
}

/**
 * One life of the server's process, from a start to the crash that ends it. Work belongs to the life that it began in, so
 * that nothing of it goes on after a restart.
 */
export class Life {
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  readonly #died = Promise.withResolvers<void>();
  #armed: { readonly place: CrashPlace; readonly after: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when this life has ended. */
  get died(): Promise<void> {
    return this.#died.promise;
  }

  /** Lets the server die as soon as work comes to a place, after so many documents of that work. */
  arm(place: CrashPlace, after: number): void {
    this.#armed = { place, after };
  }

  /** Dies now; all work in flight ends where it is. */
  end(): void {
    this.#ending.abort(new Died("the stand-in was killed"));
    this.#died.resolve();
  }

  /** True when the next `reach` of this place is the last. */
  isArmed(place: CrashPlace): boolean {
    return this.#armed?.place === place;
  }

  /** Throws `Died` when this life is over. */
  check(): void {
    this.#ending.signal.throwIfAborted();
  }

  /** Work says where it is: `done` of `total` documents. Throws `Died` when the server is to die there. */
  reach(place: CrashPlace, progress: { readonly done: number; readonly total: number } = { done: 0, total: 0 }): void {
    this.check();
    if (this.#armed?.place !== place || progress.done < Math.min(this.#armed.after, progress.total)) return;
    this.end();
    this.check();
  }

  /** Waits on the clock, no longer than the server lives. Does not wait at all when there is nothing to wait for. */
  async wait(ms: number): Promise<void> {
    this.check();
    if (ms > 0) await this.#clock.sleep(ms, this.#ending.signal);
  }
}
