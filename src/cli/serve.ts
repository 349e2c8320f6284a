import type { Role } from "../app/role.ts";
import type { Config } from "../config/config.ts";
import type { Warning } from "../config/cross-checks.ts";
import { type SummaryRow, summaryFields } from "../config/summary.ts";
import type { Log } from "../log.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";
import { stopped } from "./signals.ts";

/** A service that runs. `close` drains, within its own bound. */
export interface RunningService {
  readonly url: string;
  /** Opens the operator routes. */
  readonly adminToken: string;
  close(): Promise<void>;
}

/** What `serve` is given. */
export interface ServeDeps {
  readonly role: Role;
  readonly config: Config;
  readonly warnings: readonly Warning[];
  readonly summary: readonly SummaryRow[];
  readonly log: Log;
  readonly start: () => Promise<RunningService>;
}

/** `serve`, `receiver` and `worker`: does its part until it is told to stop, then drains. Standard output says where it is; all else is log. */
export async function serve(io: CommandIo, deps: ServeDeps): Promise<ExitCode> {
  deps.log.info({ config: summaryFields(deps.summary) }, "configuration");
  for (const { name, message } of deps.warnings) deps.log.warn({ variable: name }, message);
  const service = await deps.start();
  try {
    deps.log.info({ url: service.url, role: deps.role }, "listening");
    announce(io, deps, service);
    await stopped(io.signal);
    deps.log.info({}, "draining");
  } finally {
    await service.close();
  }
  deps.log.info({}, "stopped");
  return EXIT.done;
}

const DOES: Readonly<Record<Role, string>> = {
  serve: "serves",
  receiver: "receives",
  worker: "works, and tells of it,",
};

/** A token that was made up at this start is told to the terminal only: it belongs in no log. */
function announce(io: CommandIo, { config, role }: ServeDeps, service: RunningService): void {
  const isMadeUp = config.http.adminToken === undefined;
  if (io.terminal.isJson) {
    io.terminal.json({ url: service.url, ...(isMadeUp ? { admin_token: service.adminToken } : {}) });
    return;
  }
  io.terminal.line(`memhook ${DOES[role]} at ${service.url}`);
  if (isMadeUp) io.terminal.line(`operator token until the next start, for this machine only: ${service.adminToken}`);
}
