import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedWork } from "./shared-work.ts";

const never = new AbortController().signal;

/** Work that ends when the test says so. */
function heldWork() {
  const begun: { readonly signal: AbortSignal; readonly end: PromiseWithResolvers<number> }[] = [];
  const work = new SharedWork((signal) => {
    const end = Promise.withResolvers<number>();
    begun.push({ signal, end });
    return end.promise;
  });
  return { work, begun };
}

test("who goes away rejects alone, and the others have the result of the same work", async () => {
  const { work, begun } = heldWork();
  const leaver = new AbortController();
  const left = work.join(leaver.signal);
  const stayed = work.join(never);
  leaver.abort(new Error("the client went away"));
  await assert.rejects(left, /went away/);
  assert.equal(begun[0]?.signal.aborted, false);
  begun[0]?.end.resolve(7);
  assert.equal(await stayed, 7);
  assert.equal(begun.length, 1);
});

test("work that nobody waits for any more is aborted, and begun anew by the next", async () => {
  const { work, begun } = heldWork();
  const leaver = new AbortController();
  const left = work.join(leaver.signal);
  leaver.abort(new Error("the client went away"));
  await assert.rejects(left, /went away/);
  assert.match(String(begun[0]?.signal.reason), /went away/);
  const next = work.join(never);
  begun[0]?.end.reject(new Error("aborted"));
  begun[1]?.end.resolve(8);
  assert.equal(await next, 8);
});

test("a failure is everybody's who waits, and not the next one's", async () => {
  const { work, begun } = heldWork();
  const both = [work.join(never), work.join(never)].map((joined) => assert.rejects(joined, /refused/));
  begun[0]?.end.reject(new Error("refused"));
  await Promise.all(both);
  const next = work.join(never);
  begun[1]?.end.resolve(9);
  assert.equal(await next, 9);
});

test("a caller whose signal is aborted begins nothing", async () => {
  const { work, begun } = heldWork();
  await assert.rejects(work.join(AbortSignal.abort(new Error("told to stop"))), /told to stop/);
  assert.equal(begun.length, 0);
});
