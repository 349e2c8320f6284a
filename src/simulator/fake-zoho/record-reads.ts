import type { Behaviour } from "./behaviour.ts";
import type { PageTokens } from "./page-tokens.ts";
import { cutPage } from "./paging.ts";
import { assertId, fieldsOf, idsOf, modifiedSince, moduleOf } from "./parameters.ts";
import type { StoredRecord } from "./record.ts";
import { renderRecord } from "./rendering.ts";
import {
  badRequest,
  invalidData,
  NO_CONTENT,
  NOT_MODIFIED,
  ok,
  Refusal,
  type ZohoReply,
  type ZohoRequest,
} from "./reply.ts";
import { ACTIVITY_MODULES } from "./schema.ts";
import { createSortedRecords, type SortedRecords, type SortOrder } from "./sorted-records.ts";
import type { Store } from "./store.ts";

/** What reads need. */
export interface ReadDeps {
  readonly store: Store;
  readonly tokens: PageTokens;
  readonly behaviour: Behaviour;
}

/** Ids of one `fetch_full_data` call. */
const FULL_READ_IDS_MAX = 100;

/** The reads of records: lists, single records and full texts. */
export interface RecordReads {
  list(request: ZohoRequest): ZohoReply;
  single(request: ZohoRequest): ZohoReply;
  /** `/{module}/actions/fetch_full_data?ids=` and `/{module}/{id}/actions/fetch_full_data`. */
  full(request: ZohoRequest): ZohoReply;
}

/** Makes the reads. */
export function createRecordReads(deps: ReadDeps): RecordReads {
  const { store, behaviour } = deps;
  const sorted = createSortedRecords(store);

  return {
    list: (request) => {
      const modules = modulesOf(deps, request);
      const fields = fieldsOf(request);
      const { by, order } = sortOf(request);
      const ids = idsOf(request, { name: "ids" });
      const since = modifiedSince(request);
      let rows = ids === undefined ? sorted.of(modules, by, order) : chosen(deps, sorted, { modules, ids, by, order });
      if (rows.length === 0) return NO_CONTENT;
      if (since !== undefined) rows = rows.filter((record) => record.modifiedAt > since);
      if (since !== undefined && rows.length === 0) return NOT_MODIFIED;

      const more = { call: false, email: false, sort_by: by, sort_order: order };
      const page = cutPage(request, rows, { tokens: deps.tokens, more });
      if (page.rows.length === 0) return NO_CONTENT;
      return ok({ data: page.rows.map((record) => written(deps, record, { fields, isCut: true })), info: page.info });
    },
    single: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]);
      const id = request.path[1];
      assertId(id, "id");
      const record = store.find(module.apiName, id);
      if (record === undefined) return NO_CONTENT;
      const since = modifiedSince(request);
      if (since !== undefined && record.modifiedAt <= since) return NOT_MODIFIED;
      const fields = request.query.get("fields")?.split(",");
      return ok({ data: [written(deps, record, { fields, isCut: behaviour.singleReadRichTextCut })] });
    },
    full: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]);
      const fields = fieldsOf({ ...request, version: Math.max(3, request.version) });
      const single = request.path.length === 4 ? request.path[1] : undefined;
      if (single !== undefined) assertId(single, "id");
      const ids = single !== undefined ? [single] : idsOf(request, { name: "ids", max: FULL_READ_IDS_MAX });
      if (ids === undefined)
        throw badRequest("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", { param_name: "ids" });
      const records = ids.flatMap((id) => store.find(module.apiName, id) ?? []);
      if (records.length === 0) return NO_CONTENT;
      return ok({ data: records.map((record) => written(deps, record, { fields, isCut: false })) });
    },
  };
}

function written(
  deps: ReadDeps,
  record: StoredRecord,
  options: { readonly fields: readonly string[] | undefined; readonly isCut: boolean },
): Record<string, unknown> {
  const { fields, isCut } = options;
  return renderRecord(deps.store, record, { isCut, ...(fields === undefined ? {} : { fields }) });
}

/** `Activities` stands for three modules; Notes are for administrators. */
function modulesOf(deps: ReadDeps, request: ZohoRequest): readonly string[] {
  if (request.path[0] === "Activities") return ACTIVITY_MODULES;
  const module = moduleOf(deps.store.schema, request, request.path[0]);
  if (module.apiName === "Notes" && deps.behaviour.notesForbidden)
    throw new Refusal(403, "NOT_SUPPORTED", { message: "Notes can be listed by administrators only" });
  return [module.apiName];
}

function chosen(
  deps: ReadDeps,
  sorted: SortedRecords,
  want: { modules: readonly string[]; ids: readonly string[]; by: string; order: SortOrder },
): readonly StoredRecord[] {
  const found = [...new Set(want.ids)].flatMap((id) =>
    want.modules.flatMap((module) => deps.store.find(module, id) ?? []),
  );
  return sorted.sort(found, want.by, want.order);
}

function sortOf(request: ZohoRequest): { by: string; order: SortOrder } {
  const by = request.query.get("sort_by") ?? "id";
  const order = request.query.get("sort_order") ?? "desc";
  if (!["id", "Created_Time", "Modified_Time"].includes(by)) throw invalidData({ param_name: "sort_by" });
  if (order !== "asc" && order !== "desc") throw invalidData({ param_name: "sort_order" });
  if (request.query.has("cvid") && request.query.has("sort_by"))
    throw badRequest("AMBIGUITY_DURING_PROCESSING", "sort_by is not allowed with cvid", {
      ambiguity_due_to: [{ param_name: "cvid" }, { param_name: "sort_by" }],
    });
  return { by, order };
}
