import { execFile } from "node:child_process";
import { access, constants, mkdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const NAMES = ["redis-server", "valkey-server"] as const;
/** An installation by another test file that takes longer has died. */
const INSTALL_MS_MAX = 240_000;
const LOOK_EVERY_MS = 250;
const LOCK = join(tmpdir(), "memhook-redis-install.lock");

/** The server's program, or why there is none. */
export type RedisBinary = { readonly path: string } | { readonly missing: string };

let found: Promise<RedisBinary> | undefined;

/** Finds redis-server or valkey-server on the PATH, or installs it where that needs no question: Debian, as root. */
export function ensureRedis(): Promise<RedisBinary> {
  found ??= findOrInstall();
  return found;
}

async function findOrInstall(): Promise<RedisBinary> {
  const path = await find();
  if (path !== undefined) return { path };
  const isDebian = await isThere("/etc/debian_version");
  if (!isDebian || process.getuid?.() !== 0)
    return { missing: "neither redis-server nor valkey-server is on the PATH" };
  try {
    await once(install);
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").at(0) : String(error);
    return { missing: `redis-server could not be installed: ${why}` };
  }
  const installed = await find();
  return installed === undefined
    ? { missing: "redis-server is not on the PATH after its installation" }
    : { path: installed };
}

async function find(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter))
    for (const name of NAMES) if (await isThere(join(folder, name), constants.X_OK)) return join(folder, name);
  return undefined;
}

async function install(): Promise<void> {
  // The package starts a server of its own unless the machine looks as if it were going down.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const apt = (...args: string[]) => run("apt-get", ["-y", ...args], { env, timeout: INSTALL_MS_MAX / 2 });
  const command = ["install", "--no-install-recommends", "redis-server"] as const;
  try {
    await apt(...command);
  } catch {
    await apt("update"); // The lists were old or missing.
    await apt(...command);
  }
}

/** Test files run at the same time: one installs, the others wait for it. */
async function once(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await mkdir(LOCK);
      break;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const age = Date.now() - ((await stat(LOCK).catch(() => undefined))?.mtimeMs ?? 0);
      if (age > INSTALL_MS_MAX) await rm(LOCK, { recursive: true, force: true });
      await sleep(LOOK_EVERY_MS);
    }
  }
  try {
    if ((await find()) === undefined) await work();
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}

function isThere(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
