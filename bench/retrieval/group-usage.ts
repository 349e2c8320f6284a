import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second in /proc/<pid>/stat: 100 on every Linux that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;

/**
 * Processor time in seconds that a group of processes has used, those that ended included, as their parents account for them: a server with its
 * database workers. The figure that other work on the machine hurts least. Linux only.
 */
export function groupCpuSeconds(group: number): number {
  let ticks = 0;
  for (const entry of readdirSync("/proc")) {
    const fields = /^\d+$/.test(entry) ? fieldsOf(entry) : undefined;
    if (fields?.[2] !== String(group)) continue;
    for (const field of fields.slice(11, 15)) ticks += Number(field); // Its own time, then that of children which ended.
  }
  return ticks / TICKS_PER_SECOND;
}

/** What /proc tells of a process, from its state on; undefined when it ended meanwhile. */
function fieldsOf(pid: string): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
