import { hash } from "node:crypto";
import type { AccountKey, MemoryDocument } from "../../src/account.ts";

/** Hexadecimal digits of the hash that decide: far more than there are datasets. */
const DIGITS = 8;

/** Which of so many datasets an account's document belongs to, the same in every process: by the hash of its key. */
export function shareOf(account: AccountKey, shares: number): number {
  return Number.parseInt(hash("sha256", account).slice(0, DIGITS), 16) % shares;
}

/** The documents of each dataset, in the order of the documents. */
export function shareOut(documents: readonly MemoryDocument[], shares: number): readonly (readonly MemoryDocument[])[] {
  return Array.from({ length: shares }, (_, share) =>
    documents.filter(({ account }) => shareOf(account, shares) === share),
  );
}
