import assert from "node:assert/strict";
import { test } from "node:test";
import { SeqTable } from "./seq-table.ts";

/** All numbers that the table has for a prefix. */
function found(table: SeqTable, prefix: number): readonly number[] {
  const seqs: number[] = [];
  table.some(prefix, (seq) => {
    seqs.push(seq);
    return false;
  });
  return seqs;
}

test("finds every number of a prefix, of the first and the last prefix, too, and no others", () => {
  const table = new SeqTable();
  const last = 2 ** 32 - 1;
  for (const [index, prefix] of [last, 7, last, 2, 7 + 4_096].entries()) table.add(prefix, index + 1);
  table.add(0, 6);
  assert.deepEqual(found(table, last), [1, 3]);
  assert.deepEqual(found(table, 7), [2]);
  assert.deepEqual(found(table, 7 + 4_096), [5]);
  assert.deepEqual(found(table, 0), [6]);
  assert.deepEqual(found(table, 3), []);
});

test("numbers beyond 32 bits come back whole", () => {
  const table = new SeqTable();
  const seqs = [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 33 - 2];
  for (const [prefix, seq] of seqs.entries()) table.add(prefix + 10, seq);
  for (const [prefix, seq] of seqs.entries()) assert.deepEqual(found(table, prefix + 10), [seq]);
});

test("a full table that is sifted has what was kept, and room again", () => {
  const table = new SeqTable();
  let seq = 0;
  for (let round = 0; round < 3; round++) {
    // Prefixes in a run, so that entries push each other along.
    for (; !table.isFull; seq++) table.add(seq & 1_023, seq + 1);
    const newest = seq;
    table.sift((one) => one % 3 === 0 && one > newest / 2);
    assert.equal(table.isFull, false);
    const kept = new Set(Array.from({ length: 1_024 }, (_, prefix) => found(table, prefix)).flat());
    const wanted = new Set(
      Array.from({ length: newest }, (_, n) => n + 1).filter((n) => n % 3 === 0 && n > newest / 2),
    );
    assert.deepEqual([...kept].sort(byNumber), [...wanted]);
    table.sift(() => true);
  }
});

const byNumber = (a: number, b: number) => a - b;
