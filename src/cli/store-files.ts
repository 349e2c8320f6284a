import { chmodSync, existsSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder } from "../app/data-dir.ts";
import { Fault } from "../faults.ts";

/** A file that its owner alone may read and write. */
const FILE_MODE = 0o600;
/** What everybody but the owner is denied. */
const UMASK = 0o077;
const ENGINE_FILE = "engine.db";
/** The files of engine and memory, and what SQLite keeps beside them. */
const STORE_FILE = /\.db(-wal|-shm|-journal|\.lock)?$/;

/** Primary result codes (https://sqlite.org/rescode.html) of a file that is damaged: CORRUPT and NOTADB. */
const DAMAGE_CODES: readonly (number | undefined)[] = [11, 26];

/** From now on every file that this process makes is its owner's only, whatever folder it lies in. */
export function denyOthers(): void {
  process.umask(UMASK);
}

/** True when the engine's file is in the folder. Throws Fault STORE_UNAVAILABLE when the folder cannot be looked into. */
export function hasStore(folder: string): boolean {
  try {
    return readdirSync(folder).includes(ENGINE_FILE);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw new Fault("STORE_UNAVAILABLE", "looking into DATA_DIR", { cause: error });
  }
}

/**
 * Denies others the store's files that an earlier release, or another program, left open to them. Throws Fault
 * STORE_UNAVAILABLE when the folder is none.
 */
export function closeToOthers(folder: string): void {
  if (process.getuid === undefined || !existsSync(folder)) return;
  try {
    for (const name of readdirSync(folder).filter((file) => STORE_FILE.test(file))) closeFile(join(folder, name));
  } catch (error) {
    throw new Fault("STORE_UNAVAILABLE", "looking into DATA_DIR", { cause: error });
  }
}

function closeFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false }); // A process beside us may have removed its WAL just now.
  if (found === undefined || (found.mode & UMASK) === 0 || found.uid !== process.getuid?.()) return;
  chmodSync(path, FILE_MODE);
}

/** Proves that files can be written in a folder by writing one. Throws the error of the file system. */
export function proveWritable(folder: string): void {
  makeFolder(folder);
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

/** What SQLite finds wrong in a file, reading only; undefined when it is sound. Throws when it cannot be read now. */
export function storeDamage(path: string): string | undefined {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const [first] = database.prepare("PRAGMA quick_check(1)").all();
    const found = first === undefined ? "ok" : String(Object.values(first)[0]);
    return found === "ok" ? undefined : found;
  } catch (error) {
    const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
    if (error instanceof Error && DAMAGE_CODES.includes(code)) return error.message;
    throw error;
  } finally {
    database.close();
  }
}
