import type { AccountKey } from "../../account.ts";
import type { LedgerEntry, LedgerState } from "../../memory/ledger.ts";
import { ledgerStateCode, ledgerStateOf } from "./codes.ts";
import { type Database, integer, optionalInteger, optionalText, type Row, type Statement, text } from "./database.ts";

/** A ledger entry as stored: with its row's id, the token of its last write, and a hash of its set of children. */
export interface AccountRow extends LedgerEntry {
  readonly id: number;
  readonly token: number;
  readonly childrenHash: string | undefined;
}

/** The columns that a write sets. */
export type AccountWrite = Omit<AccountRow, "id">;

const COLUMNS =
  "id, account, state, fingerprint, sink_ref, read_at, written_at, modified_at, title, child_count, children_hash, token";

/** Every statement on `accounts`. */
export class AccountTable {
  readonly #byKey: Statement;
  readonly #after: Statement;
  readonly #inState: Statement;
  readonly #indexed: Statement;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #setState: Statement;
  readonly #forgetHash: Statement;
  readonly #forgetFingerprints: Statement;
  readonly #keyOf: Statement;
  readonly #oldTombstones: Statement;
  readonly #remove: Statement;

  constructor(database: Database) {
    const select = (rest: string) => database.prepare(`SELECT ${COLUMNS} FROM accounts ${rest}`);
    this.#byKey = select("WHERE account = ?");
    this.#after = select("WHERE account > ? ORDER BY account LIMIT ?");
    // The index leaves `indexed` out, as nearly all accounts are in that state and nobody asks for them in a hurry.
    const indexed = ledgerStateCode("indexed");
    this.#inState = select(`WHERE state = ? AND state <> ${indexed} ORDER BY written_at LIMIT ?`);
    this.#indexed = select(`WHERE state = ${indexed} ORDER BY written_at LIMIT ?`);
    const columns = COLUMNS.replace("id, ", "");
    this.#insert = database.prepare(
      `INSERT INTO accounts (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    );
    this.#update = database.prepare(
      `UPDATE accounts SET state = ?, fingerprint = ?, sink_ref = ?, read_at = ?, written_at = ?, modified_at = ?, title = ?,
         child_count = ?, children_hash = ?, token = ? WHERE id = ?`,
    );
    this.#setState = database.prepare("UPDATE accounts SET state = ? WHERE id = ?");
    this.#forgetHash = database.prepare("UPDATE accounts SET children_hash = NULL WHERE id = ?");
    this.#forgetFingerprints = database.prepare(
      "UPDATE accounts SET fingerprint = '', sink_ref = NULL WHERE fingerprint <> '' OR sink_ref IS NOT NULL",
    );
    this.#keyOf = database.prepare("SELECT account FROM accounts WHERE id = ?");
    const removed = ledgerStateCode("removed");
    this.#oldTombstones = database.prepare(
      `SELECT id FROM accounts WHERE state = ${removed} AND state <> ${indexed} AND written_at < ? LIMIT ?`,
    );
    this.#remove = database.prepare("DELETE FROM accounts WHERE id = ?");
  }

  /** No document counts as written any more. Returns how many did. */
  forgetFingerprints(): number {
    return Number(this.#forgetFingerprints.run().changes);
  }

  find(account: AccountKey): AccountRow | undefined {
    const row = this.#byKey.get(account);
    return row === undefined ? undefined : accountFrom(row);
  }

  /** In key order. */
  after(account: string, limit: number): readonly AccountRow[] {
    return this.#after.all(account, limit).map(accountFrom);
  }

  /** Oldest first. */
  inState(state: LedgerState, limit: number): readonly AccountRow[] {
    const rows = state === "indexed" ? this.#indexed.all(limit) : this.#inState.all(ledgerStateCode(state), limit);
    return rows.map(accountFrom);
  }

  /** Inserts a row, or replaces the one with `id`. Returns its id. */
  write(id: number | undefined, write: AccountWrite): number {
    const values = [
      ledgerStateCode(write.state),
      write.fingerprint,
      write.sinkRef ?? null,
      write.readAt,
      write.writtenAt,
      write.modifiedAt ?? null,
      write.title,
      write.childCount,
      write.childrenHash ?? null,
      write.token,
    ] as const;
    if (id === undefined) return integer(this.#insert.get(write.account, ...values) ?? [], 0);
    this.#update.run(...values, id);
    return id;
  }

  setState(id: number, state: LedgerState): void {
    this.#setState.run(ledgerStateCode(state), id);
  }

  /** Makes the next record of the account compare its children one by one. */
  forgetChildrenHash(id: number): void {
    this.#forgetHash.run(id);
  }

  keyOf(id: number): AccountKey | undefined {
    const row = this.#keyOf.get(id);
    return row === undefined ? undefined : keyFrom(row, 0);
  }

  /** Deletes tombstones written before `before`. Returns how many. */
  removeTombstones(before: number, limit: number): number {
    const rows = this.#oldTombstones.all(before, limit);
    for (const row of rows) this.#remove.run(integer(row, 0));
    return rows.length;
  }
}

/** The entry without what only the engine needs. */
export function entryOf(row: AccountRow): LedgerEntry {
  const { id: _id, token: _token, childrenHash: _hash, ...entry } = row;
  return entry;
}

function accountFrom(row: Row): AccountRow {
  const sinkRef = optionalText(row, 4);
  const modifiedAt = optionalInteger(row, 7);
  return {
    id: integer(row, 0),
    account: keyFrom(row, 1),
    state: ledgerStateOf(integer(row, 2)),
    fingerprint: text(row, 3),
    ...(sinkRef === undefined ? {} : { sinkRef }),
    readAt: integer(row, 5),
    writtenAt: integer(row, 6),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    title: text(row, 8),
    childCount: integer(row, 9),
    childrenHash: optionalText(row, 10),
    token: integer(row, 11),
  };
}

function keyFrom(row: Row, index: number): AccountKey {
  return text(row, index) as AccountKey; // Only account keys are ever written to this column.
}
