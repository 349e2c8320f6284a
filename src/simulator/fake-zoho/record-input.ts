import { idOf, isObject, type JsonObject } from "./json-body.ts";
import { orgTime, parseTime } from "./org-time.ts";
import type { StoredFields, StoredValue } from "./record.ts";
import { badRequest, invalidData } from "./reply.ts";
import { type FieldMeta, isPolymorphic, type ModuleMeta } from "./schema.ts";
import type { Store } from "./store.ts";

/** One record of a write, checked and in the stored form. */
export interface RecordInput {
  readonly fields: StoredFields;
  readonly ownerId?: string;
}

/** Reads one record of a write. Unknown and read-only names are passed over in silence, as Zoho does. */
export function readInput(store: Store, module: ModuleMeta, given: { item: JsonObject; index: number }): RecordInput {
  const { item, index } = given;
  const fields: StoredFields = {};
  let ownerId: string | undefined;
  for (const [name, value] of Object.entries(item)) {
    const field = module.fields.get(name);
    if (field === undefined || field.isReadOnly === true) continue;
    const path = { api_name: name, json_path: `$.data[${index}].${name}` };
    if (name === "Owner") ownerId = readOwner(store, value, path);
    else if (field.type === "lookup") Object.assign(fields, readLookup(store, { field, value, item, path }));
    else fields[name] = readValue(field, value, path);
  }
  return { fields, ...(ownerId === undefined ? {} : { ownerId }) };
}

/** Refuses a new record that lacks a mandatory field. */
export function assertComplete(module: ModuleMeta, fields: StoredFields, index: number): void {
  for (const field of module.fields.values()) {
    const value = fields[field.apiName];
    if (field.isMandatory === true && (value === undefined || value === null || value === ""))
      throw badRequest("MANDATORY_NOT_FOUND", "required field not found", {
        api_name: field.apiName,
        json_path: `$.data[${index}].${field.apiName}`,
      });
  }
}

type Path = { readonly api_name: string; readonly json_path: string };

function readOwner(store: Store, value: unknown, path: Path): string {
  const id = idOf(value);
  if (id === undefined || !store.users.some((user) => user.id === id)) throw invalidData(path);
  return id;
}

function readLookup(
  store: Store,
  given: { field: FieldMeta; value: unknown; item: JsonObject; path: Path },
): StoredFields {
  const { field, value, item, path } = given;
  if (value === null)
    return isPolymorphic(field) ? { [field.apiName]: null, $se_module: null } : { [field.apiName]: null };
  const id = idOf(value);
  const target = isPolymorphic(field) ? polymorphicModule(value, item) : field.lookup;
  if (target === undefined)
    throw badRequest("DEPENDENT_FIELD_MISSING", "the dependent field is missing", {
      ...path,
      dependee: { api_name: "$se_module", json_path: path.json_path.replace(field.apiName, "$se_module") },
    });
  if (id === undefined) throw invalidData({ ...path, expected_data_type: "jsonobject" });
  if (store.find(target, id) === undefined) throw invalidData(path, "the id given seems to be invalid");
  return isPolymorphic(field) ? { [field.apiName]: id, $se_module: target } : { [field.apiName]: id };
}

/** The module of a polymorphic lookup: inside it (`Parent_Id.module`), or beside it (`$se_module`). */
function polymorphicModule(value: unknown, item: JsonObject): string | undefined {
  const inside = isObject(value) ? value["module"] : undefined;
  const named = isObject(inside) ? inside["api_name"] : inside;
  const beside = named ?? item["$se_module"] ?? item["se_module"];
  return typeof beside === "string" ? beside : undefined;
}

/** Takes a plain value in the form that it is kept in. */
function readValue(field: FieldMeta, value: unknown, path: Path): StoredValue {
  if (value === null || value === undefined) return null;
  switch (field.type) {
    case "integer":
    case "double":
    case "currency":
      if (typeof value === "number") return value;
      if (typeof value === "string" && value !== "" && Number.isFinite(Number(value))) return Number(value);
      throw invalidData({ ...path, expected_data_type: field.type });
    case "boolean":
      if (typeof value === "boolean") return value;
      throw invalidData({ ...path, expected_data_type: "boolean" });
    case "datetime": {
      const atMs = typeof value === "string" ? parseTime(value) : undefined;
      if (atMs === undefined) throw invalidData({ ...path, expected_data_type: "datetime" });
      return orgTime(atMs);
    }
    case "date":
      if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value)) return value;
      throw invalidData({ ...path, expected_data_type: "date" });
    case "multiselectpicklist":
      if (Array.isArray(value)) return value.map(String);
      throw invalidData({ ...path, expected_data_type: "jsonarray" });
    default:
      if (typeof value !== "string") throw invalidData({ ...path, expected_data_type: "text" });
      if (field.maxLength !== undefined && value.length > field.maxLength)
        throw invalidData({ ...path, maximum_length: field.maxLength });
      return value;
  }
}
