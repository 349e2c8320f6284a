/** A channel that memhook opened. Its token is a secret: it reaches no log, metric, page or error. */
export interface StoredChannel {
  readonly channelId: string;
  readonly token: string;
  readonly notifyUrl: string;
  readonly events: readonly string[];
  readonly openedAt: number;
  /** Epoch milliseconds, as the CRM granted it. */
  readonly expiresAt: number;
}

/** Remembers the channels that memhook opened. Throws Fault STORE_UNAVAILABLE. */
export interface ChannelStore {
  list(): Promise<readonly StoredChannel[]>;
  /** Inserts or replaces by `channelId`. */
  save(channel: StoredChannel): Promise<void>;
  forget(channelId: string): Promise<void>;
}
