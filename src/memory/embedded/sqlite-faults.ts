import { Fault } from "../../faults.ts";

/** SQLite's primary result codes (https://sqlite.org/rescode.html) that say something of the store, not of one document. */
const STORE_CODES: ReadonlySet<number> = new Set([
  3, // PERM
  5, // BUSY
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
  22, // NOLFS
  23, // AUTH
]);
/** Codes of a file that is damaged: waiting does not mend it. */
const DAMAGE_CODES: ReadonlySet<number> = new Set([
  11, // CORRUPT
  26, // NOTADB
]);
/** The extended code's low byte is the primary one. */
const PRIMARY_MASK = 0xff;

/** True of an error that SQLite reported, of any kind. */
export function isSqliteError(error: unknown): error is Error & { readonly errcode: number } {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number";
}

/** True of trouble with the store as a whole: disk full, locked, gone, damaged. */
export function isStoreTrouble(error: unknown): boolean {
  return isDamage(error) || (isSqliteError(error) && STORE_CODES.has(error.errcode & PRIMARY_MASK));
}

/**
 * Runs a piece of work on the file; trouble with the store becomes Fault SINK_UNAVAILABLE, a damaged file Fault
 * STORE_INVALID, anything else goes through.
 */
export function guarded<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isDamage(error)) throw new Fault("STORE_INVALID", doing, { cause: error });
    if (isStoreTrouble(error)) throw new Fault("SINK_UNAVAILABLE", doing, { cause: error });
    throw error;
  }
}

/**
 * As `guarded`, for what the workers do: to them a damaged file is a sink that is away as well, Fault SINK_UNAVAILABLE, so
 * that accounts wait for a sound one. STORE_INVALID would make a dead letter of each.
 */
export function guardedWork<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isStoreTrouble(error)) throw new Fault("SINK_UNAVAILABLE", doing, { cause: error });
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return isSqliteError(error) && DAMAGE_CODES.has(error.errcode & PRIMARY_MASK);
}
