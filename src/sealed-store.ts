/**
 * Keeps small texts by name that mean nothing to the store: access tokens, sealed by their owner so that whoever reads the
 * file learns nothing, and the like. Throws Fault STORE_UNAVAILABLE.
 */
export interface SealedStore {
  read(name: string): Promise<string | undefined>;
  /** Inserts or replaces. */
  write(name: string, sealed: string): Promise<void>;
}
