import { CREDENTIALS } from "../config/cross-checks.ts";
import type { LoadedConfig } from "../config/load.ts";
import { configurationReference } from "../config/reference.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";
import type { Terminal } from "./terminal.ts";

/** `config`: what is in effect and where it comes from; `--check` only judges; `--reference` explains every variable. */
export function showConfig(
  io: Pick<CommandIo, "terminal">,
  loaded: LoadedConfig,
  options: { readonly isCheck: boolean; readonly isReference: boolean },
): ExitCode {
  const { terminal } = io;
  if (options.isReference) {
    terminal.raw(configurationReference());
    return EXIT.done;
  }
  if (loaded.outcome === "invalid") return configProblems(terminal, loaded.problems);
  for (const warning of loaded.warnings) terminal.note(`warning: ${warning.name}: ${warning.message}`);
  if (terminal.isJson) {
    const values = Object.fromEntries(loaded.summary.map((row) => [row.name, row.value ?? null]));
    terminal.json(options.isCheck ? { status: "valid", warnings: loaded.warnings } : values);
  } else if (options.isCheck) terminal.line("the configuration is right");
  else {
    const rows = loaded.summary.map((row) => [row.name, row.value ?? "unset", row.origin]);
    terminal.table(["variable", "value", "from"], rows);
  }
  return EXIT.done;
}

/** Names every problem at once; by name, never by value. */
export function configProblems(
  terminal: Terminal,
  problems: readonly { readonly name: string; readonly expected: string }[],
): ExitCode {
  if (terminal.isJson) terminal.error("CONFIG_INVALID", "the configuration is wrong", { problems });
  else for (const { name, expected } of problems) terminal.error("CONFIG_INVALID", `${name}: expected ${expected}`);
  const named = new Set(problems.map(({ name }) => name));
  if (CREDENTIALS.every((name) => named.has(name)))
    terminal.note(
      "without a Zoho CRM at hand: memhook demo shows it all, memhook simulate prints credentials of a stand-in",
    );
  return EXIT.misused;
}
