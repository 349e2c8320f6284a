/** A thing with a lifetime. `close` is idempotent and bounded. */
export interface Closeable {
  close(): Promise<void>;
}

/**
 * Things started in order and closed in the reverse order. A failed start closes what had started.
 * `close` runs once; a failing part does not keep the others open, and its error is thrown at the end.
 */
export class Lifecycle implements Closeable {
  readonly #opened: { readonly name: string; readonly close: () => Promise<void> }[] = [];
  #closing: Promise<void> | undefined;

  /** Registers how to close what was just started. */
  add(name: string, close: () => Promise<void> | void): void {
    this.#opened.push({ name, close: async () => close() });
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const part of this.#opened.reverse()) {
      try {
        await part.close();
      } catch (error) {
        errors.push(new Error(`closing ${part.name}`, { cause: error }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "closing");
  }
}
