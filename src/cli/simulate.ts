import type { Random } from "../random.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";
import { stopped } from "./signals.ts";

/** Most changes a minute that `--workday` makes: 20 a second is a very large sales team. */
export const WORKDAY_RATE_MAX = 1_200;

const MINUTE_MS = 60_000;

/** The part of the running simulator that the command uses. */
export interface RunningSimulator {
  readonly url: string;
  /** What a client needs, by the names of our own variables. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Makes one plausible change and says which. */
  change(random: Random): string;
  close(): Promise<void>;
}

/** `simulate`: prints how to reach the stand-in Zoho, then stays up until it is told to stop. */
export async function simulate(
  io: CommandIo,
  start: () => Promise<RunningSimulator>,
  workday: { readonly changesPerMinute: number; readonly random: Random },
): Promise<ExitCode> {
  const simulator = await start();
  try {
    if (io.terminal.isJson) io.terminal.json(simulator.credentials);
    else for (const [name, value] of Object.entries(simulator.credentials)) io.terminal.line(`${name}=${value}`);
    io.terminal.note(`a stand-in Zoho CRM answers at ${simulator.url}; Ctrl-C ends it`);
    io.terminal.note(`what can be changed while it runs: curl ${simulator.url}/__simulator`);
    if (workday.changesPerMinute === 0) await stopped(io.signal);
    while (!io.signal.aborted) {
      const isStopped = await io.clock.sleep(MINUTE_MS / workday.changesPerMinute, io.signal).then(
        () => false,
        () => true,
      );
      if (!isStopped) io.terminal.note(simulator.change(workday.random));
    }
  } finally {
    await simulator.close();
  }
  return EXIT.done;
}
