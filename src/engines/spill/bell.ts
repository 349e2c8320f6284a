/**
 * Wakes one sleeper. It remembers nothing: who waits has looked at the state in the same turn, and whoever changes the state rings
 * afterwards, so that nothing is missed.
 */
export class Bell {
  #wake: () => void = () => undefined;

  ring(): void {
    this.#wake();
  }

  /** Resolves at the next ring, or when the signal is aborted. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#wake = wake;
      if (signal.aborted) wake();
      else signal.addEventListener("abort", wake, { once: true });
    });
  }
}
