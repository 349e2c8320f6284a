import { hash } from "node:crypto";
import { type Database, integer, type Statement, text } from "./database.ts";

/** Every statement on `children`: which account each record was last seen under. */
export class ChildrenTable {
  readonly #ownerOf: Statement;
  readonly #ofAccount: Statement;
  readonly #add: Statement;
  readonly #move: Statement;
  readonly #remove: Statement;
  readonly #removeAll: Statement;

  constructor(database: Database) {
    this.#ownerOf = database.prepare("SELECT account_id FROM children WHERE record = ?");
    this.#ofAccount = database.prepare("SELECT record FROM children WHERE account_id = ? LIMIT ?");
    this.#add = database.prepare("INSERT OR IGNORE INTO children (record, account_id) VALUES (?, ?)");
    this.#move = database.prepare("UPDATE children SET account_id = ? WHERE record = ?");
    this.#remove = database.prepare("DELETE FROM children WHERE record = ?");
    this.#removeAll = database.prepare("DELETE FROM children WHERE account_id = ?");
  }

  /** The row id of the account that has the record. */
  ownerOf(record: string): number | undefined {
    const row = this.#ownerOf.get(record);
    return row === undefined ? undefined : integer(row, 0);
  }

  /** At most `limit` records of the account, as `recordKey` writes them; −1 = all. */
  ofAccount(accountId: number, limit: number): readonly string[] {
    return this.#ofAccount.all(accountId, limit).map((row) => text(row, 0));
  }

  /** Makes `records` the account's children. Only differences are written. Returns the accounts that lost one. */
  replace(accountId: number, records: ReadonlySet<string>, hadChildren: boolean): ReadonlySet<number> {
    const before = new Set(hadChildren ? this.ofAccount(accountId, -1) : []);
    const displaced = new Set<number>();
    for (const record of records) {
      if (before.has(record)) continue;
      if (this.#add.run(record, accountId).changes === 1) continue; // Of nobody until now: the usual case.
      const owner = this.ownerOf(record);
      if (owner !== undefined) displaced.add(owner);
      this.#move.run(accountId, record);
    }
    for (const record of before) if (!records.has(record)) this.#remove.run(record);
    return displaced;
  }

  removeAll(accountId: number): void {
    this.#removeAll.run(accountId);
  }
}

/** Equal sets give equal hashes, in any order. */
export function childrenHash(records: ReadonlySet<string>): string {
  return hash("sha256", [...records].sort().join("\n"), "base64url");
}
