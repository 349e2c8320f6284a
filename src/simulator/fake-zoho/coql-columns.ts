import type { Behaviour } from "./behaviour.ts";
import type { StoredRecord, StoredValue } from "./record.ts";
import { renderField, renderUser } from "./rendering.ts";
import { badRequest, type Refusal } from "./reply.ts";
import { type FieldMeta, isPolymorphic } from "./schema.ts";
import type { Store } from "./store.ts";

/** A column of a query, resolved: how to read it from a record for comparing, and how to show it. */
export interface BoundColumn {
  readonly field: FieldMeta;
  /** Relations that the column reaches through. */
  readonly depth: number;
  raw(record: StoredRecord): StoredValue | undefined;
  shown(record: StoredRecord): unknown;
}

/** Relations in one column. */
const DEPTH_MAX = 2;

const SE_MODULE: FieldMeta = { apiName: "$se_module", type: "text" };
const USER_TEXT: FieldMeta = { apiName: "user", type: "text" };

/** Binds column names of one module. */
export function bindColumn(deps: { store: Store; behaviour: Behaviour }, module: string, name: string): BoundColumn {
  const bound = bind(deps, module, { name, rest: name });
  if (bound.depth > DEPTH_MAX) throw invalidColumn(name);
  return bound;
}

type Ask = { readonly name: string; readonly rest: string };

function bind(deps: { store: Store; behaviour: Behaviour }, module: string, { name, rest }: Ask): BoundColumn {
  const { store } = deps;
  const fields = store.schema.module(module)?.fields;
  if (rest === "$se_module" && (fields?.has("What_Id") === true || module === "Notes")) return seModule();

  const arrow = /^(\w+)->(\w+)\.(.+)$/.exec(rest);
  const [, arrowField = "", arrowModule = "", arrowRest = ""] = arrow ?? [];
  const dot = rest.indexOf(".");
  const head = arrow === null ? (dot < 0 ? rest : rest.slice(0, dot)) : arrowField;
  const field = fields?.get(head);
  if (field === undefined) throw invalidColumn(name);
  if (arrow !== null) {
    if (!isPolymorphic(field) || store.schema.module(arrowModule) === undefined) throw invalidColumn(name);
    return through(deps, { field, target: arrowModule, isChecked: true, ask: { name, rest: arrowRest } });
  }
  if (dot < 0) return plain(deps, field);
  const tail = rest.slice(dot + 1);
  if (field.type === "ownerlookup") return userColumn(store, { field, tail, name });
  if (field.type !== "lookup") throw invalidColumn(name);
  // The id of a target is known without a join, whatever its module.
  if (tail === "id")
    return {
      field: { apiName: "id", type: "bigint", lookup: field.apiName },
      depth: 0,
      raw: read(field),
      shown: read(field),
    };
  if (isPolymorphic(field)) throw invalidColumn(name);
  return through(deps, { field, target: field.lookup ?? "", isChecked: false, ask: { name, rest: tail } });
}

/** A column of the record that a lookup points at; null when it points nowhere, or into another module. */
function through(
  deps: { store: Store; behaviour: Behaviour },
  link: { field: FieldMeta; target: string; isChecked: boolean; ask: Ask },
): BoundColumn {
  const inner = bind(deps, link.target, link.ask);
  const follow = (record: StoredRecord): StoredRecord | undefined => {
    const id = record.fields[link.field.apiName];
    if (link.isChecked && record.fields["$se_module"] !== link.target) return undefined;
    return typeof id === "string" ? deps.store.find(link.target, id) : undefined;
  };
  return {
    field: inner.field,
    depth: inner.depth + 1,
    raw: (record) => {
      const target = follow(record);
      return target === undefined ? null : inner.raw(target);
    },
    shown: (record) => {
      const target = follow(record);
      return target === undefined ? null : inner.shown(target);
    },
  };
}

function plain(deps: { store: Store; behaviour: Behaviour }, field: FieldMeta): BoundColumn {
  const { store, behaviour } = deps;
  return {
    field,
    depth: 0,
    raw: read(field),
    shown: (record) => {
      const shown = renderField(store, record, { field, isCut: behaviour.coqlRichTextCut });
      const isLookup = field.type === "lookup" || field.type === "ownerlookup";
      if (!isLookup || behaviour.coqlLookupNames || shown === null) return shown;
      // Zoho's leaner rows give lookups as `{id}` alone; a lookup renders as an object with an id.
      return { id: (shown as { id: string }).id };
    },
  };
}

function read(field: FieldMeta): (record: StoredRecord) => StoredValue | undefined {
  switch (field.apiName) {
    case "id":
      return (record) => record.id;
    case "Owner":
      return (record) => record.ownerId;
    case "Created_By":
      return (record) => record.createdById;
    case "Modified_By":
      return (record) => record.modifiedById;
    case "Created_Time":
      return (record) => record.createdAt;
    case "Modified_Time":
    case "Change_Log_Time__s":
      return (record) => record.modifiedAt;
    default:
      return (record) => record.fields[field.apiName];
  }
}

function seModule(): BoundColumn {
  const get = (record: StoredRecord) => record.fields["$se_module"] ?? null;
  return { field: SE_MODULE, depth: 0, raw: get, shown: get };
}

function userColumn(store: Store, ask: { field: FieldMeta; tail: string; name: string }): BoundColumn {
  const idOf = read(ask.field);
  const get = (record: StoredRecord): string => {
    const user = renderUser(store, String(idOf(record)));
    if (ask.tail === "id") return user.id;
    if (ask.tail === "email") return user.email;
    if (ask.tail === "first_name") return user.name.split(" ")[0] ?? "";
    return ask.tail === "last_name" ? user.name.split(" ").slice(1).join(" ") : user.name;
  };
  if (!["id", "email", "name", "first_name", "last_name", "full_name"].includes(ask.tail))
    throw invalidColumn(ask.name);
  return { field: USER_TEXT, depth: 1, raw: get, shown: get };
}

function invalidColumn(name: string): Refusal {
  return badRequest("INVALID_QUERY", "column given seems to be invalid", { column_name: name });
}
