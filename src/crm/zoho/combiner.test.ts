import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../clock.ts";
import { Combiner } from "./combiner.ts";
import { Gate } from "./gate.ts";

const signal = new AbortController().signal;

function combining(options: { sizeMax?: number; gatherMs?: number } = {}) {
  const clock = manualClock();
  const batches: {
    readonly items: readonly string[];
    readonly signal: AbortSignal;
    readonly end: () => void;
    readonly stepAside: () => void;
  }[] = [];
  const combiner = new Combiner<string, string>({
    sizeMax: options.sizeMax ?? 50,
    gatherMs: options.gatherMs ?? 0,
    batchesMax: 1,
    clock,
    read: (items, batchSignal, stepAside) =>
      new Promise((resolve, reject) => {
        batchSignal.addEventListener("abort", () => reject(batchSignal.reason));
        const end = () => resolve(new Map(items.map((item) => [item, `read ${item}`])));
        batches.push({ items, signal: batchSignal, end, stepAside });
      }),
  });
  return { combiner, batches, clock };
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test("reads what several callers ask for at the same time in one batch, each item once", async () => {
  const { combiner, batches } = combining();
  const calls = [combiner.read(["a", "b"], signal), combiner.read(["b", "c"], signal)];
  await turn();
  assert.deepEqual(
    batches.map((batch) => batch.items),
    [["a", "b", "c"]],
  );
  batches[0]?.end();
  const [first, second] = await Promise.all(calls);
  assert.equal(first?.get("a"), "read a");
  assert.equal(second?.get("c"), "read c");
});

test("gathers while a batch is read, and keeps batches to their size", async () => {
  const { combiner, batches } = combining({ sizeMax: 3 });
  const calls = [combiner.read(["a"], signal)];
  await turn();
  calls.push(combiner.read(["b", "c"], signal), combiner.read(["d"], signal), combiner.read(["e"], signal));
  for (let n = 0; n < 3; n += 1) {
    batches[n]?.end();
    await turn();
  }
  await Promise.all(calls);
  assert.deepEqual(
    batches.map((batch) => batch.items),
    [["a"], ["b", "c", "d"], ["e"]],
  );
});

test("waits the gathering time for others", async () => {
  const { combiner, batches, clock } = combining({ gatherMs: 20 });
  const calls = [combiner.read(["a"], signal)];
  await clock.advance(19);
  calls.push(combiner.read(["b"], signal));
  assert.equal(batches.length, 0);
  await clock.advance(1);
  assert.deepEqual(batches[0]?.items, ["a", "b"]);
  batches[0]?.end();
  await Promise.all(calls);
});

test("with a backlog, waits for the callers of late to come back, but not for ever", async () => {
  const { combiner, batches, clock } = combining({ gatherMs: 20 });
  const ten = (name: string) =>
    combiner.read(
      Array.from({ length: 10 }, (_, n) => `${name}${n}`),
      signal,
    );
  const sizes = () => batches.map((batch) => batch.items.length);
  const together = [ten("a"), ten("b")];
  await clock.advance(20);
  assert.deepEqual(sizes(), [20]);
  batches[0]?.end();
  await Promise.all(together);
  await turn();
  const parted = [ten("c")];
  await clock.advance(20);
  await clock.advance(20);
  assert.deepEqual(sizes(), [20]); // Two were seen of late, one is here.
  parted.push(ten("d"));
  await clock.advance(20);
  assert.deepEqual(sizes(), [20, 20]);
  batches[1]?.end();
  await Promise.all(parted);
  await turn();
  const alone = ten("e");
  for (let n = 0; n < 20; n += 1) await clock.advance(20);
  assert.deepEqual(sizes(), [20, 20, 10]);
  batches[2]?.end();
  await alone;
});

test("lets one caller leave without ending the others' batch, and ends it when all have left", async () => {
  const { combiner, batches } = combining();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = assert.rejects(combiner.read(["a"], one.signal), /gone/);
  const second = assert.rejects(combiner.read(["b"], two.signal), /gone/);
  await turn();
  one.abort(new Error("gone"));
  await first;
  assert.equal(batches[0]?.signal.aborted, false);
  two.abort(new Error("gone"));
  await second;
  assert.equal(batches[0]?.signal.aborted, true);
});

test("a batch that steps aside lets the next one start, once, and still answers its callers", async () => {
  const { combiner, batches } = combining();
  const calls = [combiner.read(["a"], signal)];
  await turn();
  calls.push(combiner.read(["b"], signal));
  await turn();
  assert.equal(batches.length, 1);
  batches[0]?.stepAside();
  batches[0]?.stepAside();
  await turn();
  calls.push(combiner.read(["c"], signal));
  await turn();
  assert.equal(batches.length, 2);
  for (let n = 0; n < 3; n += 1) {
    batches[n]?.end();
    await turn();
  }
  assert.deepEqual(
    (await Promise.all(calls)).map((results) => [...results.keys()]),
    [["a"], ["b"], ["c"]],
  );
});

test("ends everything when it is closed", async () => {
  const { combiner } = combining();
  const running = assert.rejects(combiner.read(["a"], signal), /closing/);
  await turn();
  const waiting = assert.rejects(combiner.read(["b"], signal), /closing/);
  combiner.close(new Error("closing"));
  await Promise.all([running, waiting]);
});

test("a gate admits in order, no more than its width, and lets a waiting caller leave", async () => {
  const gate = new Gate(2);
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) => () =>
    new Promise<void>((resolve) => {
      order.push(name);
      ends.push(resolve);
    });
  const leaving = new AbortController();
  const runs = [gate.run(work("a"), signal), gate.run(work("b"), signal)];
  const left = assert.rejects(gate.run(work("c"), leaving.signal), /left/);
  runs.push(gate.run(work("d"), signal));
  leaving.abort(new Error("left"));
  await left;
  assert.deepEqual(order, ["a", "b"]);
  ends[0]?.();
  await turn();
  assert.deepEqual(order, ["a", "b", "d"]);
  for (const end of ends) end();
  await Promise.all(runs);
});

test("a gate narrows at once and widens slowly", async () => {
  const gate = new Gate(8);
  gate.narrow();
  assert.equal(gate.width, 4);
  for (let n = 0; n < 50; n += 1) await gate.run(async () => undefined, signal);
  assert.equal(gate.width, 5);
});
