import { z } from "zod";
import type { AccountKey } from "../../account.ts";
import { Fault } from "../../faults.ts";
import type { LookedAt } from "../receipts.ts";
import type { DatasetDTO, SearchPayloadDTO } from "./api.generated.ts";
import { translated } from "./cognee-dataset.ts";
import { CogneeRefusal } from "./cognee-faults.ts";
import { type Question, SEARCH_KINDS, type SearchKind } from "./cognee-passages.ts";
import { wordsOf } from "./cognee-search.ts";
import type { CogneeSession } from "./cognee-session.ts";
import { type Passage, passagesReply, traceReply } from "./cognee-wire.ts";
import { accountOfName, documentName } from "./document-name.ts";

/** Datasets searched by one call: Cognee keeps six open and opens all others one after the other, for more than a second each (measured, 1.6.5). */
const SEARCHED_AT_ONCE = 25;

interface Kind {
  readonly kind: SearchKind;
}

const namedDatasets = z.array(z.object({ id: z.uuid(), name: z.string() }) satisfies z.ZodType<Partial<DatasetDTO>>);

/** The datasets of accounts, each named by the account behind the name that all share. All methods throw Fault SINK_… */
export class AccountDatasets {
  readonly #session: CogneeSession;
  readonly #base: string;

  constructor(session: CogneeSession, base: string) {
    this.#session = session;
    this.#base = base;
  }

  /** As in `zoho_crm-zoho-4876…`. */
  nameOf(account: AccountKey): string {
    return `${this.#base}-${documentName(account)}`;
  }

  /** The ids of all that there are, in the order of the accounts' documents. */
  async all(signal: AbortSignal): Promise<ReadonlyMap<AccountKey, string>> {
    const doing = "listing datasets";
    try {
      const listed = await this.#session.ask(namedDatasets, { method: "GET", path: "/datasets", doing }, signal);
      const prefix = `${this.#base}-`;
      const found = listed.flatMap(({ id, name }) => {
        const account = name.startsWith(prefix) ? accountOfName(name.slice(prefix.length)) : undefined;
        return account === undefined ? [] : [{ account, id, name }];
      });
      found.sort((one, other) => (one.name < other.name ? -1 : 1));
      return new Map(found.map(({ account, id }) => [account, id]));
    } catch (error) {
      throw translated(error, doing);
    }
  }

  /** The passages of all accounts that are nearest to a question: by their distance, or by how many of its words they hold. */
  async nearest(
    question: Question & { readonly kind: "CHUNKS" | "CHUNKS_LEXICAL" },
    signal: AbortSignal,
  ): Promise<readonly Passage[]> {
    const ids = [...(await this.all(signal)).values()];
    const found: Passage[] = [];
    for (let from = 0; from < ids.length; from += SEARCHED_AT_ONCE) {
      found.push(...(await this.#nearestIn(ids.slice(from, from + SEARCHED_AT_ONCE), question, signal)));
    }
    if (question.kind === "CHUNKS") return found.sort((a, b) => (a.score ?? Infinity) - (b.score ?? Infinity));
    const words = wordsOf(question.query);
    const held = ({ text }: Passage) => words.filter((word) => text.toLowerCase().includes(word)).length;
    return found.sort((a, b) => held(b) - held(a));
  }

  /** How much a search of each kind still finds in a dataset that was deleted, which Cognee then refuses. */
  async left(id: string, signal: AbortSignal): Promise<readonly LookedAt[]> {
    const looked: LookedAt[] = [];
    for (const kind of SEARCH_KINDS) {
      const reply = await this.#search(traceReply, { kind, query: "a", topK: 1, ids: [id] }, signal);
      const found = reply === "gone" ? 0 : reply.flatMap(({ search_result: each }) => each ?? []).length;
      looked.push({ place: kind, found });
    }
    return looked;
  }

  /**
   * Without those that were deleted meanwhile, and without those whose store is damaged, which whoever writes them tells: Cognee refuses a
   * question about several datasets for the sake of one.
   */
  async #nearestIn(
    ids: readonly string[],
    question: Question & Kind,
    signal: AbortSignal,
  ): Promise<readonly Passage[]> {
    if (ids.length === 0) return [];
    try {
      const reply = await this.#search(passagesReply, { ...question, ids }, signal);
      if (reply !== "gone") return reply.flatMap(({ search_result: passages }) => passages ?? []);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "SINK_DAMAGED") throw error;
    }
    if (ids.length === 1) return [];
    const half = Math.ceil(ids.length / 2);
    const first = await this.#nearestIn(ids.slice(0, half), question, signal);
    return [...first, ...(await this.#nearestIn(ids.slice(half), question, signal))];
  }

  /** Nothing of what was never indexed. */
  async #search<Schema extends z.ZodType>(
    schema: Schema,
    { kind, query, topK, ids }: Question & Kind & { readonly ids: readonly string[] },
    signal: AbortSignal,
  ): Promise<z.infer<Schema> | "gone"> {
    const doing = "searching";
    const json = { query, searchType: kind, datasetIds: [...ids], topK } satisfies SearchPayloadDTO;
    try {
      return await this.#session.ask(schema, { method: "POST", path: "/search", json, doing }, signal);
    } catch (error) {
      if (error instanceof CogneeRefusal && error.errorClass === "NoDataError") return schema.parse([]);
      if (error instanceof CogneeRefusal && error.status === 403) return "gone";
      throw translated(error, doing);
    }
  }
}
