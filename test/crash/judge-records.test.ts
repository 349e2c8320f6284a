import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeRecords, type Life } from "./judge-records.ts";
import type { RecordEntry } from "./sync-record.ts";

function life(name: string, entries: readonly RecordEntry[], more: Partial<Life> = {}): Life {
  return { name, entries, endedAt: 10_000, stops: [], ...more };
}

/** A sync that read, wrote and ended at these times. */
function sync(token: number, [readFrom, from, to]: readonly [number, number, number?]): readonly RecordEntry[] {
  const account = "zoho/1";
  return [
    { what: "claim", account, token, from: readFrom - 2, to: readFrom - 1 },
    { what: "write", id: token, verb: "put", account, token, readFrom, from },
    ...(to === undefined ? [] : [{ what: "written", id: token, to } as const]),
  ];
}

test("two syncs of one account that follow each other are right", () => {
  const verdict = judgeRecords([life("a", sync(1, [10, 20, 30])), life("b", sync(2, [40, 50, 60]))]);
  assert.deepEqual(verdict.wrongs, []);
  assert.equal(verdict.writes, 2);
});

test("two syncs of one account overlap when one reads before the other has written", () => {
  const verdict = judgeRecords([life("a", sync(1, [10, 20, 30])), life("b", sync(2, [25, 50, 60]))]);
  assert.equal(verdict.overlaps, 1);
  assert.match(verdict.wrongs.join(), /zoho\/1: a sync of b began 5\.0 ms before one of a ended/);
});

test("a write that its process was killed in ends with the process", () => {
  const killed = life("a", sync(1, [10, 20]), { endedAt: 45 });
  assert.equal(judgeRecords([killed, life("b", sync(2, [46, 50, 60]))]).overlaps, 0);
  assert.equal(judgeRecords([killed, life("b", sync(2, [44, 50, 60]))]).overlaps, 1);
});

test("a write that a stop falls into is counted, and no overlap", () => {
  const stopped = life("a", sync(1, [10, 20, 101]), { stops: [{ from: 21, to: 100 }] });
  const verdict = judgeRecords([stopped, life("b", sync(2, [60, 70, 80]))]);
  assert.deepEqual([verdict.overlaps, verdict.cutWrites], [0, 1]);
});

test("a write that begins after a stop with the lease from before it is wrong", () => {
  const stops = [{ from: 15, to: 100 }];
  assert.match(
    judgeRecords([life("a", sync(1, [10, 101, 102]), { stops })]).wrongs.join(),
    /a was stopped past its lease/,
  );
  assert.deepEqual(judgeRecords([life("a", sync(2, [110, 120, 130]), { stops })]).wrongs, []);
});

test("a step that is let through after another's claim is wrong, and one that is refused is not", () => {
  const step = (isTaken: boolean): RecordEntry => {
    return { what: "step", verb: "record", account: "zoho/1", token: 1, isTaken, from: 200, to: 201 };
  };
  const other = life("b", sync(2, [40, 50, 60]));
  assert.equal(judgeRecords([life("a", [step(true)]), other]).afterLoss, 1);
  const { wrongs, refused } = judgeRecords([life("a", [step(false)]), other]);
  assert.deepEqual([wrongs, refused], [[], 1]);
});
