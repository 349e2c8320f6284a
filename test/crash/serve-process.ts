import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ProgramProcess, startProgram } from "./program-process.ts";

/** How `memhook serve` is started. */
export interface ServeOptions {
  /** Default: `serve`. */
  readonly command?: "serve" | "receiver" | "worker";
  readonly port: number;
  readonly dataDir: string;
  /** Further variables; nothing of the caller's own environment but PATH reaches the process. */
  readonly env: Readonly<Record<string, string>>;
}

/** A real `memhook serve`, to be killed at will. */
export interface ServeProcess extends ProgramProcess {
  readonly url: string;
  /** Resolves once deliveries can be taken; rejects when the process ends first or READY_MS_MAX passed. */
  ready(): Promise<void>;
}

/** Longest start that is waited for: a store of a million rows opens in well under a second. */
const READY_MS_MAX = 30_000;
/** How often readiness is asked for. */
const READY_POLL_MS = 15;
/** Longest that one question about readiness may take. */
const QUESTION_MS_MAX = 2_000;

/** Compiled or not, as this file is: a benchmark runs what users run. */
const EXTENSION = import.meta.filename.endsWith(".ts") ? "ts" : "js";
const PROGRAM = join(import.meta.dirname, "..", "..", "src", "cli", `main.${EXTENSION}`);

/** Starts `memhook serve` in its data directory, so that no `.env` of the caller's is read. */
export function startServe(options: ServeOptions): ServeProcess {
  const running = startProgram({
    program: PROGRAM,
    args: [options.command ?? "serve"],
    cwd: options.dataDir,
    env: {
      HOST: "127.0.0.1",
      PORT: String(options.port),
      DATA_DIR: options.dataDir,
      LOG_LEVEL: "warn",
      ...options.env,
    },
  });
  const url = `http://127.0.0.1:${options.port}`;
  return beside(running, { url, ready: () => waitUntilReady(running, url) });
}

/** The process with more to it; its `isGone` stays alive. */
export function beside<More extends object>(running: ProgramProcess, more: More): ProgramProcess & More {
  return Object.assign(Object.create(running) as ProgramProcess, more); // inherits all of it
}

async function waitUntilReady(running: ProgramProcess, url: string): Promise<void> {
  const latest = performance.now() + READY_MS_MAX;
  while (performance.now() < latest) {
    if (running.isGone) throw new Error(`serve ended at once:\n${running.tail()}`);
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
  throw new Error(`serve was not ready in ${READY_MS_MAX} ms:\n${running.tail()}`);
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
