import type { Clock } from "../../clock.ts";
import { asFault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { Link } from "./link.ts";
import { needsPerson } from "./server-error.ts";

/** Shortest wait before the next try: a restarted Redis is back within some 100 ms. */
const RETRY_MS_MIN = 50;
/** Longest wait: who waits for Redis to come back should notice at once, and a try costs nearly nothing. */
const RETRY_MS_MAX = 1_000;
/** A link that lasted this long was good: the next loss is met with short waits again. */
const STEADY_MS = 5_000;
/** How often a person is told again that the sign-in is refused. */
const REMIND_MS = 60_000;

/** What a keeper needs. */
export interface KeeperOptions {
  readonly open: () => Promise<Link>;
  /** Makes a new link fit for use. Throws when it is not. */
  readonly prepare: (link: Link) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Aborted = no further try. The link is ended by the same signal. */
  readonly signal: AbortSignal;
}

/** Keeps one link up: opens it, and opens another when it ends, for ever. Tells of each change once. */
export class LinkKeeper {
  /** Resolves when the first try has ended, well or not. Never rejects. */
  readonly tried: Promise<void>;
  readonly #options: KeeperOptions;
  readonly #running: Promise<void>;
  #link: Link | undefined;
  #isAwayKnown = false;
  #remindedAt = Number.NEGATIVE_INFINITY;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.tried = promise;
    this.#running = this.#run(resolve);
  }

  /** The link, where one is up and prepared. */
  get link(): Link | undefined {
    return this.#link?.isUp === true ? this.#link : undefined;
  }

  /** Resolves when no try is under way any more; the signal was aborted before. */
  async stopped(): Promise<void> {
    await this.#running;
  }

  async #run(tried: () => void): Promise<void> {
    const { clock, signal } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const link = await this.#connect();
      this.#link = link;
      if (link !== undefined) this.#tellBack();
      tried();
      if (link !== undefined) {
        const upAt = clock.now();
        const reason = await link.ended;
        this.#link = undefined;
        this.#tellAway(reason);
        if (clock.now() - upAt >= STEADY_MS) failures = 0;
      }
      if (signal.aborted) break;
      await clock.sleep(this.#waitMs(failures), signal).catch(() => undefined); // Closed.
      failures += 1;
    }
    tried();
  }

  async #connect(): Promise<Link | undefined> {
    let link: Link | undefined;
    try {
      link = await this.#options.open();
      await this.#options.prepare(link);
      return link;
    } catch (error) {
      const fault = asFault(error, "connecting to Redis");
      const isNew = fault.code === "UNEXPECTED" && !this.#isAwayKnown;
      if (isNew) this.#options.log.error({ error: fault }, "a new connection to Redis is not fit for use");
      this.#tellAway(fault.detail ?? fault.code);
      link?.end(fault.detail ?? fault.code);
      return undefined;
    }
  }

  /** Full jitter over a growing range, so that many processes do not come back in one instant. */
  #waitMs(failures: number): number {
    const range = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures + 1, 10)) - RETRY_MS_MIN;
    return RETRY_MS_MIN + Math.floor(this.#options.random.next() * range);
  }

  #tellBack(): void {
    this.#isAwayKnown = false;
    this.#remindedAt = Number.NEGATIVE_INFINITY;
    this.#options.log.info({}, "connected to Redis");
  }

  /** One line when Redis goes away, none per try; but a refused sign-in waits for a person, who is reminded. */
  #tellAway(reason: string): void {
    const { log, clock, signal } = this.#options;
    if (signal.aborted) return;
    if (needsPerson(reason)) {
      if (clock.now() - this.#remindedAt < REMIND_MS) return;
      this.#remindedAt = clock.now();
      log.error({ reason }, "Redis refuses the sign-in; trying on");
    } else if (!this.#isAwayKnown) {
      log.warn({ reason }, "Redis is away; trying on");
    }
    this.#isAwayKnown = true;
  }
}
