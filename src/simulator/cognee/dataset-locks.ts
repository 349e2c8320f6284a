import { Died, type Life } from "./life.ts";

/** Leaves work behind that keeps the lock until it ends, though the call is answered. */
export type Leave = (rest: Promise<unknown>) => void;

/**
 * One lock a dataset, first come, first served: add, cognify, update and delete of one dataset wait for each other, in silence, however
 * long that takes. The locks live in the server's process and go with it. One entry a dataset ever used.
 */
export class DatasetLocks {
  readonly #life: Life;
  readonly #tails = new Map<string, Promise<void>>();

  constructor(life: Life) {
    this.#life = life;
  }

  /** Waits for the dataset's turn and does work under its lock. Ends with `Died` when the server does. */
  async hold<T>(datasetId: string, work: (leave: Leave) => Promise<T>): Promise<T> {
    const before = this.#tails.get(datasetId) ?? Promise.resolve();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(datasetId, released);
    const left: Promise<unknown>[] = [];
    try {
      await before; // Whoever holds it gives it back in the end, or dies.
      this.#life.check();
      return await work((rest) => left.push(rest));
    } finally {
      // A bug in work that was left behind ends the process, as it should.
      Promise.all(left)
        .catch(passDeath)
        .then(() => release());
    }
  }
}

function passDeath(error: unknown): void {
  if (!(error instanceof Died)) throw error;
}
