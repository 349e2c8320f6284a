import type { Parts as AppParts } from "../app/parts.ts";
import type { Rooms as AppRooms } from "../app/wire-rooms.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { processSource } from "../config/load.ts";
import { Fault } from "../faults.ts";
import { type Log, openLog } from "../log.ts";
import { createReceipts } from "../memory/receipts.ts";
import { systemRandom } from "../random.ts";
import { releaseVersion } from "../version.ts";
import { EXIT } from "./exit-code.ts";
import { flushed, watchOutput } from "./leave.ts";
import type { Obstacle, OwnWorker, Parts } from "./parts.ts";
import type { Host, SimulatorWish } from "./program.ts";
import { run, wantsJson } from "./run.ts";
import { listenForStop } from "./signals.ts";
import type { RunningSimulator } from "./simulate.ts";
import { closeToOthers, denyOthers, hasStore } from "./store-files.ts";
import { openTerminal } from "./terminal.ts";

/** How long a command's own worker may take to end what is under way; a person waits, and what is cut off is given back. */
const OWN_DRAIN_MS = 5_000;

/** Runs this process's command line to its exit code. */
export async function runProcess(): Promise<void> {
  const args = process.argv.slice(2);
  denyOthers();
  const lostOutput = watchOutput([process.stdout, process.stderr]);
  const stop = listenForStop(process);
  const code = await run(args, processHost(wantsJson(args), stop.signal));
  await flushed(systemClock, [process.stdout, process.stderr]);
  process.exit(lostOutput() === undefined ? code : code || EXIT.failed);
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
    // A server's store needs no file here, and is made by whoever comes first.
    hasStore: (config) => config.engine.kind === "redis" || hasStore(config.engine.dataDir),
    openParts: async (config, log) => {
      closeToOthers(config.engine.dataDir);
      const { openParts } = await import("../app/parts.ts");
      return commandParts(config, log, await openParts(config, deps(log)));
    },
    startApp: async (config, log, role) => {
      closeToOthers(config.engine.dataDir);
      const { startApp } = await import("../app/app.ts");
      return startApp(config, deps(log), { role });
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

/** The app's parts as commands see them. Throws Fault STORE_UNAVAILABLE when the store does not answer. */
async function commandParts(config: Config, log: Log, parts: AppParts): Promise<Parts> {
  const { reachStore } = await import("../app/reach-store.ts");
  try {
    await reachStore(parts, deps(log));
  } catch (error) {
    await parts.close();
    throw error;
  }
  const { engine, memory, crm } = parts;
  return {
    queue: engine.queue,
    view: engine.view,
    ledger: engine.ledger,
    channels: engine.channels,
    memory,
    receipts: createReceipts(engine.sealed),
    crm: config.zoho.credentials === undefined ? undefined : crm,
    startWorker: () => ownWorker(config, log, parts),
    isServiceRunning: async () => {
      const { isWorkedOn } = await import("../app/reach-store.ts");
      return isWorkedOn(parts);
    },
    examineStore: async () => {
      const { server } = parts;
      if (server === undefined || config.engine.kind === "embedded") return [];
      const { examineStore } = await import("../app/store-check.ts");
      return examineStore(server, config.engine);
    },
    close: () => parts.close(),
  };
}

async function ownWorker(config: Config, log: Log, parts: AppParts): Promise<OwnWorker | undefined> {
  const { isWorkedOn } = await import("../app/reach-store.ts");
  if (await isWorkedOn(parts)) return undefined;
  await parts.engine.acquireWorkerLock(); // Had by now on an engine of one machine; on a server it announces this process.
  const [{ wireRooms }, { beginWork, WorkPresence }] = await Promise.all([
    import("../app/wire-rooms.ts"),
    import("../app/work.ts"),
  ]);
  const { duties, counters } = parts.engine;
  const presence = new WorkPresence({ ...deps(log), duties, counters }, () => true);
  await presence.start();
  try {
    const rooms = wireRooms(config, deps(log), { parts, role: "worker" });
    const { processor } = rooms;
    await beginWork(parts, rooms, deps(log));
    return {
      obstacle: () => obstacleIn(processor.status().circuits),
      close: async () => {
        await processor.stop({ drainMs: OWN_DRAIN_MS });
        await rooms.follower?.close();
        await presence.close();
      },
    };
  } catch (error) {
    await presence.close();
    throw error;
  }
}

/** The dependency that has been away for longest; undefined while none is. */
function obstacleIn({ crm, sink }: ReturnType<AppRooms["processor"]["status"]>["circuits"]): Obstacle | undefined {
  const circuits = [
    { dependency: "crm", ...crm },
    { dependency: "sink", ...sink },
  ] as const;
  const [longest] = circuits.filter(({ state }) => state !== "closed").sort((one, other) => one.since - other.since);
  if (longest === undefined) return undefined;
  return { dependency: longest.dependency, since: longest.since, cause: longest.cause ?? "UNEXPECTED" };
}

async function startCognee() {
  const { startCogneeStandIn } = await import("../simulator/cognee/cognee-stand-in.ts");
  return startCogneeStandIn({ clock: systemClock });
}

async function startStandIn(wish: SimulatorWish): Promise<RunningSimulator> {
  const { startSimulator } = await import("../simulator/simulator.ts");
  const simulator = await startSimulator({ ...wish, clock: systemClock }).catch((error: unknown) => {
    const isSystem = error instanceof Error && "syscall" in error;
    throw isSystem ? new Fault("PORT_UNAVAILABLE", `listening on ${wish.host}:${wish.port}`, { cause: error }) : error;
  });
  const cognee = wish.hasCognee === true ? await startCognee() : undefined;
  return {
    url: simulator.url,
    credentials: {
      ...simulator.credentials,
      ...(cognee === undefined ? {} : { COGNEE_URL: cognee.url, COGNEE_API_KEY: cognee.apiKey }),
    },
    change: (random) => simulator.crm.workday(random),
    close: async () => {
      await cognee?.close();
      await simulator.close();
    },
  };
}
