import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { ChannelState, Crm } from "../crm/crm.ts";
import { asFault, type FaultCode } from "../faults.ts";
import type { Log } from "../log.ts";
import { type Random, randomSecret } from "../random.ts";
import type { ChannelStore, StoredChannel } from "./channel-store.ts";

/** How often the stored expiry is looked at: a channel of 60 s still has two looks in its last third. */
const LOOK_EVERY_MS = 10_000;
/** How often the CRM is asked which channels exist, so that a vanished one is noticed within two minutes. One credit each. */
const LIST_EVERY_MS = 100_000;
/** Longest wait after looks that failed: each costs credits, and what stands in the way (a missing scope) may stay. */
const FAILED_WAIT_MS_MAX = 300_000;
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
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Pick<Counters, "add">;
  /** Where the CRM posts to. */
  readonly notifyUrl: string;
  readonly modules: readonly string[];
}

/** Keeps one declared channel open: opens it, renews it with all its settings, opens it anew when it has vanished. */
export class ChannelKeeper {
  readonly #deps: ChannelKeeperDeps;
  readonly #ending = new AbortController();
  #channels: readonly StoredChannel[] = [];
  #listedAt = 0;
  #failures = 0;
  #fault: FaultCode | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: ChannelKeeperDeps) {
    this.#deps = deps;
  }

  /** The channels that memhook opened and still remembers; read by the receiver on every callback, so held in memory. */
  channels(): readonly StoredChannel[] {
    return this.#channels;
  }

  /** What keeps the channel from being kept now; undefined = the last look was well. */
  fault(): FaultCode | undefined {
    return this.#fault;
  }

  /** Reads the stored channels, so that callbacks of an earlier process authenticate from the first request on. */
  async load(): Promise<void> {
    this.#channels = await this.#deps.store.list();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops looking; the channel stays open, so that what happens meanwhile is still announced when we are back. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, counters, log } = this.#deps;
    const signal = this.#ending.signal;
    while (!signal.aborted) {
      let waitMs = LOOK_EVERY_MS;
      try {
        await this.look(signal);
        this.#failures = 0;
        this.#fault = undefined;
      } catch (error) {
        if (signal.aborted) return;
        const fault = asFault(error, "keeping the channel");
        counters.add({ [`faults:${fault.code}`]: 1 });
        this.#fault = fault.code;
        waitMs = Math.min(FAILED_WAIT_MS_MAX, LOOK_EVERY_MS * 2 ** this.#failures);
        this.#failures += 1;
        const level = fault.code === "UNEXPECTED" ? "error" : "warn";
        const fields = { fault: fault.code, error: fault, nextInMs: waitMs };
        log[level](fields, "the channel could not be kept; trying again");
      }
      await clock.sleep(waitMs, signal).catch((reason: unknown) => {
        if (!signal.aborted) throw reason;
      });
    }
  }

  /** One look: opens or renews what needs it. Throws a Fault when the CRM or the store refuses. */
  async look(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const ours = this.#channels.find((channel) => this.#isDeclared(channel));
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
    const { clock, crm, log, notifyUrl, store } = this.#deps;
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
    const granted: ChannelState = await crm.openChannel(wished, signal);
    await this.#remember({ ...wished, expiresAt: granted.expiresAt });
    this.#listedAt = openedAt;
    for (const stale of this.#channels.filter(
      (channel) => !this.#isDeclared(channel) && channel.expiresAt < openedAt,
    )) {
      await store.forget(stale.channelId);
    }
    this.#channels = await store.list();
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
    await this.#deps.store.save(channel);
    this.#channels = [...this.#channels.filter((other) => other.channelId !== channel.channelId), channel];
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
