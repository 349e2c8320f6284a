import type { Actions } from "./actions.ts";
import { arrayOf, idOf, isObject, type JsonObject, parseObject } from "./json-body.ts";
import { orgTime } from "./org-time.ts";
import { assertId, assertUnmodified, idsOf, moduleOf } from "./parameters.ts";
import type { Place, StoredRecord } from "./record.ts";
import { assertComplete, readInput } from "./record-input.ts";
import { renderUser } from "./rendering.ts";
import { badRequest, batchStatus, invalidData, ok, Refusal, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { ModuleMeta } from "./schema.ts";
import type { Store } from "./store.ts";

/** What writes need. `actorId` is the integration's user: its own writes are announced like all others. */
export interface WriteDeps {
  readonly store: Store;
  readonly actions: Actions;
  readonly actorId: string;
}

/** Records of one write. */
const RECORDS_MAX = 100;

/** The writes of records. */
export interface RecordWrites {
  create(request: ZohoRequest): ZohoReply;
  update(request: ZohoRequest): ZohoReply;
  upsert(request: ZohoRequest): ZohoReply;
  remove(request: ZohoRequest): ZohoReply;
  /** `POST /{module}/{id}/Notes`. */
  addNotes(request: ZohoRequest): ZohoReply;
}

type Item = Readonly<Record<string, unknown>> & { readonly status: string };

/** Makes the writes. */
export function createRecordWrites(deps: WriteDeps): RecordWrites {
  const { store, actions, actorId } = deps;

  function insert(module: ModuleMeta, item: JsonObject, index: number): Item {
    const input = readInput(store, module, { item, index });
    assertComplete(module, input.fields, index);
    const record = store.insert(module.apiName, input.fields, { actorId, ...owned(input.ownerId) });
    return success("record added", details(store, record));
  }

  function change(
    request: ZohoRequest,
    target: { module: ModuleMeta; id: string; item: JsonObject; index: number },
  ): Item {
    const { module, id, item, index } = target;
    const record = store.find(module.apiName, id);
    if (record === undefined)
      throw invalidData({ id, json_path: `$.data[${index}].id` }, "the id given seems to be invalid");
    assertUnmodified(request, record.modifiedAt);
    const input = readInput(store, module, { item, index });
    store.update({ module: module.apiName, id }, input.fields, { actorId, ...owned(input.ownerId) });
    return success("record updated", details(store, record));
  }

  return {
    create: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]);
      return each(recordsOf(request), 201, (item, index) => insert(module, item, index));
    },
    update: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]);
      const inPath = request.path[1];
      return each(recordsOf(request), 200, (item, index) => {
        const id = inPath ?? idOf(item["id"]);
        if (id === undefined)
          throw badRequest("MANDATORY_NOT_FOUND", "required field not found", {
            api_name: "id",
            json_path: `$.data[${index}].id`,
          });
        return change(request, { module, id, item, index });
      });
    },
    upsert: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]);
      const checks = parseObject(request.body)["duplicate_check_fields"];
      const names = Array.isArray(checks) ? checks.map(String) : defaultChecks(module.apiName);
      return each(recordsOf(request), 200, (item, index) => {
        const found = duplicateOf(store, { module: module.apiName, item, names });
        if (found === undefined) return { ...insert(module, item, index), action: "insert", duplicate_field: null };
        const changed = change(request, { module, id: found.id, item, index });
        return { ...changed, action: "update", duplicate_field: found.field };
      });
    },
    remove: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]);
      const inPath = request.path[1];
      const ids = inPath === undefined ? idsOf(request, { name: "ids", max: RECORDS_MAX }) : [inPath];
      if (ids === undefined)
        throw badRequest("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", { param_name: "ids" });
      return each(
        ids.map((id) => ({ id })),
        200,
        ({ id }) => {
          const place: Place = { module: module.apiName, id };
          if (!actions.remove(place, { actorId })) throw invalidData({ id }, "record not deleted");
          return success("record deleted", { id });
        },
      );
    },
    addNotes: (request) => {
      const parentModule = moduleOf(store.schema, request, request.path[0]).apiName;
      const notes = moduleOf(store.schema, request, "Notes");
      const parentId = request.path[1];
      assertId(parentId, "id");
      const parent = { id: parentId, module: { api_name: parentModule } };
      return each(recordsOf(request), 201, (item, index) => insert(notes, { ...item, Parent_Id: parent }, index));
    },
  };
}

function recordsOf(request: ZohoRequest): readonly JsonObject[] {
  const items = arrayOf(parseObject(request.body), "data");
  if (items.length > RECORDS_MAX)
    throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", { limit: RECORDS_MAX, api_name: "data" });
  return items.map((item, index) => {
    if (!isObject(item)) throw invalidData({ json_path: `$.data[${index}]`, expected_data_type: "jsonobject" });
    return item;
  });
}

/** Runs each item; a refused one spoils neither its neighbours nor the call. */
function each<T>(items: readonly T[], goodStatus: number, run: (item: T, index: number) => Item): ZohoReply {
  let isStale = false;
  const done = items.map((item, index): Item => {
    try {
      return run(item, index);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      isStale = error.status === 412;
      return { ...error.item(), status: "error" };
    }
  });
  // A write of one record that lost to `If-Unmodified-Since` is the one refusal with a status of its own.
  return ok({ data: done }, isStale && done.length === 1 ? 412 : batchStatus(done, goodStatus));
}

function success(message: string, about: Readonly<Record<string, unknown>>): Item {
  return { code: "SUCCESS", details: about, message, status: "success" };
}

function details(store: Store, record: StoredRecord): Record<string, unknown> {
  const { email: _modifierEmail, ...modifiedBy } = renderUser(store, record.modifiedById);
  const { email: _creatorEmail, ...createdBy } = renderUser(store, record.createdById);
  return {
    Modified_Time: orgTime(record.modifiedAt),
    Modified_By: modifiedBy,
    Created_Time: orgTime(record.createdAt),
    id: record.id,
    Created_By: createdBy,
  };
}

function owned(ownerId: string | undefined): { ownerId?: string } {
  return ownerId === undefined ? {} : { ownerId };
}

function defaultChecks(module: string): readonly string[] {
  if (module === "Accounts") return ["Account_Name"];
  if (module === "Deals") return ["Deal_Name"];
  return module === "Contacts" || module === "Leads" ? ["Email"] : [];
}

function duplicateOf(
  store: Store,
  want: { module: string; item: JsonObject; names: readonly string[] },
): { id: string; field: string } | undefined {
  const givenId = idOf(want.item["id"]);
  if (givenId !== undefined && store.find(want.module, givenId) !== undefined) return { id: givenId, field: "id" };
  for (const field of want.names) {
    const value = want.item[field];
    if (value === undefined || value === null) continue;
    for (const record of store.all(want.module)) if (record.fields[field] === value) return { id: record.id, field };
  }
  return undefined;
}
