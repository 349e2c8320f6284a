import type { Actions } from "./actions.ts";
import { orgTime } from "./org-time.ts";
import { cutPage } from "./paging.ts";
import { idsOf } from "./parameters.ts";
import { displayName, renderUser } from "./rendering.ts";
import { batchStatus, NO_CONTENT, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { Store } from "./store.ts";

/** Records of one call, as in other deletions. */
const IDS_MAX = 100;

/** `GET /settings/recycle_bin`, all of it or by `?ids=`, and `/settings/recycle_bin/{id}`. */
export function listBin(store: Store, request: ZohoRequest): ZohoReply {
  const inPath = request.path[2];
  const ids = inPath === undefined ? idsOf(request, { name: "ids", max: IDS_MAX }) : [inPath];
  const rows = [...store.bin.values()].filter(
    (row) => row.kind === "recycle" && (ids?.includes(row.record.id) ?? true),
  );
  const page = cutPage(request, rows, {});
  if (page.rows.length === 0) return NO_CONTENT;
  return ok({
    recycle_bin: page.rows.map((row) => ({
      id: row.record.id,
      display_name: displayName(store, row.record),
      module: { api_name: row.record.module, id: store.schema.module(row.record.module)?.id ?? null },
      deleted_by: renderUser(store, row.deletedById),
      deleted_time: orgTime(row.deletedAt),
    })),
    info: page.info,
  });
}

/** `DELETE /settings/recycle_bin?ids=` or `/settings/recycle_bin/{id}`: for good. */
export function emptyBin(deps: { store: Store; actions: Actions }, request: ZohoRequest): ZohoReply {
  const { store, actions } = deps;
  const inPath = request.path[2];
  const ids =
    inPath === undefined ? (idsOf(request, { name: "ids", max: IDS_MAX }) ?? [...store.bin.keys()]) : [inPath];
  const done = ids.map((id) => {
    const row = store.bin.get(id);
    const isDone = row?.kind === "recycle" && actions.purge({ module: row.record.module, id });
    return isDone
      ? { code: "SUCCESS", details: { id }, message: "record deleted permanently", status: "success" }
      : { code: "INVALID_DATA", details: { id }, message: "the id given seems to be invalid", status: "error" };
  });
  return ok({ recycle_bin: done }, batchStatus(done, 200));
}
