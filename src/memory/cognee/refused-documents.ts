import { hash } from "node:crypto";
import type { AccountKey, MemoryDocument } from "../../account.ts";
import type { Clock } from "../../clock.ts";
import type { SealedStore } from "../../sealed-store.ts";

/** How long a search keeps others from writing after it was last heard of: longer than it waits for a run that gets nowhere. */
const SEARCH_MS_MAX = 1_200_000;

/**
 * What all processes must know of documents that break Cognee's index: which they are, and whether a search for them is under way. Kept
 * in the engine: a small text for the search, and one for each account whose document was ever refused. Throws Fault STORE_UNAVAILABLE.
 */
export class RefusedDocuments {
  readonly #store: SealedStore;
  readonly #dataset: string;
  readonly #clock: Clock;

  constructor(store: SealedStore, { dataset, clock }: { readonly dataset: string; readonly clock: Clock }) {
    this.#store = store;
    this.#dataset = dataset;
    this.#clock = clock;
  }

  /** True while a search has documents out of the dataset: what is written now would be taken for one of them. */
  async isSearching(): Promise<boolean> {
    return Number((await this.#store.read(this.#searchName)) ?? 0) > this.#clock.now();
  }

  /** Says that a search is under way. */
  searching(): Promise<void> {
    return this.#store.write(this.#searchName, String(this.#clock.now() + SEARCH_MS_MAX));
  }

  /** Says that none is: the only one who searches has ended it, or begins anew after one that was killed. */
  async ended(): Promise<void> {
    if (await this.isSearching()) await this.#store.write(this.#searchName, "0");
  }

  /** Remembers what a search found. */
  async found(documents: readonly MemoryDocument[]): Promise<void> {
    for (const { account, text } of documents) await this.#store.write(this.#nameOf(account), markOf(text));
  }

  /**
   * Of these documents, those that were found to break the index. Told once: a dead letter that is redriven has its document tried again,
   * as the model behind Cognee may be another by then.
   */
  async take(documents: readonly MemoryDocument[]): Promise<ReadonlySet<AccountKey>> {
    const breaking = new Set<AccountKey>();
    for (const { account, text } of documents) {
      const mark = await this.#store.read(this.#nameOf(account));
      if (mark === undefined || mark === "") continue;
      await this.#store.write(this.#nameOf(account), "");
      if (mark === markOf(text)) breaking.add(account);
    }
    return breaking;
  }

  get #searchName(): string {
    return `cognee:searching:${this.#dataset}`;
  }

  #nameOf(account: AccountKey): string {
    return `cognee:refused:${this.#dataset}:${account}`;
  }
}

function markOf(text: string): string {
  return hash("md5", text, "base64url");
}
