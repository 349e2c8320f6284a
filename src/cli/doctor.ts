import type { Config } from "../config/config.ts";
import type { Warning } from "../config/cross-checks.ts";
import { closingFault } from "./closing-fault.ts";
import { type Finding, failure, fine, machineFindings, partFindings } from "./doctor-checks.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo, Parts } from "./parts.ts";

/** `doctor`: each check, its result, what to do. Looks at everything, whatever fails first. Exit 1 when anything fails. */
export async function examine(
  io: CommandIo,
  settings: { readonly config: Config; readonly warnings: readonly Warning[] },
  open: () => Promise<Parts>,
): Promise<ExitCode> {
  const findings: Finding[] = [...machineFindings(io, settings.config, settings.warnings)];
  try {
    const parts = await open();
    try {
      findings.push(
        fine("engine", `the ${settings.config.engine.kind} engine opens`),
        ...(await partFindings(io, settings.config, parts)),
      );
    } finally {
      await parts.close();
    }
  } catch (error) {
    findings.push(failure("engine", closingFault(error)));
  }
  if (io.terminal.isJson) io.terminal.json(findings);
  else io.terminal.table(["check", "result", "found", "what to do"], findings.map(row));
  return findings.some((finding) => finding.result === "fail") ? EXIT.failed : EXIT.done;
}

function row(finding: Finding): readonly string[] {
  return [finding.check, finding.result, finding.detail, finding.todo];
}
