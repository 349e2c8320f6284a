import { type AccountKey, accountKey, type RecordRef, recordKey } from "../account.ts";

const ACCOUNT_KEY = /^([\w-]+)\/(\d{1,20})$/;
const RECORD_KEY = /^([\w-]+)\/([A-Za-z]\w*)\/(\d{1,20})$/;

/** The account that a job of the sync lane is about; undefined when its key is malformed. */
export function accountOfKey(key: string): AccountKey | undefined {
  const [, connection, accountId] = ACCOUNT_KEY.exec(key) ?? [];
  return accountId === undefined ? undefined : accountKey(accountId, connection);
}

/** The record that a job of the route lane is about; undefined when its key is malformed. */
export function recordOfKey(key: string): (RecordRef & { readonly connection: string }) | undefined {
  const [, connection, module, recordId] = RECORD_KEY.exec(key) ?? [];
  if (connection === undefined || module === undefined || recordId === undefined) return undefined;
  return { connection, module, recordId };
}

/** The key of a record's job in the route lane, in the connection of an account. */
export function routeKey(account: AccountKey, record: RecordRef): string {
  return `${account.slice(0, account.indexOf("/"))}/${recordKey(record)}`;
}
