import type { Role } from "../app/role.ts";
import { configProblems } from "./config-command.ts";
import { type ExitCode, Misuse } from "./exit-code.ts";
import type { Host } from "./program.ts";
import { serve } from "./serve.ts";
import { load } from "./with-parts.ts";

/** The commands that stay until they are told to stop: what a process of memhook can be. */
export const ROLE_ABOUT: Readonly<Record<Role, string>> = {
  serve: "receive webhooks and keep the memory in step, until told to stop",
  receiver: "only receive webhooks, on a Redis that workers share",
  worker: "only keep the memory in step, on a Redis that receivers share",
};

/** Reads the configuration as the role needs it, and runs it. Throws Misuse where the engine has room for one process only. */
export async function runRole(host: Host, role: Role): Promise<ExitCode> {
  // A receiver calls nobody.
  const loaded = load(host, role === "receiver" ? {} : { crm: true });
  if (loaded.outcome === "invalid") return configProblems(host.terminal, loaded.problems);
  const { config } = loaded;
  if (role !== "serve" && config.engine.kind === "embedded") {
    throw new Misuse(
      `memhook ${role} needs a store that other processes share: set REDIS_HOST, REDIS_URL or REDIS_CLUSTER_NODES; memhook serve does without`,
    );
  }
  const log = host.openLog(config.log.level);
  return serve(host, { ...loaded, role, log, start: () => host.startApp(config, log, role) });
}
