import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Parts } from "../../src/cli/parts.ts";
import type { Host } from "../../src/cli/program.ts";
import { run, wantsJson } from "../../src/cli/run.ts";
import { openTerminal } from "../../src/cli/terminal.ts";
import { type ManualClock, manualClock } from "../../src/clock.ts";
import { openEmbeddedEngine } from "../../src/engines/embedded/embedded-engine.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { silentLog } from "../../src/log.ts";
import { createReceipts } from "../../src/memory/receipts.ts";
import { seededRandom } from "../../src/random.ts";

/** What one command line did. */
export interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A world for the command line: a real engine on a folder of its own, everything else as given. */
export interface CliWorld {
  readonly clock: ManualClock;
  readonly engine: Engine;
  readonly folder: string;
  /** What commands are given. */
  readonly parts: Parts;
  /** Runs a command line to its end, on the engine's parts. */
  cli(args: readonly string[], exceptions?: Partial<Host>): Promise<Told>;
  /** JSON that a command printed. Throws when it ended otherwise than with `code`. */
  json(args: readonly string[], code?: number): Promise<unknown>;
  dispose(): Promise<void>;
}

/** Credentials that nothing signs in with. */
export const CREDENTIALS = { ZOHO_CLIENT_ID: "id", ZOHO_CLIENT_SECRET: "secret", ZOHO_REFRESH_TOKEN: "refresh" };

/** Opens a world. `parts` replaces single parts; by default a service is running elsewhere and nothing is in the memory. */
export async function cliWorld(parts: Partial<Parts> = {}): Promise<CliWorld> {
  const folder = mkdtempSync(join(tmpdir(), "memhook-cli-"));
  const clock = manualClock();
  const engine = await openEmbeddedEngine({
    path: join(folder, "engine.db"),
    clock,
    log: silentLog,
    queue: { capacity: 1_000, dedupWindowMs: 3_600_000, maxWaitMs: 1_000 },
  });
  const opened: Parts = {
    queue: engine.queue,
    view: engine.view,
    ledger: engine.ledger,
    channels: engine.channels,
    receipts: createReceipts(engine.sealed),
    memory: { kind: "embedded", search: async () => [], probe: async () => undefined },
    crm: { probe: async () => undefined, listChannels: async () => [] },
    startWorker: async () => undefined,
    isServiceRunning: async () => true,
    examineStore: async () => [],
    close: async () => undefined,
    ...parts,
  };
  const cli = async (args: readonly string[], exceptions: Partial<Host> = {}): Promise<Told> => {
    let [stdout, stderr] = ["", ""];
    const host: Host = {
      terminal: openTerminal({
        out: { write: (text) => (stdout += text) },
        err: { write: (text) => (stderr += text) },
        env: {},
        isJson: wantsJson(args),
      }),
      clock,
      random: seededRandom(1),
      signal: new AbortController().signal,
      source: { env: { ...CREDENTIALS, DATA_DIR: folder }, cwd: folder },
      version: "1.2.3",
      openLog: () => silentLog,
      openParts: async () => opened,
      hasStore: () => true,
      startApp: () => Promise.reject(new Error("not in this test")),
      runDemo: () => Promise.reject(new Error("not in this test")),
      startSimulator: () => Promise.reject(new Error("not in this test")),
      ...exceptions,
    };
    const code = await run(args, host);
    return { code, stdout, stderr };
  };
  return {
    clock,
    engine,
    folder,
    parts: opened,
    cli,
    json: async (args, expected = 0) => {
      const { code, stdout, stderr } = await cli([...args, "--json"]);
      if (code !== expected) throw new Error(`ended with ${code}: ${stderr}`);
      return JSON.parse(stdout);
    },
    dispose: async () => {
      await engine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
