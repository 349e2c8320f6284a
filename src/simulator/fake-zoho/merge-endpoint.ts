import { type Actions, MERGE_LOSERS_MAX } from "./actions.ts";
import type { Behaviour } from "./behaviour.ts";
import { arrayOf, idOf, isObject, parseObject } from "./json-body.ts";
import { assertId, moduleOf } from "./parameters.ts";
import { badRequest, invalidData, NO_CONTENT, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { Store } from "./store.ts";

/** `POST` and `GET /{module}/{master}/actions/merge`. */
export interface MergeEndpoint {
  start(request: ZohoRequest): ZohoReply;
  status(request: ZohoRequest): ZohoReply;
}

/** Jobs remembered for `GET`. */
const JOBS_MAX = 1000;

/** Makes the merge endpoint. A merge is done at once, even when it answers SCHEDULED. */
export function createMergeEndpoint(deps: {
  store: Store;
  actions: Actions;
  behaviour: Behaviour;
  actorId: string;
}): MergeEndpoint {
  const { store, actions, behaviour, actorId } = deps;
  const jobs = new Map<string, string>();
  let lastJob = 5_100_000;

  return {
    start: (request) => {
      const module = moduleOf(store.schema, request, request.path[0]).apiName;
      const master = request.path[1];
      assertId(master, "id");
      const losers = readLosers(request);
      const places = [{ module, id: master }, ...losers.map(({ id }) => ({ module, id }))];
      if (
        places.some((place) => store.find(place.module, place.id) === undefined) ||
        losers.some(({ id }) => id === master)
      )
        throw invalidData({ json_path: "$.merge[0].data" }, "the id given seems to be invalid");
      actions.merge({ module, id: master }, losers, { actorId });

      lastJob += 1;
      const jobId = String(lastJob);
      jobs.set(`${module}/${master}`, jobId);
      const oldest = jobs.keys().next();
      if (jobs.size > JOBS_MAX && oldest.done === false) jobs.delete(oldest.value);
      const item = behaviour.mergeScheduled
        ? {
            code: "SCHEDULED",
            message: "merge is scheduled",
            status: "success",
            details: { job_id: jobId, id: master },
          }
        : { code: "SUCCESS", message: "records merged successfully", status: "success", details: { id: master } };
      return ok({ merge: [item] });
    },
    status: (request) => {
      const jobId = jobs.get(`${request.path[0]}/${request.path[1]}`);
      const wanted = request.query.get("job_id");
      if (jobId === undefined || (wanted !== null && wanted !== jobId)) return NO_CONTENT;
      return ok({ merge: [{ job_id: jobId, status: "COMPLETED" }] });
    },
  };
}

function readLosers(request: ZohoRequest): { id: string; fields: string[] }[] {
  const merges = arrayOf(parseObject(request.body), "merge");
  const merge = merges[0];
  if (merges.length !== 1 || !isObject(merge))
    throw invalidData({ json_path: "$.merge", expected_data_type: "jsonobject", maximum_length: 1 });
  const losers = arrayOf(merge, "data").map((loser, index) => {
    const id = isObject(loser) ? idOf(loser["id"]) : undefined;
    if (id === undefined || !isObject(loser))
      throw badRequest("MANDATORY_NOT_FOUND", "required field not found", {
        json_path: `$.merge[0].data[${index}].id`,
      });
    const fields = Array.isArray(loser["_fields"]) ? loser["_fields"] : [];
    return { id, fields: fields.flatMap((field) => (isObject(field) ? String(field["api_name"]) : [])) };
  });
  if (losers.length > MERGE_LOSERS_MAX)
    throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", {
      limit: MERGE_LOSERS_MAX,
      json_path: "$.merge[0].data",
    });
  return losers;
}
