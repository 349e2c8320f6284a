import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How long a started process may take to say that it listens. Generous: the machine may be busy with other tests. */
const START_TIMEOUT_MS = 30_000;
/** How long a condition may take to come true before the test says what it waited for. */
const WAIT_TIMEOUT_MS = 30_000;

export const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
export const SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/** A running `memhook serve`, `receiver` or `worker`, reached from outside only. */
export interface Served {
  readonly url: string;
  readonly process: ChildProcess;
  readonly log: readonly string[];
  /** Ends it with the signal and waits; resolves with the exit code, null when a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** A new data folder, removed by `dispose`. */
export function dataDir(): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), "memhook-test-"));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/** The environment of a child: nothing of ours leaks in, so that a developer's own settings change no test. */
export function cleanEnv(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, HOST: "127.0.0.1", NO_COLOR: "1", ...env };
}

/** Starts the real program as a service and waits until it listens. Throws with its output when it ends before. */
export async function serve(
  env: Readonly<Record<string, string>>,
  role: "serve" | "receiver" | "worker" = "serve",
): Promise<Served> {
  const child = spawn(process.execPath, [MAIN, role], {
    env: cleanEnv({ PORT: "0", WEBHOOK_SECRET: SECRET, ADMIN_TOKEN: "test-admin-token", ...env }),
    cwd: env["DATA_DIR"],
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no start within ${START_TIMEOUT_MS} ms:\n${log.join("\n")}`)),
      START_TIMEOUT_MS,
    );
    const read = (line: string) => {
      log.push(line);
      if (!line.includes('"listening"')) return;
      const parsed: { url?: string } = JSON.parse(line);
      if (parsed.url === undefined) return;
      clearTimeout(timer);
      resolve(parsed.url);
    };
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code} before it listened:\n${log.join("\n")}`));
    });
  });
  return {
    url,
    process: child,
    log,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, "exit");
      child.kill(signal);
      const [code] = await ended;
      return typeof code === "number" ? code : null;
    },
  };
}

/** Runs one command to its end. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: cleanEnv(env),
    cwd: env["DATA_DIR"],
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : -1, stdout, stderr };
}

/** Posts a signed event and returns status and body. */
export async function postSigned(
  url: string,
  event: Readonly<Record<string, unknown>>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const raw = JSON.stringify({ event_id: randomUUID(), ...event });
  const response = await fetch(`${url}/webhooks/zoho`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-zoho-signature": createHmac("sha256", SECRET).update(raw).digest("hex"),
    },
    body: raw,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }; // asserted by the tests
}

/** Asks until `check` gives a value; throws with `what` when it does not in time. */
export async function until<T>(what: string, check: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + WAIT_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited ${WAIT_TIMEOUT_MS} ms in vain for: ${what}`);
}

/** JSON of a GET. */
export async function getJson(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(url, { headers });
  return (await response.json()) as Record<string, unknown>; // asserted by the tests
}

/** Resolves when `queue_size` is 0. */
export async function drained(url: string): Promise<void> {
  await until("an empty queue", async () => (await getJson(`${url}/webhooks/health`))["queue_size"] === 0);
}
