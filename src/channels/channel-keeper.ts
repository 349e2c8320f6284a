import type { Clock } from "../clock.ts";
import type { ChannelState, Crm } from "../crm/crm.ts";
import type { Log } from "../log.ts";
import { type Random, randomSecret } from "../random.ts";
import type { ChannelList } from "./channel-list.ts";
import type { ChannelStore, StoredChannel } from "./channel-store.ts";

/** How often the CRM is asked which channels exist, so that a vanished one is noticed within two minutes. One credit each. */
const LIST_EVERY_MS = 100_000;
/** The duty of keeping channels: one process at a time looks, every ten seconds. */
export const CHANNEL_DUTY = "channels:zoho";
/** Longest wait after looks that failed: each costs credits, and what stands in the way (a missing scope) may stay. */
export const FAILED_LOOK_WAIT_MS_MAX = 300_000;
/** Asked for at opening. Zoho's most is 7 days, and asking for more gives one hour; a day's margin survives clock skew. */
const LIFE_MS = 6 * 24 * 3_600_000;
/** Share of the life left at which a channel is renewed. */
const RENEW_SHARE = 1 / 3;
/** 24 bytes are 48 characters; Zoho takes at most 50. */
const TOKEN_BYTES = 24;

/** What the default declaration asks to hear of: every module that can be pushed. Notes cannot. */
export const DEFAULT_CHANNEL_MODULES = ["Accounts", "Contacts", "Deals", "Tasks", "Events", "Calls"] as const;

/** What the keeper is built with. */
export interface ChannelKeeperDeps {
  readonly crm: Pick<Crm, "openChannel" | "listChannels">;
  readonly store: ChannelStore;
  /** What the receiver of this process believes; kept current at each look. */
  readonly list: Pick<ChannelList, "load" | "put" | "channels">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where the CRM posts to. */
  readonly notifyUrl: string;
  readonly modules: readonly string[];
  /** How long the token of a new channel is stored before the CRM hears of it: receivers in other processes must know it first. */
  readonly headStartMs: number;
}

/**
 * Keeps one declared channel open: opens it, renews it with all its settings, opens it anew when it has vanished. Looks
 * only when told to, by the one process that has the duty; a channel of 60 s has two looks in its last third.
 */
export class ChannelKeeper {
  readonly #deps: ChannelKeeperDeps;
  #listedAt = 0;

  constructor(deps: ChannelKeeperDeps) {
    this.#deps = deps;
  }

  /** One look: opens or renews what needs it. Throws a Fault when the CRM or the store refuses. */
  async look(signal: AbortSignal): Promise<void> {
    const { clock, list } = this.#deps;
    await list.load(); // Another process may have kept it until now.
    const ours = list.channels().find((channel) => this.#isDeclared(channel));
    if (ours === undefined) return this.#open(undefined, signal);

    const now = clock.now();
    if (now - this.#listedAt >= LIST_EVERY_MS) {
      const existing = await this.#deps.crm.listChannels(signal);
      this.#listedAt = now;
      if (!existing.some((channel) => channel.channelId === ours.channelId)) return this.#open(ours, signal);
    }
    const lifeLeftMs = ours.expiresAt - now;
    if (lifeLeftMs <= (ours.expiresAt - ours.openedAt) * RENEW_SHARE) await this.#open(ours, signal);
  }

  /** Opens the declared channel, or sets `known` anew with the same id and token, so that callbacks in flight still count. */
  async #open(known: StoredChannel | undefined, signal: AbortSignal): Promise<void> {
    const { clock, crm, list, log, notifyUrl, store } = this.#deps;
    const openedAt = clock.now();
    const wished: StoredChannel = {
      channelId: known?.channelId ?? this.#newChannelId(),
      token: known?.token ?? randomSecret(TOKEN_BYTES),
      notifyUrl,
      events: this.#events(),
      openedAt,
      expiresAt: openedAt + LIFE_MS,
    };
    // Remembered before it is asked for: a callback may arrive before the CRM's answer does.
    await this.#remember({ ...wished, expiresAt: known?.expiresAt ?? openedAt });
    if (known === undefined && this.#deps.headStartMs > 0) await clock.sleep(this.#deps.headStartMs, signal);
    const granted: ChannelState = await crm.openChannel(wished, signal);
    await this.#remember({ ...wished, expiresAt: granted.expiresAt });
    this.#listedAt = openedAt;
    for (const stale of list
      .channels()
      .filter((channel) => !this.#isDeclared(channel) && channel.expiresAt < openedAt)) {
      await store.forget(stale.channelId);
    }
    await list.load();
    log.info(
      {
        channelId: wished.channelId,
        expiresAt: new Date(granted.expiresAt).toISOString(),
        modules: this.#deps.modules,
      },
      known === undefined ? "channel opened" : "channel renewed",
    );
  }

  async #remember(channel: StoredChannel): Promise<void> {
    const { list, store } = this.#deps;
    await store.save(channel);
    list.put([...list.channels().filter((other) => other.channelId !== channel.channelId), channel]);
  }

  #isDeclared(channel: StoredChannel): boolean {
    return channel.notifyUrl === this.#deps.notifyUrl && channel.events.join() === this.#events().join();
  }

  #events(): readonly string[] {
    return this.#deps.modules.flatMap((module) => [`${module}.create`, `${module}.edit`, `${module}.delete`]);
  }

  /** 15 decimal digits: unique in practice, and exact even for a reader that takes it as a number. */
  #newChannelId(): string {
    return String(100_000_000_000_000 + Math.floor(this.#deps.random.next() * 899_999_999_999_999));
  }
}
