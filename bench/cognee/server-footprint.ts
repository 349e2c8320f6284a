import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const BYTES_PER_KB = 1_024;

/** Bytes of memory that a group of processes has, what they share counted once: a server with its database workers. Linux only. */
export function groupMemoryBytes(group: number): number {
  let kilobytes = 0;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const stat = readIfThere(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[2] !== String(group)) continue;
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  return kilobytes * BYTES_PER_KB;
}

/** Bytes of all files below a folder whose path holds one of these ids. */
export function bytesOnDisk(folder: string, ids: readonly string[]): number {
  let bytes = 0;
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!ids.some((id) => path.includes(id))) continue;
    const stat = statSync(join(folder, path), { throwIfNoEntry: false });
    if (stat?.isFile() === true) bytes += stat.size;
  }
  return bytes;
}

/** Empty for a process that ended meanwhile. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}
