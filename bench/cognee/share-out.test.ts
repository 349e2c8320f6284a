import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { shareOf, shareOut } from "./share-out.ts";

const DOCUMENTS = Array.from({ length: 400 }, (_, index) => ({
  ...{ account: accountKey(String(4_876_876_000 + index)), title: "", text: "", fingerprint: "" },
}));

test("each document is in one share, and no share has much more than another", () => {
  const shares = shareOut(DOCUMENTS, 4);
  assert.deepEqual(new Set(shares.flat()), new Set(DOCUMENTS));
  assert.equal(shares.flat().length, DOCUMENTS.length);
  for (const share of shares) assert.ok(share.length > 70 && share.length < 130, String(share.length));
});

test("an account's share depends on its key alone", () => {
  const account = accountKey("4876876000");
  const [first] = DOCUMENTS;
  assert.ok(shareOut(DOCUMENTS.toReversed(), 4)[shareOf(account, 4)]?.some(({ account: each }) => each === account));
  assert.equal(first?.account, account);
  assert.deepEqual(shareOut(DOCUMENTS, 1), [DOCUMENTS]);
});
