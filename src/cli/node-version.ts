// Imports nothing: it has to run where everything else would fail to load.

/** The oldest Node that brings SQLITE_MIN. */
const NODE_MIN = "22.23.3";
/** SQLite before it can lose a commit while the log is reset (https://sqlite.org/wal.html#walresetbug). */
const SQLITE_MIN = "3.51.3";

/** One line that says why this Node cannot run memhook; undefined when it can. */
export function nodeProblem(versions: {
  readonly node: string;
  readonly sqlite?: string | undefined;
}): string | undefined {
  const isNodeNew = isAtLeast(versions.node, NODE_MIN);
  if (isNodeNew && versions.sqlite !== undefined && isAtLeast(versions.sqlite, SQLITE_MIN)) return undefined;
  const sqlite = versions.sqlite === undefined ? "without SQLite" : `with SQLite ${versions.sqlite}`;
  return `memhook needs Node ${NODE_MIN} or newer, with SQLite ${SQLITE_MIN} or newer; this is Node ${versions.node} ${sqlite}`;
}

function isAtLeast(version: string, least: string): boolean {
  const parts = version.split(".").map((part) => Number.parseInt(part, 10));
  const leastParts = least.split(".").map(Number);
  for (const [index, wanted] of leastParts.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
