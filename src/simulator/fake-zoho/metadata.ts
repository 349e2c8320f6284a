import { cutPage } from "./paging.ts";
import { moduleOf } from "./parameters.ts";
import { relatedLists } from "./related-reads.ts";
import { badRequest, invalidData, NO_CONTENT, NOT_MODIFIED, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import { type FieldMeta, type FieldType, isPolymorphic, type ModuleMeta, ORG_ID_PREFIX } from "./schema.ts";
import type { Store } from "./store.ts";
import { integrationUser } from "./users.ts";

/** v3 turned `lookup.module` from text into an object. */
const OBJECT_MODULE_VERSION_MIN = 3;

/** How a value of a data type is written; the others are text. */
const JSON_TYPES: Partial<Record<FieldType, string>> = {
  lookup: "jsonobject",
  ownerlookup: "jsonobject",
  multiselectpicklist: "jsonarray",
  boolean: "boolean",
  integer: "integer",
  currency: "double",
  double: "double",
};

/** One row of metadata, which can also be asked for by its id. */
type Row = Readonly<Record<string, unknown>> & { readonly id: string };

/** Modules that the API serves but on which no notification exists, or that it does not serve at all. */
const UNSUPPORTED = ["Feeds", "Home", "Reports"];

/** Metadata ids of a module lie this far from those of the next. */
const SLOTS = 1000;

/** Slots of a module's metadata: its fields come first, then its related lists, then its layout. */
const RELATED_LIST_SLOT = 500;
const LAYOUT_SLOT = 900;

/** `GET /users`, of which clients read the current one's e-mail; `/users/{id}`; `/users/actions/count`. */
export function listUsers(store: Store, request: ZohoRequest): ZohoReply {
  if (request.path[1] === "actions") return ok({ count: store.users.length });
  // The stand-in's users never change after they were asked for once.
  if (request.header("if-modified-since") !== undefined) return NOT_MODIFIED;
  const current = integrationUser(store.users);
  const isCurrentOnly = request.query.get("type") === "CurrentUser";
  const shown = store.users.filter((user) => !isCurrentOnly || user === current);
  const users = shown
    .filter((user) => request.path[1] === undefined || user.id === request.path[1])
    .map((user) => ({
      id: user.id,
      full_name: user.name,
      first_name: user.name.split(" ")[0],
      last_name: user.name.split(" ").slice(1).join(" "),
      email: user.email,
      status: "active",
      confirm: true,
      role: { name: user.role, id: `${ORG_ID_PREFIX}000000026005` },
      profile: { name: "Administrator", id: `${ORG_ID_PREFIX}000000026011` },
      zuid: user.id.slice(-9),
      time_zone: "Asia/Kolkata",
      locale: "en_US",
    }));
  const page = cutPage(request, users, {});
  return page.rows.length === 0 ? NO_CONTENT : ok({ users: page.rows, info: page.info });
}

/** `GET /org`. */
export function showOrg(): ZohoReply {
  return ok({
    org: [
      {
        id: `${ORG_ID_PREFIX}000000225013`,
        zgid: "60012345678",
        company_name: "Tradewind Software",
        primary_email: "asha.raman@tradewind.example",
        iso_code: "INR",
        currency: "Indian Rupee",
        time_zone: "Asia/Kolkata",
        license_details: { paid_type: "enterprise", users_license_purchased: 50 },
      },
    ],
  });
}

/** `GET /settings/modules` and `/settings/modules/{api_name or id}`. */
export function listModules(store: Store, request: ZohoRequest): ZohoReply {
  // The stand-in's metadata never changes after it was asked for once.
  if (request.header("if-modified-since") !== undefined) return NOT_MODIFIED;
  const wanted = request.path[2];
  const known = store.schema
    .modules()
    .filter((meta) => wanted === undefined || meta.apiName === wanted || meta.id === wanted);
  if (known.length === 0)
    throw badRequest("INVALID_MODULE", "the module name given seems to be invalid", { resource_path_index: 2 });
  const modules = known.map((meta) => moduleRow(meta, true));
  const hidden =
    wanted === undefined
      ? UNSUPPORTED.map((name) => ({ api_name: name, api_supported: false, generated_type: "default" }))
      : [];
  return ok({ modules: [...modules, ...hidden] });
}

function moduleRow(meta: ModuleMeta, isSupported: boolean): Record<string, unknown> {
  const label = meta.apiName.replaceAll("_", " ").trim();
  return {
    id: meta.id,
    api_name: meta.apiName,
    module_name: meta.apiName,
    singular_label: label.replace(/s$/, ""),
    plural_label: label,
    api_supported: isSupported,
    generated_type: meta.generatedType,
    creatable: true,
    editable: true,
    deletable: true,
    viewable: true,
    visibility: 1,
    status: "visible",
  };
}

/** `GET /settings/fields?module=` and `/settings/fields/{id}?module=`. */
export function listFields(store: Store, request: ZohoRequest): ZohoReply {
  const meta = moduleOf(store.schema, request, moduleParameter(request));
  return ok({ fields: wantedOf(request, fieldRows(store, request, meta)) });
}

function fieldRows(store: Store, request: ZohoRequest, meta: ModuleMeta): readonly Row[] {
  return [...meta.fields.values()].map((field, index) => fieldRow(store, request, { field, meta, index }));
}

/** All rows, or the one that the path names by its id. */
function wantedOf(request: ZohoRequest, rows: readonly Row[]): readonly Row[] {
  const wanted = request.path[2];
  if (wanted === undefined) return rows;
  const found = rows.filter((row) => row.id === wanted);
  if (found.length === 0) throw invalidData({ resource_path_index: 2 }, "the id given seems to be invalid");
  return found;
}

/** An id that no other module, field, list, layout or record has. */
function metadataId(meta: ModuleMeta, slot: number): string {
  const first = 900_000_000_000 + Number(meta.id.slice(ORG_ID_PREFIX.length)) * SLOTS;
  return `${ORG_ID_PREFIX}${first + slot}`;
}

function fieldRow(store: Store, request: ZohoRequest, row: { field: FieldMeta; meta: ModuleMeta; index: number }): Row {
  const { field, meta, index } = row;
  return {
    id: metadataId(meta, index),
    api_name: field.apiName,
    field_label: field.apiName.replaceAll("_", " "),
    display_label: field.apiName.replaceAll("_", " "),
    data_type: field.type,
    json_type: JSON_TYPES[field.type] ?? "string",
    custom_field: field.isCustom === true,
    read_only: field.isReadOnly === true,
    system_mandatory: field.isMandatory === true,
    length: field.maxLength ?? 255,
    visible: true,
    lookup: field.type === "lookup" ? lookupRow(store, request.version, field) : {},
    pick_list_values: [],
  };
}

function lookupRow(store: Store, version: number, field: FieldMeta): Record<string, unknown> {
  const target = isPolymorphic(field) ? "se_module" : (field.lookup ?? "");
  const module =
    version < OBJECT_MODULE_VERSION_MIN ? target : { api_name: target, id: store.schema.module(target)?.id ?? null };
  return { module, display_label: target, id: null };
}

/** `GET /settings/related_lists?module=` and `/settings/related_lists/{id}?module=`. */
export function listRelatedLists(store: Store, request: ZohoRequest): ZohoReply {
  const meta = moduleOf(store.schema, request, moduleParameter(request));
  const lists = relatedLists(meta.apiName).map((list, index) => {
    const target = list.modules[0] ?? "";
    const targetMeta = store.schema.module(target);
    return {
      id: metadataId(meta, RELATED_LIST_SLOT + index),
      api_name: list.apiName,
      name: list.apiName.replaceAll("_", " "),
      display_label: list.apiName.replaceAll("_", " "),
      href: `${meta.apiName}/{ENTITYID}/${list.apiName}`,
      type: "default",
      visible: true,
      module: request.version < OBJECT_MODULE_VERSION_MIN ? target : { api_name: target, id: targetMeta?.id ?? null },
    };
  });
  return lists.length === 0 ? NO_CONTENT : ok({ related_lists: wantedOf(request, lists) });
}

/** `GET /settings/layouts?module=` and `/settings/layouts/{id}?module=`. */
export function listLayouts(store: Store, request: ZohoRequest): ZohoReply {
  const meta = moduleOf(store.schema, request, moduleParameter(request));
  const fields = fieldRows(store, request, meta);
  const layout = {
    id: metadataId(meta, LAYOUT_SLOT),
    api_name: "Standard",
    name: "Standard",
    status: "active",
    visible: true,
    sections: [{ api_name: `${meta.apiName}_Information`, name: "Information", sequence_number: 1, fields }],
  };
  return ok({ layouts: wantedOf(request, [layout]) });
}

function moduleParameter(request: ZohoRequest): string {
  const name = request.query.get("module");
  if (name === null)
    throw badRequest("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", { param_name: "module" });
  return name;
}
