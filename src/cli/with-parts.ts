import { missingCredentials } from "../config/cross-checks.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { Fault } from "../faults.ts";
import type { LogLevel } from "../log.ts";
import { closingFault } from "./closing-fault.ts";
import { configProblems } from "./config-command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { checkFieldPolicy } from "./field-policy-check.ts";
import type { Parts } from "./parts.ts";
import type { Host } from "./program.ts";

/** Reads the configuration as one command needs it. */
export function load(host: Host, needs: Pick<Needs, "crm"> = {}): LoadedConfig {
  return loadConfig(host.source, (values) => [
    ...checkFieldPolicy(values),
    ...(needs.crm === true ? missingCredentials(values) : []),
  ]);
}

/** What a command does with the store. */
export interface Needs {
  /** It signs in to the CRM. */
  readonly crm?: true;
  /** It works only where memhook has run before; it makes nothing. */
  readonly store?: true;
  /** It writes nothing that could be lost when closing fails. */
  readonly isReading?: true;
}

/** Brings accounts up to date: may make the store. */
export const SYNCING: Needs = { crm: true };
/** Shows what is there. */
export const READING: Needs = { store: true, isReading: true };
/** Changes what is there. */
export const MENDING: Needs = { store: true };

/** Opens the parts for one command and closes them, whatever happens. */
export async function withParts(host: Host, needs: Needs, use: (parts: Parts) => Promise<ExitCode>): Promise<ExitCode> {
  const loaded = load(host, needs);
  if (loaded.outcome === "invalid") return configProblems(host.terminal, loaded.problems);
  const { config } = loaded;
  if (needs.store === true && !host.hasStore(config)) {
    const { dataDir } = config.engine;
    host.terminal.error(
      "NO_STORE",
      `there is no store in ${dataDir}: memhook never ran there; set DATA_DIR to where it does`,
    );
    return EXIT.failed;
  }
  const parts = await host.openParts(config, host.openLog(quiet(config.log.level)));
  try {
    return await use(parts);
  } finally {
    await closeParts(parts, needs);
  }
}

/** A full disk hinders closing, which folds the log back into the store. Who has only read has lost nothing by that. */
async function closeParts(parts: Parts, { isReading }: Needs): Promise<void> {
  try {
    await parts.close();
  } catch (error) {
    const fault = closingFault(error);
    if (isReading !== true || !(fault instanceof Fault)) throw fault;
  }
}

/** A command's own result is what a person reads; the life cycle of its parts is not. */
export function quiet(level: LogLevel): LogLevel {
  return level === "info" ? "warn" : level;
}
