import type { AccountKey, MemoryDocument } from "../../src/account.ts";
import type { Clock } from "../../src/clock.ts";
import { LIST_LIMIT_MAX, type Memory } from "../../src/memory/memory.ts";
import { type FlakyMemory, flakyMemory } from "./flaky-memory.ts";

/** What was asked of a no-op memory. */
export interface NoOpCounts {
  /** Calls of `put`, and documents in them. */
  puts: number;
  documents: number;
  removes: number;
  flushes: number;
}

/** A memory that costs nothing: it counts, and keeps one fingerprint an account. With all the switches of a flaky one. */
export type NoOpMemory = FlakyMemory & {
  readonly counts: NoOpCounts;
  /** The fingerprint last put for each account that was not removed since. */
  readonly fingerprints: ReadonlyMap<AccountKey, string>;
};

/**
 * Makes one. `keepsText` makes it a whole (slow) memory, which passes the contract; else `read` and `search` find nothing, and a
 * listing has no titles.
 * `isIndexed: false` makes documents searchable only after `flush`, as Cognee does.
 */
export function noOpMemory(
  options: { readonly clock?: Clock; readonly keepsText?: boolean; readonly isIndexed?: boolean } = {},
): NoOpMemory {
  const { keepsText = false, isIndexed = true } = options;
  const counts: NoOpCounts = { puts: 0, documents: 0, removes: 0, flushes: 0 };
  const fingerprints = new Map<AccountKey, string>();
  const stored = new Map<AccountKey, MemoryDocument>();
  const unindexed = new Set<AccountKey>();
  const searchable = new Map<AccountKey, MemoryDocument>();
  const inner: Memory = {
    kind: "no-op",
    put: async (requests) => {
      counts.puts += 1;
      counts.documents += requests.length;
      return requests.map(({ document }) => {
        fingerprints.set(document.account, document.fingerprint);
        if (!isIndexed) unindexed.add(document.account);
        if (keepsText) stored.set(document.account, document);
        if (keepsText && isIndexed) searchable.set(document.account, document);
        return { outcome: "stored", sinkRef: document.account, isIndexed };
      });
    },
    remove: async (accounts) => {
      counts.removes += 1;
      for (const { account } of accounts) {
        fingerprints.delete(account);
        unindexed.delete(account);
        stored.delete(account);
        searchable.delete(account);
      }
      return accounts.map(() => ({ outcome: "removed", forgetting: { looked: [], repaired: [], left: [] } }));
    },
    flush: async () => {
      counts.flushes += 1;
      unindexed.clear();
      for (const [account, document] of stored) searchable.set(account, document);
      return [];
    },
    list: async ({ after = "", limit }) => {
      const accounts = [...fingerprints.keys()].filter((account) => account > after).sort();
      return accounts.slice(0, Math.min(Math.max(1, limit), LIST_LIMIT_MAX)).map((account) => ({
        ...{ account, sinkRef: account, title: stored.get(account)?.title ?? "", cursor: account },
        ...{ fingerprint: fingerprints.get(account) ?? "", isIndexed: !unindexed.has(account) },
      }));
    },
    identity: async () => "no-op",
    search: async (query, { limit }) => {
      const words = query
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== "");
      const hits = [...searchable.values()].filter(({ text }) =>
        words.some((word) => text.toLowerCase().includes(word)),
      );
      return hits
        .slice(0, limit)
        .map(({ account, title, text }) => ({ account, title, snippet: text.slice(0, 100), score: 1 }));
    },
    read: async (account) => {
      const document = stored.get(account);
      return document && { account, sinkRef: account, title: document.title, text: document.text };
    },
    probe: async () => undefined,
    close: async () => undefined,
  };
  return Object.assign(flakyMemory(inner, options.clock === undefined ? {} : { clock: options.clock }), {
    counts,
    fingerprints,
  });
}
