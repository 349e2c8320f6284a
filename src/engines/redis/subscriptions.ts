import { silentLog } from "../../log.ts";
import type { Link } from "./link.ts";
import { type KeeperOptions, LinkKeeper } from "./link-keeper.ts";

/** Topics listened to at most: the engine has one. */
const TOPICS_MAX = 100;

/** Pub/sub on a connection of its own, made with the first topic. Heals by itself; what was published meanwhile is lost. */
export class Subscriptions {
  readonly #options: Omit<KeeperOptions, "prepare">;
  readonly #listeners = new Map<string, ((message: string) => void)[]>();
  #keeper: LinkKeeper | undefined;

  constructor(options: Omit<KeeperOptions, "prepare" | "log">) {
    // The main connection goes and comes with this one and has told it already.
    this.#options = { ...options, log: silentLog };
  }

  /** Listens to a topic. Resolves when the first try to has ended, well or not. */
  async add(topic: string, onMessage: (message: string) => void): Promise<void> {
    const known = this.#listeners.get(topic);
    if (known !== undefined) {
      known.push(onMessage);
      return this.#keeper?.tried;
    }
    if (this.#listeners.size >= TOPICS_MAX) throw new RangeError(`more than ${TOPICS_MAX} topics`);
    this.#listeners.set(topic, [onMessage]);
    const link = this.#keeper?.link;
    if (link !== undefined) return this.#listen(link, [topic]).catch(() => link.end("cannot listen"));
    this.#keeper ??= new LinkKeeper({
      ...this.#options,
      prepare: (fresh) => this.#listen(fresh, [...this.#listeners.keys()]),
    });
    await this.#keeper.tried;
  }

  /** Goes to whichever server is in charge now. */
  restart(reason: string): void {
    this.#keeper?.link?.end(reason);
  }

  /** Resolves when no try is under way any more. */
  async stopped(): Promise<void> {
    await this.#keeper?.stopped();
  }

  #listen(link: Link, topics: readonly string[]): Promise<void> {
    return link.listen(topics, (topic, message) => {
      for (const listener of this.#listeners.get(topic) ?? []) listener(message);
    });
  }
}
