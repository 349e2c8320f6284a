import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

/** Longest that a child may take over one answer. Filling a store with a million rows is the slowest. */
const ANSWER_MS_MAX = 900_000;

/** Starts a program of this folder as a process of its own, with a channel for messages. */
export function startChild(program: string, args: readonly string[] = []): ChildProcess {
  // Compiled or not, as this file is.
  const file = import.meta.filename.endsWith(".ts") ? program : program.replace(/\.ts$/, ".js");
  return fork(join(import.meta.dirname, file), args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

/** The child's next message; rejects when the child ends first or takes too long. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const latest = setTimeout(() => finish(() => reject(new Error("a child did not answer"))), ANSWER_MS_MAX);
    const onMessage = (message: unknown) => finish(() => resolve(message));
    const onExit = (code: number | null) => finish(() => reject(new Error(`a child ended with ${code}`)));
    function finish(then: () => void): void {
      clearTimeout(latest);
      child.off("message", onMessage);
      child.off("exit", onExit);
      then();
    }
    child.once("message", onMessage);
    child.once("exit", onExit);
  });
}

/** Ends a child and waits until it is gone. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}
