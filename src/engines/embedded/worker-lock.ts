import { connect, type Database, isBusy, storeFault } from "./database.ts";

/**
 * The right of one process to claim. Held as an exclusive lock on a second small SQLite file, because the operating
 * system frees such a lock the moment the process is gone, `kill -9` included; a row in the store would stay behind.
 */
export class WorkerLock {
  readonly #path: string;
  #held: Database | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Takes the lock, at once or not at all. False when another process has it. Throws Fault STORE_UNAVAILABLE. */
  acquire(): boolean {
    if (this.#held !== undefined) return true;
    const database = connect(this.#path);
    try {
      database.exec("PRAGMA busy_timeout = 0");
      database.exec("BEGIN EXCLUSIVE");
      this.#held = database;
      return true;
    } catch (error) {
      database.close();
      if (isBusy(error)) return false;
      throw storeFault(error, "taking the worker lock");
    }
  }

  release(): void {
    this.#held?.close();
    this.#held = undefined;
  }
}
