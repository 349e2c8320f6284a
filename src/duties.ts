/** Work that one process at a time does for all of them: keeping channels, schedules. */
export interface Duties {
  /**
   * Takes the duty for `leaseMs`, or prolongs it for the process that has it. False = another process has it.
   * Throws Fault STORE_UNAVAILABLE.
   */
  hold(name: string, leaseMs: number): Promise<boolean>;
  /** Gives the duty back, if this process has it. Throws Fault STORE_UNAVAILABLE. */
  release(name: string): Promise<void>;
}
