import type { Lane } from "../queue/queue.ts";
import { runClaimLoop } from "./claim-loop.ts";
import type { BatchDeps } from "./process-batch.ts";

/** The claim loops of all lanes: as many as wanted, each ended after its batch. */
export class LaneLoops {
  readonly #batch: BatchDeps;
  readonly #ending = new Set<Promise<void>>();
  readonly #wanted: Readonly<Record<Lane, AbortController[]>> = { route: [], sync: [], index: [] };
  /** Loops that run; more than wanted while surplus ones end their batch. */
  readonly running: Record<Lane, number> = { route: 0, sync: 0, index: 0 };

  constructor(batch: BatchDeps) {
    this.#batch = batch;
  }

  /** Jobs that are being worked on. */
  get inFlight(): Readonly<Record<Lane, number>> {
    return this.#batch.deps.inFlight;
  }

  /** Sets how many loops a lane has; new ones claim up to `limit` jobs at a time. */
  adjust(lane: Lane, { count, limit }: { readonly count: number; readonly limit: number }): void {
    const loops = this.#wanted[lane];
    while (loops.length < count) loops.push(this.#launch(lane, limit));
    while (loops.length > count) loops.pop()?.abort();
  }

  /** Tells every loop to end after its batch. Resolves when all have. */
  async end(): Promise<void> {
    for (const loops of Object.values(this.#wanted)) for (const loop of loops) loop.abort();
    await Promise.allSettled([...this.#ending]);
  }

  #launch(lane: Lane, limit: number): AbortController {
    const stopping = new AbortController();
    const onInFlight = (delta: number) => {
      this.#batch.deps.inFlight[lane] += delta;
    };
    this.running[lane] += 1;
    const loop = runClaimLoop(this.#batch, { lane, limit, stopping: stopping.signal, onInFlight }).finally(() => {
      this.#ending.delete(loop);
      this.running[lane] -= 1;
    });
    this.#ending.add(loop);
    return stopping;
  }
}
