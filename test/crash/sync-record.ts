import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** One line of a worker's own record. Times are `machineMs`. */
export type RecordEntry =
  /** A lease was handed out for an account. */
  | {
      readonly what: "claim";
      readonly account: string;
      readonly token: number;
      readonly from: number;
      readonly to: number;
    }
  /** A step that only the holder of a lease may take, and whether the store allowed it. */
  | {
      readonly what: "step";
      readonly verb: string;
      readonly account: string;
      readonly token: number;
      readonly isTaken: boolean;
      readonly from: number;
      readonly to: number;
    }
  /** A write of the sink begins. `readFrom` = when the read began that it writes. */
  | {
      readonly what: "write";
      readonly id: number;
      readonly verb: "put" | "remove";
      readonly account: string;
      readonly fingerprint?: string;
      readonly token?: number;
      readonly readFrom?: number;
      readonly from: number;
    }
  /** That write has ended, well or not. Absent when its process was killed in it. */
  | { readonly what: "written"; readonly id: number; readonly to: number }
  /** An event was handled to its end. */
  | { readonly what: "handled"; readonly eventId: string };

/** The machine's monotonic clock in milliseconds, the same for all processes. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Appends a line. Written at once and whole: what is in the record survives a kill. */
export type Recorder = (entry: RecordEntry) => void;

/** Opens a record, one file for each process or task. */
export function openRecorder(path: string): Recorder {
  return (entry) => appendFileSync(path, `${JSON.stringify(entry)}\n`);
}

/** Reads a record; empty of a process that was killed before it did anything. A last line that a kill tore is left out. */
export function readRecord(path: string): readonly RecordEntry[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as RecordEntry); // written by `openRecorder`
}
