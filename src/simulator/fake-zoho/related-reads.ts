import type { Clock } from "../../clock.ts";
import { parseTime } from "./org-time.ts";
import type { PageTokens } from "./page-tokens.ts";
import { cutPage } from "./paging.ts";
import { assertId, fieldsOf, idsOf, modifiedSince, moduleOf } from "./parameters.ts";
import type { StoredRecord } from "./record.ts";
import { renderRecord } from "./rendering.ts";
import { invalidData, NO_CONTENT, NOT_MODIFIED, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import { ACTIVITY_MODULES } from "./schema.ts";
import type { Store } from "./store.ts";

/** A related list: whose records, and only open or only closed activities. */
export interface RelatedList {
  readonly apiName: string;
  readonly modules: readonly string[];
  readonly state?: "open" | "closed";
}

/** Activities come in two lists each: open ones under the module's name, closed ones under `…_History`. */
const ACTIVITY_LISTS: readonly RelatedList[] = [
  ...ACTIVITY_MODULES.flatMap((module): RelatedList[] => [
    { apiName: module, modules: [module], state: "open" },
    { apiName: `${module}_History`, modules: [module], state: "closed" },
  ]),
  { apiName: "Activities_Chronological_View", modules: ACTIVITY_MODULES, state: "open" },
  { apiName: "Activities_Chronological_View_History", modules: ACTIVITY_MODULES, state: "closed" },
];

const OWN_LISTS: Readonly<Record<string, readonly string[]>> = {
  Accounts: ["Contacts", "Deals", "Cases", "Quotes", "Products", "Invoices", "Sales_Orders"],
  Contacts: ["Deals", "Cases"],
  Deals: ["Cases"],
};

/** The related lists of a module, in the order of its metadata. */
export function relatedLists(module: string): readonly RelatedList[] {
  const named = ["Notes", "Attachments", "Emails", ...(OWN_LISTS[module] ?? [])];
  const isActivity = ACTIVITY_MODULES.some((name) => name === module);
  return [
    ...named.map((apiName) => ({ apiName, modules: [apiName] })),
    ...(isActivity || module === "Notes" ? [] : ACTIVITY_LISTS),
  ];
}

/** `GET /{module}/{id}/{list}?fields=`. */
export function listRelated(deps: { store: Store; clock: Clock; tokens: PageTokens }, request: ZohoRequest): ZohoReply {
  const { store } = deps;
  const module = moduleOf(store.schema, request, request.path[0]).apiName;
  const id = request.path[1];
  assertId(id, "id");
  const list = relatedLists(module).find((candidate) => candidate.apiName === request.path[2]);
  if (list === undefined) throw invalidData({ resource_path_index: 2 }, "The relation name given seems to be invalid");
  const fields = fieldsOf(request);
  if (store.find(module, id) === undefined) return NO_CONTENT;

  const ids = idsOf(request, { name: "ids" });
  let rows = relatedRecords(deps, { module, id, list }).filter((record) => ids?.includes(record.id) ?? true);
  if (rows.length === 0) return NO_CONTENT;
  const since = modifiedSince(request);
  if (since !== undefined) rows = rows.filter((record) => record.modifiedAt > since);
  if (since !== undefined && rows.length === 0) return NOT_MODIFIED;
  const page = cutPage(request, rows, { tokens: deps.tokens });
  if (page.rows.length === 0) return NO_CONTENT;
  return ok({
    data: page.rows.map((record) => ({
      ...renderRecord(store, record, {
        isCut: true,
        isParentModuleHidden: true,
        ...(fields === undefined ? {} : { fields }),
      }),
      ...(list.modules.length > 1 ? { $module: record.module } : {}),
    })),
    info: page.info,
  });
}

/** Records of a related list, newest first. */
function relatedRecords(
  deps: { store: Store; clock: Clock },
  want: { module: string; id: string; list: RelatedList },
): StoredRecord[] {
  const found = new Map<string, StoredRecord>();
  for (const module of want.list.modules) {
    for (const field of deps.store.schema.module(module)?.fields.values() ?? []) {
      if (field.lookup !== want.module && field.lookup !== "*") continue;
      for (const record of deps.store.linked(module, field.apiName, want.id)) {
        if (field.lookup === "*" && record.fields["$se_module"] !== want.module) continue;
        if (want.list.state === undefined || activityState(record, deps.clock.now()) === want.list.state)
          found.set(record.id, record);
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Tasks close by status, meetings by their end, calls once they have begun. */
function activityState(record: StoredRecord, now: number): "open" | "closed" {
  if (record.module === "Tasks") return record.fields["Status"] === "Completed" ? "closed" : "open";
  const time = record.fields[record.module === "Events" ? "End_DateTime" : "Call_Start_Time"];
  const atMs = typeof time === "string" ? parseTime(time) : undefined;
  return atMs !== undefined && atMs <= now ? "closed" : "open";
}
