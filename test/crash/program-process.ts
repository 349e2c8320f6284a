import { spawn } from "node:child_process";

/** How a program is started. */
export interface ProgramOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Further variables; nothing of the caller's own environment but PATH reaches the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Told what the program sends to its parent; absent = it has no such channel. */
  readonly hear?: (message: unknown) => void;
}

/** A process of our own, to be killed at will. */
export interface ProgramProcess {
  readonly pid: number;
  readonly isGone: boolean;
  /** Resolves with the exit code (null after a signal) once the process is gone. */
  readonly gone: Promise<number | null>;
  /** The last lines that it wrote, for a report. */
  tail(): string;
  /** Says something to a program that listens. */
  tell(message: string): void;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Characters of output kept. */
const TAIL_LENGTH_MAX = 8_000;

/** Starts a program of this repository on the Node that runs us. */
export function startProgram(options: ProgramOptions): ProgramProcess {
  const { hear } = options;
  const child = spawn(process.execPath, [options.program, ...options.args], {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"], ...options.env },
    stdio: ["ignore", "pipe", "pipe", hear === undefined ? "ignore" : "ipc"],
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-TAIL_LENGTH_MAX);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  if (hear !== undefined) child.on("message", hear);
  let isGone = false;
  const gone = new Promise<number | null>((resolve) =>
    child.once("exit", (code) => {
      isGone = true;
      resolve(code);
    }),
  );
  return {
    pid: child.pid ?? 0,
    get isGone() {
      return isGone;
    },
    gone,
    tail: () => output,
    tell: (message) => {
      child.send(message);
    },
    kill: (signal) => {
      child.kill(signal);
      return gone;
    },
  };
}
