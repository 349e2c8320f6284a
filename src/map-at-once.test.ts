import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mapAtOnce } from "./map-at-once.ts";

/** Work that ends when it is told to. */
function gatedWork() {
  const begun: number[] = [];
  const ends = new Map<number, { readonly end: () => void; readonly fail: (error: Error) => void }>();
  const work = (item: number) => {
    begun.push(item);
    return new Promise<string>((resolve, reject) => {
      ends.set(item, { end: () => resolve(`did ${item}`), fail: reject });
    });
  };
  const end = async (item: number) => {
    ends.get(item)?.end();
    await new Promise(setImmediate);
  };
  const fail = async (item: number) => {
    ends.get(item)?.fail(new Error(`failed at ${item}`));
    await new Promise(setImmediate);
  };
  return { begun, work, end, fail };
}

describe("mapAtOnce", () => {
  test("does at most so many at a time, and answers in the order of the items", async () => {
    const { begun, work, end } = gatedWork();
    const all = mapAtOnce([1, 2, 3], 2, work);
    assert.deepEqual(begun, [1, 2]);
    await end(2);
    assert.deepEqual(begun, [1, 2, 3]);
    await end(3);
    await end(1);
    assert.deepEqual(await all, ["did 1", "did 2", "did 3"]);
  });

  test("begins nothing more after a failure, and ends when what was under way has", async () => {
    const { begun, work, end, fail } = gatedWork();
    let isOver = false;
    const all = mapAtOnce([1, 2, 3, 4], 2, work).finally(() => {
      isOver = true;
    });
    const rejected = assert.rejects(all, /failed at 2/);
    await fail(2);
    assert.equal(isOver, false);
    await end(1);
    await rejected;
    assert.deepEqual(begun, [1, 2]);
  });

  test("does nothing where there is nothing", async () => {
    assert.deepEqual(await mapAtOnce([], 2, gatedWork().work), []);
  });
});
