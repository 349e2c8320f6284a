import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

const MAIN = join(import.meta.dirname, "main.ts");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "memhook-modes-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the real program under the usual umask, which lets everybody read. */
function memhook(args: readonly string[], dataDir: string): void {
  const { PATH } = process.env;
  const program = `umask 022; exec "$0" "$@"`;
  const ended = spawnSync("sh", ["-c", program, process.execPath, MAIN, ...args], {
    env: { PATH, DATA_DIR: dataDir, WEBHOOK_SECRET: "0123456789abcdef0123456789abcdef" },
    cwd: folder,
    encoding: "utf8",
  });
  assert.notEqual(ended.stdout, "", ended.stderr);
}

test("a data folder that is none is told as such, not as a bug", () => {
  const file = join(folder, "data");
  writeFileSync(file, "");
  const { PATH } = process.env;
  const env = { PATH, DATA_DIR: file };
  const ended = spawnSync(process.execPath, [MAIN, "dead-letters", "list"], { env, cwd: folder, encoding: "utf8" });
  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /^memhook: STORE_UNAVAILABLE: /);
});

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
const filesOf = (path: string) => readdirSync(path).map((name) => `${name} ${modeOf(join(path, name))}`);

test("a data folder that doctor makes is its owner's only, and so are its files", () => {
  const data = join(folder, "data");
  memhook(["doctor", "--json"], data);
  assert.equal(modeOf(data), "700");
  assert.deepEqual(filesOf(data), ["engine.db 600", "engine.db.lock 600", "memory.db 600"]);
});

test("a data folder that cannot be made is told at once", () => {
  const { PATH } = process.env;
  const env = { PATH, DATA_DIR: "/proc/nope/data" };
  const ended = spawnSync(process.execPath, [MAIN, "doctor"], { env, cwd: folder, encoding: "utf8", timeout: 20_000 });
  assert.equal(ended.status, 1);
  assert.match(ended.stdout, /data folder +fail/);
  assert.match(ended.stdout, /STORE_UNAVAILABLE/);
});

test("commands that only read make nothing where memhook never ran, and work beside a memory that is damaged", () => {
  const { PATH } = process.env;
  const data = join(folder, "data");
  const env = { PATH, DATA_DIR: data };
  const read = (...args: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...args], { env, cwd: folder, encoding: "utf8" });
  const nowhere = read("dead-letters", "list");
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /^memhook: NO_STORE: /);
  assert.deepEqual(readdirSync(folder), []);

  memhook(["doctor", "--json"], data);
  writeFileSync(join(data, "memory.db"), "no database at all ".repeat(500));
  const beside = read("dead-letters", "list");
  assert.deepEqual([beside.status, beside.stdout], [0, "no dead letters\n"], beside.stderr);
  const search = read("memory", "search", "x");
  assert.equal(search.status, 1);
  assert.match(search.stderr, /^memhook: STORE_INVALID: .*restore a back-up/);
});

test("files in a folder that was there before are their owner's only, older ones too", () => {
  const data = folder;
  chmodSync(data, 0o755);
  writeFileSync(join(data, "engine.db"), "");
  writeFileSync(join(data, "memory.db"), "");
  writeFileSync(join(data, "notes.txt"), "");
  memhook(["dead-letters", "list", "--json"], data);
  assert.deepEqual(filesOf(data), ["engine.db 600", "memory.db 600", "notes.txt 644"]);
  assert.equal(modeOf(data), "755");
});
