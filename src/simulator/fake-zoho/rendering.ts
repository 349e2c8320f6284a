import { orgTime } from "./org-time.ts";
import type { StoredRecord, StoredValue } from "./record.ts";
import { type FieldMeta, isPolymorphic } from "./schema.ts";
import type { Store } from "./store.ts";

/** Rich text longer than this is cut in list reads. */
export const RICH_TEXT_MAX = 500;

/** How a record is written out. */
export interface RenderOptions {
  /** API names wanted; all when absent. */
  readonly fields?: readonly string[];
  readonly isCut: boolean;
  /** Related lists of notes may leave `Parent_Id.module` out: the caller knows it. */
  readonly isParentModuleHidden?: boolean;
}

/** Writes a record as the REST API shows it. Unknown names are passed over, as Zoho does. */
export function renderRecord(store: Store, record: StoredRecord, options: RenderOptions): Record<string, unknown> {
  const meta = store.schema.module(record.module);
  const rendered: Record<string, unknown> = {};
  const names = options.fields ?? [...(meta?.fields.keys() ?? [])];
  for (const name of names) {
    const field = meta?.fields.get(name);
    if (field === undefined) continue;
    rendered[name] = renderField(store, record, { field, ...options });
  }
  const isLinked = names.includes("What_Id") || names.includes("$se_module");
  if (isLinked && meta?.fields.has("What_Id") === true) rendered["$se_module"] = record.fields["$se_module"] ?? null;
  if (record.module === "Notes" && options.fields === undefined) {
    rendered["$attachments"] = null;
    rendered["$se_module"] = record.fields["$se_module"] ?? null;
  }
  rendered["id"] = record.id;
  return rendered;
}

/** Writes one field of a record. */
export function renderField(
  store: Store,
  record: StoredRecord,
  options: { readonly field: FieldMeta; readonly isCut: boolean; readonly isParentModuleHidden?: boolean },
): unknown {
  const { field } = options;
  const system = systemField(store, record, field.apiName);
  if (system !== undefined) return system;
  const value = record.fields[field.apiName] ?? null;
  if (field.isRichText === true && options.isCut && typeof value === "string") return value.slice(0, RICH_TEXT_MAX);
  if (field.type !== "lookup" || typeof value !== "string") return value;
  return renderLookup(store, record, { field, id: value, isModuleHidden: options.isParentModuleHidden === true });
}

function renderLookup(
  store: Store,
  record: StoredRecord,
  link: { readonly field: FieldMeta; readonly id: string; readonly isModuleHidden: boolean },
): unknown {
  const seModule = record.fields["$se_module"];
  const module = isPolymorphic(link.field) ? String(seModule ?? "") : (link.field.lookup ?? "");
  const name = displayName(store, store.find(module, link.id));
  if (link.field.apiName !== "Parent_Id" || link.isModuleHidden) return { name, id: link.id };
  return { name, id: link.id, module: { api_name: module, id: store.schema.module(module)?.id ?? null } };
}

function systemField(store: Store, record: StoredRecord, name: string): unknown {
  switch (name) {
    case "id":
      return record.id;
    case "Owner":
      return renderUser(store, record.ownerId);
    case "Created_By":
      return renderUser(store, record.createdById);
    case "Modified_By":
      return renderUser(store, record.modifiedById);
    case "Created_Time":
      return orgTime(record.createdAt);
    case "Modified_Time":
    case "Change_Log_Time__s":
      return orgTime(record.modifiedAt);
    case "Record_Status__s":
      return "Available";
    case "Locked__s":
      return false;
    case "Tag":
      return [];
    default:
      return undefined;
  }
}

/** Writes a user as a lookup. */
export function renderUser(store: Store, id: string): { name: string; id: string; email: string } {
  const user = store.users.find((candidate) => candidate.id === id);
  return { name: user?.name ?? "", id, email: user?.email ?? "" };
}

/** A record's name as lookups show it. */
export function displayName(store: Store, record: StoredRecord | undefined): string | null {
  if (record === undefined) return null;
  const value: StoredValue | undefined = record.fields[store.schema.module(record.module)?.nameField ?? ""];
  return typeof value === "string" ? value : null;
}
