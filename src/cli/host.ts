import type { Parts as AppParts } from "../app/parts.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { processSource } from "../config/load.ts";
import { Fault } from "../faults.ts";
import { type Log, openLog } from "../log.ts";
import { systemRandom } from "../random.ts";
import { releaseVersion } from "../version.ts";
import type { OwnWorker, Parts } from "./parts.ts";
import type { Host, SimulatorWish } from "./program.ts";
import { run, wantsJson } from "./run.ts";
import { listenForStop } from "./signals.ts";
import type { RunningSimulator } from "./simulate.ts";
import { openTerminal } from "./terminal.ts";

/** Runs this process's command line to its exit code. */
export async function runProcess(): Promise<void> {
  const args = process.argv.slice(2);
  // A reader that has seen enough (`| head`) is no failure of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const stop = listenForStop(process);
  const code = await run(args, processHost(wantsJson(args), stop.signal));
  process.stdout.write("", () => process.exit(code));
}

/** The real world. What a command does not use is not loaded for it. */
function processHost(isJson: boolean, signal: AbortSignal): Host {
  const source = processSource();
  const terminal = openTerminal({ out: process.stdout, err: process.stderr, env: source.env, isJson });
  return {
    terminal,
    clock: systemClock,
    random: systemRandom,
    signal,
    source,
    version: releaseVersion(),
    openLog: (level) => openLog(level),
    openParts: async (config, log) => {
      const { openParts } = await import("../app/parts.ts");
      return commandParts(config, log, await openParts(config, deps(log)));
    },
    startApp: async (config, log) => {
      const { startApp } = await import("../app/app.ts");
      return startApp(config, deps(log));
    },
    startSimulator: startStandIn,
    runDemo: async (wish) => {
      const { runDemo } = await import("./demo.ts");
      return runDemo({ terminal, clock: systemClock, signal }, wish);
    },
  };
}

function deps(log: Log) {
  return { clock: systemClock, random: systemRandom, log };
}

/** The app's parts as commands see them. */
function commandParts(config: Config, log: Log, parts: AppParts): Parts {
  const { engine, memory, crm } = parts;
  return {
    queue: engine.queue,
    view: engine.view,
    ledger: engine.ledger,
    channels: engine.channels,
    memory,
    crm: config.zoho.credentials === undefined ? undefined : crm,
    startWorker: async (): Promise<OwnWorker | undefined> => {
      if (!engine.acquireWorkerLock()) return undefined;
      const { DRAIN_MS, wireRooms } = await import("../app/app.ts");
      const { processor } = wireRooms(config, deps(log), parts);
      processor.start();
      return { close: () => processor.stop({ drainMs: DRAIN_MS }) };
    },
    isServiceRunning: () => !engine.acquireWorkerLock(),
    close: () => parts.close(),
  };
}

async function startStandIn(wish: SimulatorWish): Promise<RunningSimulator> {
  const { startSimulator } = await import("../simulator/simulator.ts");
  const simulator = await startSimulator({ ...wish, clock: systemClock }).catch((error: unknown) => {
    const isSystem = error instanceof Error && "syscall" in error;
    throw isSystem ? new Fault("PORT_UNAVAILABLE", `listening on ${wish.host}:${wish.port}`, { cause: error }) : error;
  });
  return {
    url: simulator.url,
    credentials: { ...simulator.credentials },
    change: (random) => simulator.crm.workday(random),
    close: () => simulator.close(),
  };
}
