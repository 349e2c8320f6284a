import { untilAborted } from "../../until-aborted.ts";

/** What runs now, and for how many. */
interface Running<Result> {
  readonly work: Promise<Result>;
  readonly stop: AbortController;
  waiting: number;
}

/**
 * Work that all who need it at the same time wait for together. Who leaves rejects alone, with its own signal's reason; the work is aborted when
 * nobody waits for it any more. Its bound is that of the work.
 */
export class SharedWork<Result> {
  readonly #start: (signal: AbortSignal) => Promise<Result>;
  #running: Running<Result> | undefined;

  constructor(start: (signal: AbortSignal) => Promise<Result>) {
    this.#start = start;
  }

  /** The result of what runs, or of a new start. Rejects as the work does, or with the signal's reason. */
  async join(signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    this.#running ??= this.#begin();
    const running = this.#running;
    running.waiting += 1;
    try {
      return await untilAborted(running.work, signal);
    } finally {
      running.waiting -= 1;
      if (running.waiting === 0) {
        running.stop.abort(signal.reason);
        if (this.#running === running) this.#running = undefined;
      }
    }
  }

  #begin(): Running<Result> {
    const stop = new AbortController();
    return { work: this.#start(stop.signal), stop, waiting: 0 };
  }
}
