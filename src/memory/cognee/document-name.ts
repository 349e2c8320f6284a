import { type AccountKey, accountIdOf, accountKey } from "../../account.ts";

const NAME_PATTERN = /^([a-z][a-z0-9]*)-(\d{1,20})$/;

/**
 * The name of an account's document: that of its file without the ending. Cognee cuts a path and the last ending off, so it
 * holds neither slash nor dot.
 */
export function documentName(account: AccountKey): string {
  const connection = account.slice(0, account.indexOf("/"));
  return `${connection}-${accountIdOf(account)}`;
}

/** The file under which it is uploaded. Only of `.txt` Cognee refuses a second one of the same name (measured, 1.6.5). */
export function fileName(account: AccountKey): string {
  return `${documentName(account)}.txt`;
}

/** The account of a document; undefined for documents that are not ours. */
export function accountOfName(name: string): AccountKey | undefined {
  const [, connection, id] = NAME_PATTERN.exec(name) ?? [];
  return connection === undefined || id === undefined ? undefined : accountKey(id, connection);
}
