/** A field's value as kept: a lookup is the bare id of its target, so that a hundred thousand accounts fit in memory. */
export type StoredValue = string | number | boolean | null | readonly string[];

/** Fields of a record by API name. A polymorphic lookup has its module beside it in `$se_module`. */
export type StoredFields = Record<string, StoredValue>;

/** One record of the simulated CRM. Times are epoch milliseconds of whole seconds, as Zoho keeps them. */
export interface StoredRecord {
  readonly id: string;
  readonly module: string;
  ownerId: string;
  readonly createdById: string;
  modifiedById: string;
  readonly createdAt: number;
  modifiedAt: number;
  fields: StoredFields;
}

/** One user of the org. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
}

/** A record's place, as in `{ module: "Contacts", id: "4876…" }`. */
export interface Place {
  readonly module: string;
  readonly id: string;
}

/** A change that Zoho would announce. `fields` are the API names touched. */
export interface RecordChange extends Place {
  readonly operation: "insert" | "update" | "delete";
  readonly fields: readonly string[];
  readonly record: StoredRecord;
  /** Epoch milliseconds, not cut to seconds. */
  readonly at: number;
}

/** What was deleted. `orphans` are the lookups that the deletion emptied, so that a restore can fill them again. */
export interface DeletedRow {
  readonly record: StoredRecord;
  readonly deletedAt: number;
  readonly deletedById: string;
  kind: "recycle" | "permanent";
  readonly orphans: readonly { readonly module: string; readonly id: string; readonly field: string }[];
}
