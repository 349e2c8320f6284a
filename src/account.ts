/**
 * An account's key: `<connection>/<account id>`, as in `zoho/4876876000000123001`.
 * The connection stands in every key from the start, so that several CRMs can share one engine.
 */
export type AccountKey = `${string}/${string}`;

/** The only connection there is today. */
export const DEFAULT_CONNECTION = "zoho";

/** CRM ids are decimal text of up to 20 digits; 19 digits do not fit a JavaScript number. */
export const RECORD_ID_PATTERN = /^\d{1,20}$/;

/** Makes the key of an account. */
export function accountKey(accountId: string, connection: string = DEFAULT_CONNECTION): AccountKey {
  return `${connection}/${accountId}`;
}

/** The CRM id inside an account's key. */
export function accountIdOf(key: string): string {
  return key.slice(key.indexOf("/") + 1);
}

/** One record of the CRM, named and not carried. `module` is the API name, as in `Contacts`. */
export interface RecordRef {
  readonly module: string;
  readonly recordId: string;
}

/** A record's key inside a connection: `Contacts/4876876000000456002`. */
export function recordKey(ref: RecordRef): string {
  return `${ref.module}/${ref.recordId}`;
}

/** The record that `recordKey` wrote. */
export function recordOf(key: string): RecordRef {
  const slash = key.lastIndexOf("/");
  return { module: key.slice(0, slash), recordId: key.slice(slash + 1) };
}

/** A reference from one record to another, as CRMs give it. */
export interface Lookup {
  readonly id: string;
  readonly name: string;
}

/** A field's value after the CRM's reply was parsed. Times stay ISO 8601 text as the CRM wrote them. */
export type FieldValue = string | number | boolean | null | Lookup | readonly FieldValue[];

/** One record as read. `fields` is keyed by API name and holds no `id`. */
export interface CrmRecord {
  readonly id: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** `Modified_Time` in epoch milliseconds, when the CRM gave one. */
  readonly modifiedAt?: number;
}

/** A child record of an account. `parent` names the record it hangs on, when that is not the account itself. */
export interface ChildRecord extends CrmRecord {
  readonly module: string;
  readonly parent?: RecordRef;
}

/** An account as read at one instant, with everything that its document is made from. */
export interface AccountSnapshot {
  readonly account: AccountKey;
  readonly record: CrmRecord;
  /** Contacts, deals, activities and notes, in no particular order. */
  readonly children: readonly ChildRecord[];
  /** When the read began, epoch milliseconds: what changed after it may be missing. */
  readonly readAt: number;
}

/** The text handed to the sink for one account. Equal snapshots give equal documents. */
export interface MemoryDocument {
  readonly account: AccountKey;
  /** The account's name, for listings; the text carries it as well. */
  readonly title: string;
  readonly text: string;
  /** Hash of all that would be written; equal = nothing to write. */
  readonly fingerprint: string;
  /** Newest `Modified_Time` among the records used, epoch milliseconds. */
  readonly modifiedAt?: number;
}
