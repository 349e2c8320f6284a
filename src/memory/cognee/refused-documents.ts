import { hash } from "node:crypto";
import { z } from "zod";
import type { AccountKey, MemoryDocument } from "../../account.ts";
import type { Clock } from "../../clock.ts";
import type { SealedStore } from "../../sealed-store.ts";

/** Refused documents remembered; of more the oldest are forgotten, and found again by another search. */
const REFUSED_MAX = 1_000;
/** How long a search keeps others from writing after it was last heard of: longer than any one run of it. */
const SEARCH_MS_MAX = 1_200_000;

const stored = z.object({
  searchingUntil: z.number(),
  refused: z.record(z.string(), z.string()),
});
type Notes = z.infer<typeof stored>;

/**
 * What all processes must know of documents that break Cognee's index: which they are, and whether a search for them is under way. Kept
 * in the engine. Throws Fault STORE_UNAVAILABLE.
 */
export class RefusedDocuments {
  readonly #store: SealedStore;
  readonly #name: string;
  readonly #clock: Clock;

  constructor(store: SealedStore, { dataset, clock }: { readonly dataset: string; readonly clock: Clock }) {
    this.#store = store;
    this.#name = `cognee:refused:${dataset}`;
    this.#clock = clock;
  }

  /** True while a search has documents out of the dataset: what is written now would be taken for one of them. */
  async isSearching(): Promise<boolean> {
    return (await this.#read()).searchingUntil > this.#clock.now();
  }

  /** Says that a search is under way. */
  async searching(): Promise<void> {
    await this.#write({ ...(await this.#read()), searchingUntil: this.#clock.now() + SEARCH_MS_MAX });
  }

  /** Ends the search and remembers what it found. */
  async found(documents: readonly MemoryDocument[]): Promise<void> {
    const { refused } = await this.#read();
    const all = Object.entries({
      ...refused,
      ...Object.fromEntries(documents.map(({ account, text }) => [account, markOf(text)])),
    });
    await this.#write({ searchingUntil: 0, refused: Object.fromEntries(all.slice(-REFUSED_MAX)) });
  }

  /**
   * Of these documents, those that were found to break the index. Told once: a dead letter that is redriven has its document tried again,
   * as the model behind Cognee may be another by then.
   */
  async take(documents: readonly MemoryDocument[]): Promise<ReadonlySet<AccountKey>> {
    const notes = await this.#read();
    const known = documents.filter(({ account }) => notes.refused[account] !== undefined);
    if (known.length === 0) return new Set();
    const left = Object.entries(notes.refused).filter(([account]) =>
      known.every((document) => document.account !== account),
    );
    await this.#write({ ...notes, refused: Object.fromEntries(left) });
    return new Set(
      known.filter(({ account, text }) => notes.refused[account] === markOf(text)).map(({ account }) => account),
    );
  }

  async #read(): Promise<Notes> {
    const text = await this.#store.read(this.#name);
    return text === undefined ? { searchingUntil: 0, refused: {} } : stored.parse(JSON.parse(text));
  }

  #write(notes: Notes): Promise<void> {
    return this.#store.write(this.#name, JSON.stringify(notes));
  }
}

function markOf(text: string): string {
  return hash("md5", text, "base64url");
}
