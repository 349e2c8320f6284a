import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../faults.ts";

/** Readable by its owner only: the engine's file holds channel tokens, the memory holds customers. */
const FOLDER_MODE = 0o700;

/** Makes DATA_DIR if need be. Throws Fault STORE_UNAVAILABLE. */
export function makeDataDir(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new Fault("STORE_UNAVAILABLE", "making DATA_DIR", { cause: error });
  }
}

/**
 * Makes a folder and those above it, each by a call of its own: Node's recursive mkdir never returns where a folder cannot be
 * made although the one above it is there, as below /proc. Throws the error of the file system.
 */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  try {
    mkdirSync(path, { mode: FOLDER_MODE });
  } catch (error) {
    // Another process may have been first.
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
