import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { listenForStop, Stopped, stopped } from "./signals.ts";

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];

  exit(code: number): void {
    this.exits.push(code);
  }
}

test("the first signal asks to stop, the second ends at once", async () => {
  const source = new FakeProcess();
  const { signal } = listenForStop(source);
  source.emit("SIGTERM");
  await stopped(signal);
  assert.ok(signal.reason instanceof Stopped);
  assert.deepEqual(source.exits, []);
  source.emit("SIGINT");
  assert.deepEqual(source.exits, [130]);
});

test("after dispose nothing listens", () => {
  const source = new FakeProcess();
  listenForStop(source).dispose();
  assert.equal(source.listenerCount("SIGTERM") + source.listenerCount("SIGINT"), 0);
});
