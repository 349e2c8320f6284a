import { DatabaseSync } from "node:sqlite";
import { assert } from "../../assert.ts";
import { Fault } from "../../faults.ts";
import { MIGRATIONS } from "./schema.ts";

/** Older SQLite can lose commits when two connections checkpoint at one moment (sqlite.org/wal.html#walresetbug). */
const SQLITE_VERSION_MIN = "3.51.3";
/** How long a step waits for a command beside the service; commands write for milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pages after which the WAL is folded back; larger only lengthens the pauses (facts/engines.md §3.3). */
const CHECKPOINT_PAGES = 1_000;
/** Page cache: the upper levels of all indexes at a million events. What it lacks lies in the system's cache, a microsecond away. */
const CACHE_KIB = 16_384;
/** SQLite's primary result code (https://sqlite.org/rescode.html) when another connection holds the lock. */
const SQLITE_BUSY = 5;
/** Primary codes of a store that cannot be used now. All others (SQLITE_ERROR, a broken constraint, …) are bugs of ours. */
const AWAY_CODES: ReadonlySet<number> = new Set([
  3, // PERM
  SQLITE_BUSY,
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
  17, // SCHEMA, that others kept changing
  22, // NOLFS
  23, // AUTH
]);
/** Primary codes of a file that is damaged: waiting does not mend it. */
const DAMAGE_CODES: ReadonlySet<number> = new Set([
  11, // CORRUPT
  26, // NOTADB
]);

/** What SQLite keeps and returns. Integers stay below 2^53. */
export type Cell = null | number | bigint | string | Uint8Array;
/** One result row, by position in the SELECT. */
export type Row = readonly Cell[];

/** A prepared statement whose rows are arrays. Half the cost of rows as objects. */
export interface Statement {
  get(...parameters: readonly Cell[]): Row | undefined;
  all(...parameters: readonly Cell[]): Row[];
  run(...parameters: readonly Cell[]): { readonly changes: number | bigint };
}

/** An open SQLite file. */
export interface Database {
  prepare(sql: string): Statement;
  exec(sql: string): void;
  readonly isInTransaction: boolean;
  close(): void;
}

/**
 * Opens a store and brings it to this release's version, of the engine's schema or that of another file which is kept like it.
 * Throws Fault STORE_INVALID or STORE_UNAVAILABLE.
 */
export function openDatabase(path: string, migrations: readonly string[] = MIGRATIONS): Database {
  const database = connect(path);
  try {
    requireSqlite(database);
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
    database.exec("PRAGMA foreign_keys = OFF");
    database.exec("PRAGMA temp_store = MEMORY");
    migrate(database, migrations);
    return database;
  } catch (error) {
    database.close();
    throw storeFault(error, "opening the store");
  }
}

/** Opens a file as it is: no pragma, no migration. */
export function connect(path: string): Database {
  try {
    const connection = new DatabaseSync(path);
    return {
      prepare: (sql) => prepare(connection, sql),
      exec: (sql) => connection.exec(sql),
      get isInTransaction() {
        return connection.isTransaction;
      },
      close: () => connection.close(),
    };
  } catch (error) {
    throw storeFault(error, "opening the store");
  }
}

/** The fault for an error of SQLite: STORE_INVALID for a damaged file. Anything else, a bug included, stays as it is. */
export function storeFault(error: unknown, doing: string): unknown {
  if (!isStoreTrouble(error)) return error;
  return new Fault(isDamage(error) ? "STORE_INVALID" : "STORE_UNAVAILABLE", doing, { cause: error });
}

/** True for an error that the disk, a damaged file or another process caused, and not a mistake in our SQL. */
export function isStoreTrouble(error: unknown): boolean {
  return isDamage(error) || AWAY_CODES.has(sqliteCode(error) ?? 0);
}

function isDamage(error: unknown): boolean {
  return DAMAGE_CODES.has(sqliteCode(error) ?? 0);
}

/** True when another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY;
}

/** SQLite's primary result code of an error that it threw. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") return undefined;
  return "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/** The schema is read at the first of these, so a file that is damaged there shows it here. */
function prepare(connection: DatabaseSync, sql: string): Statement {
  try {
    const statement = connection.prepare(sql);
    statement.setReturnArrays(true);
    return statement as unknown as Statement; // With setReturnArrays rows are arrays of cells; the types do not know it.
  } catch (error) {
    throw storeFault(error, "reading the store");
  }
}

/** The integer at `index` of a row. */
export function integer(row: Row, index: number): number {
  const cell = row[index];
  assert(typeof cell === "number", `column ${index} holds an integer`);
  return cell;
}

/** The integer at `index`, or undefined where the row has NULL. */
export function optionalInteger(row: Row, index: number): number | undefined {
  return row[index] === null ? undefined : integer(row, index);
}

/** The text at `index` of a row. */
export function text(row: Row, index: number): string {
  const cell = row[index];
  assert(typeof cell === "string", `column ${index} holds text`);
  return cell;
}

/** The text at `index`, or undefined where the row has NULL. */
export function optionalText(row: Row, index: number): string | undefined {
  return row[index] === null ? undefined : text(row, index);
}

function requireSqlite(database: Database): void {
  const row = database.prepare("SELECT sqlite_version()").get();
  const found = row === undefined ? "none" : text(row, 0);
  if (compareVersions(found, SQLITE_VERSION_MIN) >= 0) return;
  throw new Fault("STORE_INVALID", `opening the store: expected SQLite ${SQLITE_VERSION_MIN} or newer, found ${found}`);
}

function compareVersions(left: string, right: string): number {
  const parts = (version: string) => version.split(".").map(Number);
  const [a, b] = [parts(left), parts(right)];
  for (let index = 0; index < b.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Runs the migrations that the file lacks, each whole or not at all, safe against a second process that does the same. */
function migrate(database: Database, migrations: readonly string[]): void {
  for (;;) {
    const version = userVersion(database);
    if (version > migrations.length) {
      throw new Fault(
        "STORE_INVALID",
        `opening the store: expected version ${migrations.length} at most, found ${version}`,
      );
    }
    const migration = migrations[version];
    if (migration === undefined) return;
    database.exec("BEGIN IMMEDIATE");
    try {
      // Another process may have been first while this one waited for the lock.
      if (userVersion(database) === version) {
        database.exec(migration);
        database.exec(`PRAGMA user_version = ${version + 1}`);
      }
      database.exec("COMMIT");
    } catch (error) {
      if (database.isInTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

function userVersion(database: Database): number {
  const row = database.prepare("PRAGMA user_version").get();
  return row === undefined ? 0 : integer(row, 0);
}
