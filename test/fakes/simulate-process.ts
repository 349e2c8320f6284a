import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { cleanEnv, MAIN } from "../e2e/harness.ts";

/** The last line that a reader of the settings needs. */
const LAST_NAME = "COGNEE_API_KEY";
/** A start takes a second on an idle machine. */
const START_MS_MAX = 30_000;

/** `memhook simulate --cognee` as a process: a stand-in Zoho and a stand-in Cognee, reached from outside only. */
export interface SimulateProcess {
  /** What it printed for its clients, by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Calls its control interface. */
  readonly control: (method: "GET" | "POST", path: string, body?: unknown) => Promise<unknown>;
  /** Ends it; resolves with its exit code. */
  readonly end: () => Promise<number | null>;
}

/** Starts one and waits until it has said how it is reached. Throws with its output when it ends before. */
export async function startSimulate(accounts: number): Promise<SimulateProcess> {
  const child = spawn(process.execPath, [MAIN, "simulate", "--cognee", "--accounts", String(accounts)], {
    env: cleanEnv({}),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const settings = await settingsOf(child).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`simulate did not start: ${told}`, { cause: error });
  });
  return {
    settings,
    control: async (method, path, body) => {
      const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      const response = await fetch(`${settings["ZOHO_API_URL"]}/__simulator${path}`, init);
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
      return response.json();
    },
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = await ended;
      return typeof code === "number" ? code : null;
    },
  };
}

async function settingsOf({ stdout }: { readonly stdout: Readable }): Promise<Readonly<Record<string, string>>> {
  const settings: Record<string, string> = {};
  const lines = createInterface({ input: stdout, signal: AbortSignal.timeout(START_MS_MAX) });
  for await (const line of lines) {
    const [, name = "", value = ""] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    settings[name] = value;
    if (name === LAST_NAME) return settings;
  }
  throw new Error(`all that it printed: ${Object.keys(settings).join(", ")}`);
}
