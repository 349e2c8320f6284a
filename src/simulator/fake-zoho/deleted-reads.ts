import type { Clock } from "../../clock.ts";
import { orgTime } from "./org-time.ts";
import { cutPage } from "./paging.ts";
import { modifiedSince, moduleOf } from "./parameters.ts";
import type { DeletedRow } from "./record.ts";
import { displayName, renderUser } from "./rendering.ts";
import { badRequest, invalidData, NO_CONTENT, NOT_MODIFIED, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import { ACTIVITY_MODULES } from "./schema.ts";
import type { Store } from "./store.ts";

const DAY_MS = 86_400_000;

/** How long rows of each kind can be seen. */
const VISIBLE_MS = { recycle: 60 * DAY_MS, permanent: 120 * DAY_MS } as const;

/** `GET /{module}/deleted?type=all|recycle|permanent`, newest first. */
export function listDeleted(deps: { store: Store; clock: Clock }, request: ZohoRequest): ZohoReply {
  const { store, clock } = deps;
  const modules =
    request.path[0] === "Activities" ? ACTIVITY_MODULES : [moduleOf(store.schema, request, request.path[0]).apiName];
  // No list at Zoho tells of deleted notes.
  if (modules.some((module) => module === "Notes"))
    throw badRequest("INVALID_MODULE", "the given module is not supported in api", { resource_path_index: 0 });
  const type = request.query.get("type") ?? "all";
  if (!["all", "recycle", "permanent"].includes(type)) throw invalidData({ param_name: "type" });

  const names: readonly string[] = modules;
  let rows = [...store.bin.values()].filter(
    (row) =>
      names.includes(row.record.module) &&
      (type === "all" || row.kind === type) &&
      clock.now() - row.deletedAt <= VISIBLE_MS[row.kind],
  );
  if (rows.length === 0) return NO_CONTENT;
  const since = modifiedSince(request);
  if (since !== undefined) rows = rows.filter((row) => row.deletedAt > since);
  if (since !== undefined && rows.length === 0) return NOT_MODIFIED;
  rows.sort((a, b) => b.deletedAt - a.deletedAt || (a.record.id < b.record.id ? 1 : -1));
  const page = cutPage(request, rows, {});
  if (page.rows.length === 0) return NO_CONTENT;
  return ok({ data: page.rows.map((row) => renderRow(store, row)), info: page.info });
}

function renderRow(store: Store, row: DeletedRow): Record<string, unknown> {
  const isPermanent = row.kind === "permanent";
  return {
    deleted_by: isPermanent ? null : shortUser(store, row.deletedById),
    id: row.record.id,
    display_name: isPermanent ? null : displayName(store, row.record),
    type: row.kind,
    created_by: isPermanent ? null : shortUser(store, row.record.createdById),
    deleted_time: orgTime(row.deletedAt),
  };
}

function shortUser(store: Store, id: string): { name: string; id: string } {
  return { name: renderUser(store, id).name, id };
}
