import { CommanderError } from "commander";
import { asFault, type Fault } from "../faults.ts";
import { advice } from "./advice.ts";
import { closingFault } from "./closing-fault.ts";
import { EXIT, type ExitCode, Misuse } from "./exit-code.ts";
import { createProgram, type Host } from "./program.ts";
import { Stopped } from "./signals.ts";

/** Runs one command line. Every way a command can end is in this function and the next. */
export async function run(args: readonly string[], host: Host): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = createProgram(host, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    return endOf(host, error);
  }
}

/** True when the results of a command line are for programs. */
export function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).includes("--json");
}

/** Tells an error in one clear line and gives its exit code. */
function endOf(host: Host, error: unknown): ExitCode {
  const { terminal } = host;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done; // An answer: the help or the version that was asked for.
    // `memhook` alone has printed its help, which is all there is to say.
    if (error.code !== "commander.help") terminal.error("MISUSED", error.message.replace(/^error: /, ""));
    return EXIT.misused;
  }
  if (error instanceof Misuse) {
    terminal.error("MISUSED", error.message);
    return EXIT.misused;
  }
  if (host.signal.aborted) {
    const reason: unknown = host.signal.reason;
    terminal.error("STOPPED", reason instanceof Stopped ? reason.message : "stopped");
    return EXIT.failed;
  }
  const fault = asFault(closingFault(error), "running the command");
  terminal.error(fault.code, messageOf(fault), { todo: advice[fault.code] });
  if (fault.code === "UNEXPECTED" && host.source.env["LOG_LEVEL"] === "debug") terminal.note(stackOf(fault));
  return fault.code === "CONFIG_INVALID" ? EXIT.misused : EXIT.failed;
}

/** What happened, why, and what to do, in one line. */
function messageOf(fault: Fault): string {
  const cause = fault.cause instanceof Error ? ` (${fault.cause.message})` : "";
  return `${fault.message}${cause}; ${advice[fault.code]}`;
}

function stackOf(fault: Fault): string {
  return fault.cause instanceof Error ? (fault.cause.stack ?? "") : (fault.stack ?? "");
}
