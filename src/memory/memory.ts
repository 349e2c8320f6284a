import type { AccountKey, MemoryDocument } from "../account.ts";
import type { Fault } from "../faults.ts";
import type { LookedAt } from "./receipts.ts";

/** One document to write. `sinkRef` is the sink's id of the account's present document, if the ledger knows one. */
export interface PutRequest {
  readonly document: MemoryDocument;
  readonly sinkRef?: string;
  /**
   * True when an earlier write was intended and its end is not known: the sink must look before it adds,
   * so that no second document of the account comes to be.
   */
  readonly isUncertain: boolean;
}

export type PutResult =
  | { readonly outcome: "stored"; readonly sinkRef: string; readonly isIndexed: boolean }
  | { readonly outcome: "failed"; readonly fault: Fault };

/** What a sink did to forget an account besides deleting its document, and where it looked afterwards. Names nothing of the account. */
export interface Forgetting {
  /** Each with how much of it was found, which is 0 where the forgetting succeeded. */
  readonly looked: readonly LookedAt[];
  readonly repaired: readonly string[];
  /** What may be left, in words for a person. */
  readonly left: readonly string[];
}

export type RemoveResult =
  | { readonly outcome: "removed"; readonly forgetting: Forgetting }
  | { readonly outcome: "failed"; readonly fault: Fault };

/** A document that the sink took and cannot make searchable; it has it no longer. */
export interface RefusedDocument {
  readonly account: AccountKey;
  readonly fault: Fault;
}

/** Keeps accounts safe while a `flush` looks for a document that breaks it. */
export interface FlushKeeper {
  /**
   * Sees to it, durably, that these accounts are synced again whatever happens: their documents may leave the sink from now on. Rejects
   * when it cannot; then none does.
   */
  setAside(accounts: readonly AccountKey[]): Promise<void>;
}

/** One account found by a search, best first. */
export interface SearchHit {
  readonly account: AccountKey;
  readonly title: string;
  /** The best passage of the text, at most SNIPPET_LENGTH_MAX characters, matches between ** and **. */
  readonly snippet: string;
  /** Larger is better; comparable only within one answer. */
  readonly score: number;
}

/** Longest snippet in characters. */
export const SNIPPET_LENGTH_MAX = 400;
/** Longest question in characters; the rest is cut. */
export const QUERY_LENGTH_MAX = 1_000;

/** A document as the sink has it. */
export interface StoredDocument {
  readonly account: AccountKey;
  readonly sinkRef: string;
  readonly title: string;
  readonly text: string;
}

/** A document in a listing: what is needed to know it again, without its text. */
export interface ListedDocument {
  readonly account: AccountKey;
  readonly sinkRef: string;
  readonly title: string;
  /** The fingerprint that it was last put with. Absent where the sink does not keep it, or did not yet. */
  readonly fingerprint?: string;
  /** True = a search finds it already; else after a `flush`. */
  readonly isIndexed: boolean;
  /** Names the place behind this document for the next page; only the sink that wrote it understands it. */
  readonly cursor: string;
}

/** Most documents in one page of a listing; a larger wish is cut. */
export const LIST_LIMIT_MAX = 1_000;

/** How a sink is probed. */
export interface ProbeWish {
  /** Also proves what costs something, such as a call of the model behind the sink: for a person who asks, never for what asks again and again. */
  readonly isThorough?: boolean;
}

/**
 * The sink: where documents are written and searched. One writer per account (the caller's lease).
 * A method throws a Fault (SINK_UNREACHABLE, SINK_UNAVAILABLE) when the sink as a whole is away;
 * a single bad document is an outcome of its own and never fails its neighbours.
 */
export interface Memory {
  /** `embedded`, `cognee`, …; shown in health. */
  readonly kind: string;
  /** Creates or replaces the one document of each account. One result per request, in order. */
  put(requests: readonly PutRequest[], signal: AbortSignal): Promise<readonly PutResult[]>;
  /** Forgets accounts; forgetting what is not there is a success. */
  remove(
    accounts: readonly { readonly account: AccountKey; readonly sinkRef?: string }[],
    signal: AbortSignal,
  ): Promise<readonly RemoveResult[]>;
  /**
   * Makes all that was put searchable, but for what it returns. At most one call at a time; the index lane sees to it. A sink whose index breaks
   * on a document finds it with the help of a keeper; the next `put` of that text fails then with SINK_REFUSED.
   */
  flush(signal: AbortSignal, keeper?: FlushKeeper): Promise<readonly RefusedDocument[]>;
  search(query: string, options: { readonly limit: number }, signal: AbortSignal): Promise<readonly SearchHit[]>;
  /** The account's document as the sink has it, if any. */
  read(account: AccountKey, signal: AbortSignal): Promise<StoredDocument | undefined>;
  /**
   * Documents behind the cursor `after`, or from the first, at most `limit`; an empty page is the end. The order holds while
   * documents come and go, so a whole pass shows each one that stayed. Only documents of accounts, whatever else is there.
   */
  list(
    options: { readonly after?: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly ListedDocument[]>;
  /** Names the store behind the sink: another answer means another store, which has none of the documents. */
  identity(signal: AbortSignal): Promise<string>;
  /** Cheapest call that proves that the sink can be written, unless more is wished; throws the fault that stands in the way. */
  probe(signal: AbortSignal, wish?: ProbeWish): Promise<void>;
  close(): Promise<void>;
}
