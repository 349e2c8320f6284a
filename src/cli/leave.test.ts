import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { manualClock } from "../clock.ts";
import { type FlushedStream, flushed, watchOutput } from "./leave.ts";

/** Looks at the stand-in until it has changed: some seconds, where a change comes each 50 ms. */
const LOOKS_MAX = 2_000;
const SILENT: FlushedStream = { write: () => true, on: () => undefined };

async function isDone(ending: Promise<void>): Promise<boolean> {
  const pending = Symbol("pending");
  const turn = new Promise((resolve) => setImmediate(() => resolve(pending)));
  return (await Promise.race([ending, turn])) !== pending;
}

test("leaves as soon as the output has left", async () => {
  const clock = manualClock();
  await flushed(clock, [new PassThrough(), new PassThrough()]);
  assert.equal(clock.sleepers, 0);
});

test("a stream that never calls back holds up the exit for a second, and no longer", async () => {
  const clock = manualClock();
  const ending = flushed(clock, [SILENT, new PassThrough()]);
  await clock.advance(999);
  assert.equal(await isDone(ending), false);
  await clock.advance(1);
  await ending;
});

test("a stream that fails holds up nothing", async () => {
  const clock = manualClock();
  const failing = new PassThrough();
  const ending = flushed(clock, [{ write: () => true, on: (event, listener) => failing.on(event, listener) }]);
  failing.destroy(new Error("gone"));
  await ending;
  assert.equal(clock.sleepers, 0);
});

test("a reader who has seen enough is no loss, a full disk is one", () => {
  const stream = new PassThrough();
  const lost = watchOutput([stream]);
  stream.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  assert.equal(lost(), undefined);
  stream.emit("error", Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" }));
  assert.match(lost()?.message ?? "", /ENOSPC/);
});

test("SIGTERM ends a process whose readers have gone since its start, with 0, though it kept on telling them", async (t) => {
  // A change each 50 ms is told to standard error.
  const main = join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, [main, "simulate", "--accounts", "1", "--workday", "1200"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  const ended = once(child, "exit");
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const url = String(line).replace(/^ZOHO_API_URL=/, "");
  child.stdout.destroy();
  child.stderr.destroy();
  const records = async () => {
    const modules = ["Contacts", "Deals", "Tasks", "Events", "Calls", "Notes"];
    return Promise.all(modules.map(async (module) => (await fetch(`${url}/__simulator/ids/${module}`)).text()));
  };
  const before = await records();
  for (let look = 0; look < LOOKS_MAX && isDeepStrictEqual(await records(), before); look += 1);
  assert.notDeepEqual(await records(), before, "no change was made, so none was told");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
});
