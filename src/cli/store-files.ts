import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Proves that files can be written in a folder by writing one. Throws the error of the file system. */
export function proveWritable(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const probe = join(folder, `.doctor-${process.pid}`);
  writeFileSync(probe, "");
  rmSync(probe);
}

/** Bytes that this user may still write in the folder's file system. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** The database files of a folder. */
export function storeFiles(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".db")) : [];
}

/** What SQLite finds wrong in a file, reading only; undefined when it is sound. Throws when it cannot be opened. */
export function storeDamage(path: string): string | undefined {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const [first] = database.prepare("PRAGMA quick_check(1)").all();
    const found = first === undefined ? "ok" : String(Object.values(first)[0]);
    return found === "ok" ? undefined : found;
  } finally {
    database.close();
  }
}
