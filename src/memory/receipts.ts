import { z } from "zod";
import type { AccountKey } from "../account.ts";
import type { SealedStore } from "../sealed-store.ts";

/** Event ids kept in a receipt. */
export const RECEIPT_EVENTS_MAX = 10;

const lookedAt = z.object({ place: z.string(), found: z.number().int().min(0) });
const stored = z.object({
  at: z.number(),
  sink: z.string(),
  events: z.array(z.string()).max(RECEIPT_EVENTS_MAX).readonly(),
  looked: z.array(lookedAt).readonly(),
  repaired: z.array(z.string()).readonly(),
  left: z.array(z.string()).readonly(),
});

/** One place that was searched for an account after it was deleted, and how much of it was there. */
export type LookedAt = z.infer<typeof lookedAt>;

/** Proof that an account was forgotten. Names the account by its key, and holds nothing else of it. */
export interface Receipt extends Readonly<z.infer<typeof stored>> {
  readonly account: AccountKey;
}

/**
 * Keeps the last receipt of each forgotten account, some 500 bytes, in the engine: as many as accounts were forgotten. Methods throw Fault
 * STORE_UNAVAILABLE.
 */
export interface Receipts {
  read(account: AccountKey): Promise<Receipt | undefined>;
  /** Inserts or replaces. */
  write(receipt: Receipt): Promise<void>;
}

/** Receipts in the engine's store of small texts. */
export function createReceipts(store: SealedStore): Receipts {
  return {
    read: async (account) => {
      const text = await store.read(nameOf(account));
      return text === undefined ? undefined : { account, ...stored.parse(JSON.parse(text)) };
    },
    write: ({ account, ...receipt }) => store.write(nameOf(account), JSON.stringify(receipt)),
  };
}

function nameOf(account: AccountKey): string {
  return `receipt:${account}`;
}
