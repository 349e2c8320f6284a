import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How `memhook serve` is started. */
export interface ServeOptions {
  readonly port: number;
  readonly dataDir: string;
  /** Further variables; nothing of the caller's own environment but PATH reaches the process. */
  readonly env: Readonly<Record<string, string>>;
}

/** A real `memhook serve`, to be killed at will. */
export interface ServeProcess {
  readonly pid: number;
  readonly url: string;
  /** Resolves with the exit code (null after a signal) once the process is gone. */
  readonly gone: Promise<number | null>;
  /** The last lines that it wrote, for a report. */
  tail(): string;
  /** Resolves once deliveries can be taken; rejects when the process ends first or READY_MS_MAX passed. */
  ready(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Longest start that is waited for: a store of a million rows opens in well under a second. */
const READY_MS_MAX = 30_000;
/** How often readiness is asked for. */
const READY_POLL_MS = 15;
/** Longest that one question about readiness may take. */
const QUESTION_MS_MAX = 2_000;
/** Characters of output kept. */
const TAIL_LENGTH_MAX = 8_000;

/** Compiled or not, as this file is: a benchmark runs what users run. */
const EXTENSION = import.meta.filename.endsWith(".ts") ? "ts" : "js";
const PROGRAM = join(import.meta.dirname, "..", "..", "src", "cli", `main.${EXTENSION}`);

/** Starts `memhook serve` in its data directory, so that no `.env` of the caller's is read. */
export function startServe(options: ServeOptions): ServeProcess {
  const child = spawn(process.execPath, [PROGRAM, "serve"], {
    cwd: options.dataDir,
    env: {
      PATH: process.env["PATH"],
      HOST: "127.0.0.1",
      PORT: String(options.port),
      DATA_DIR: options.dataDir,
      LOG_LEVEL: "warn",
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-TAIL_LENGTH_MAX);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const gone = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const url = `http://127.0.0.1:${options.port}`;
  return {
    pid: child.pid ?? 0,
    url,
    gone,
    tail: () => output,
    ready: () => waitUntilReady(child, url, () => output),
    kill: (signal) => {
      child.kill(signal);
      return gone;
    },
  };
}

async function waitUntilReady(child: ChildProcess, url: string, output: () => string): Promise<void> {
  const latest = performance.now() + READY_MS_MAX;
  while (performance.now() < latest) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`serve ended at once:\n${output()}`);
    try {
      const reply = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(QUESTION_MS_MAX) });
      await reply.arrayBuffer();
      if (reply.status === 200) return;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // Not listening yet: ask again.
    }
    await sleep(READY_POLL_MS);
  }
  throw new Error(`serve was not ready in ${READY_MS_MAX} ms:\n${output()}`);
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
