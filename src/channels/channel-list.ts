import type { Clock } from "../clock.ts";
import { asFault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import type { Log } from "../log.ts";
import type { ChannelStore, StoredChannel } from "./channel-store.ts";

/** How often the store is asked: how late callbacks of a channel that another process opened are believed here. */
export const CHANNELS_RELOAD_MS = 3_000;

/** The channels that memhook opened and still remembers, held in memory: the receiver asks on every callback. */
export class ChannelList implements Closeable {
  readonly #store: Pick<ChannelStore, "list">;
  readonly #deps: { readonly clock: Clock; readonly log: Log };
  readonly #closing = new AbortController();
  #channels: readonly StoredChannel[] = [];
  #puts = 0;
  #isLoaded = false;
  #running: Promise<void> | undefined;

  constructor(store: Pick<ChannelStore, "list">, deps: { readonly clock: Clock; readonly log: Log }) {
    this.#store = store;
    this.#deps = deps;
  }

  /** The channels as last read: the same array until one of them changes. */
  channels(): readonly StoredChannel[] {
    return this.#channels;
  }

  /** Reads the store. Throws Fault STORE_UNAVAILABLE; what was known stays known. */
  async load(): Promise<void> {
    const puts = this.#puts;
    const stored = await this.#store.list();
    if (puts === this.#puts) this.put(stored.length === 0 ? this.#living() : stored); // Else it was read before what was put meanwhile.
    this.#isLoaded = true;
  }

  /** False until the store was read once: until then nobody can say that a token is wrong. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** What is known and has not expired: a store that lost everything says nothing about channels that the CRM still has. */
  #living(): readonly StoredChannel[] {
    const now = this.#deps.clock.now();
    return this.#channels.filter(({ expiresAt }) => expiresAt > now);
  }

  /** Takes over what is known to be in the store. */
  put(channels: readonly StoredChannel[]): void {
    this.#puts += 1;
    const isSame = JSON.stringify(channels) === JSON.stringify(this.#channels);
    if (!isSame) this.#channels = channels;
  }

  /** Reads the store again every few seconds from now on: other processes open and renew channels too. */
  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    const signal = this.#closing.signal;
    while (!signal.aborted) {
      try {
        await this.load();
      } catch (error) {
        const fault = asFault(error, "reading the channels");
        // A store that is away is told by others, once; its channels are known until it is back.
        log[fault.code === "UNEXPECTED" ? "error" : "debug"]({ error: fault }, "the channels could not be read");
      }
      await clock.sleep(CHANNELS_RELOAD_MS, signal).catch(() => undefined); // Closed.
    }
  }
}
