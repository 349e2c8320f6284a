import type { BulkRead } from "./bulk-read.ts";
import type { MergeEndpoint } from "./merge-endpoint.ts";
import type { RecordReads } from "./record-reads.ts";
import type { RecordWrites } from "./record-writes.ts";
import { badRequest, Refusal, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { WatchEndpoint } from "./watch-endpoint.ts";

/** One endpoint: the scope that it needs (any one of them), and what it does. */
export interface Endpoint {
  readonly scope: string;
  run(request: ZohoRequest): ZohoReply;
}

/** The parts that endpoints are made of. */
export interface EndpointParts {
  readonly reads: RecordReads;
  readonly writes: RecordWrites;
  readonly merge: MergeEndpoint;
  readonly bulk: BulkRead;
  readonly watch: WatchEndpoint;
  related(request: ZohoRequest): ZohoReply;
  deleted(request: ZohoRequest): ZohoReply;
  count(request: ZohoRequest): ZohoReply;
  coql(request: ZohoRequest): ZohoReply;
  composite(request: ZohoRequest): ZohoReply;
  users(request: ZohoRequest): ZohoReply;
  org(request: ZohoRequest): ZohoReply;
  /** `/settings/{name}` by name. */
  readonly settings: Readonly<Record<string, Partial<Record<string, (request: ZohoRequest) => ZohoReply>>>>;
}

/** What of a resource each verb does. */
type Verbs = Partial<Record<string, Endpoint>>;

/** Finds the endpoint of a call to `/crm/v8/…`, or refuses an unknown address or verb. */
export function findEndpoint(parts: EndpointParts, request: ZohoRequest): Endpoint {
  const verbs = fixedVerbs(parts, request) ?? recordVerbs(parts, request);
  if (verbs === undefined) throw unknownAddress();
  const endpoint = verbs[request.method];
  if (endpoint === undefined)
    throw badRequest("INVALID_REQUEST_METHOD", "The http request method type is not a valid one");
  return endpoint;
}

/** Finds the endpoint of a call to `/crm/bulk/v8/…`. */
export function findBulkEndpoint(parts: EndpointParts, request: ZohoRequest): Endpoint {
  const { path, method } = request;
  const verbs: Verbs =
    path[0] !== "read"
      ? {}
      : path.length === 1
        ? { POST: { scope: "ZohoCRM.bulk.READ", run: parts.bulk.order } }
        : path.length === 2
          ? { GET: { scope: "ZohoCRM.bulk.READ", run: parts.bulk.status } }
          : { GET: { scope: "ZohoCRM.bulk.READ", run: parts.bulk.download } };
  const endpoint = verbs[method];
  if (endpoint === undefined) throw unknownAddress();
  return endpoint;
}

function fixedVerbs(parts: EndpointParts, { path }: ZohoRequest): Verbs | undefined {
  const [first = "", second = ""] = path;
  if (first === "coql" && path.length === 1) return { POST: { scope: "ZohoCRM.coql.READ", run: parts.coql } };
  if (first === "__composite_requests")
    return { POST: { scope: "ZohoCRM.composite_requests.CUSTOM", run: parts.composite } };
  if (first === "users") return { GET: { scope: "ZohoCRM.users.READ", run: parts.users } };
  if (first === "org") return { GET: { scope: "ZohoCRM.org.READ", run: parts.org } };
  if (first === "actions" && second === "watch") return watchVerbs(parts.watch);
  if (first !== "settings") return undefined;
  const name = second === "automation" ? path.slice(1, 3).join("/") : second;
  const verbs = parts.settings[name] ?? {};
  const scope = (method: string) =>
    `ZohoCRM.settings.${second === "automation" ? "automation_actions" : second}.${action(method)}`;
  return Object.fromEntries(
    Object.entries(verbs).flatMap(([method, run]) =>
      run === undefined ? [] : [[method, { scope: scope(method), run }]],
    ),
  );
}

function watchVerbs(watch: WatchEndpoint): Verbs {
  return {
    POST: { scope: "ZohoCRM.notifications.CREATE", run: watch.open },
    PUT: { scope: "ZohoCRM.notifications.UPDATE", run: watch.replace },
    PATCH: { scope: "ZohoCRM.notifications.UPDATE", run: watch.patch },
    GET: { scope: "ZohoCRM.notifications.READ", run: watch.list },
    DELETE: { scope: "ZohoCRM.notifications.DELETE", run: watch.drop },
  };
}

function recordVerbs(parts: EndpointParts, { path }: ZohoRequest): Verbs | undefined {
  const [module = "", second = "", third = "", fourth = ""] = path;
  const can = (method: string, run: Endpoint["run"]): Verbs => ({
    [method]: { scope: `ZohoCRM.modules.${module}.${action(method)}`, run },
  });
  const { reads, writes, merge } = parts;
  if (path.length === 1)
    return {
      ...can("GET", reads.list),
      ...can("POST", writes.create),
      ...can("PUT", writes.update),
      ...can("DELETE", writes.remove),
    };
  if (path.length === 2 && second === "deleted") return can("GET", parts.deleted);
  if (path.length === 2 && second === "upsert") return can("POST", writes.upsert);
  if (path.length === 2)
    return { ...can("GET", reads.single), ...can("PUT", writes.update), ...can("DELETE", writes.remove) };
  if (path.length === 3 && second === "actions" && third === "fetch_full_data") return can("GET", reads.full);
  if (path.length === 3 && second === "actions" && third === "count") return can("GET", parts.count);
  if (path.length === 3 && third === "Notes") return { ...can("GET", parts.related), ...can("POST", writes.addNotes) };
  if (path.length === 3) return can("GET", parts.related);
  if (path.length === 4 && third === "actions" && fourth === "fetch_full_data") return can("GET", reads.full);
  if (path.length === 4 && third === "actions" && fourth === "merge")
    return { ...can("GET", merge.status), ...can("POST", merge.start) };
  return undefined;
}

function action(method: string): string {
  const actions: Readonly<Record<string, string>> = {
    GET: "READ",
    POST: "CREATE",
    PUT: "UPDATE",
    PATCH: "UPDATE",
    DELETE: "DELETE",
  };
  return actions[method] ?? "ALL";
}

function unknownAddress(): Refusal {
  return new Refusal(404, "INVALID_URL_PATTERN", {
    message: "Please check if the URL trying to access is a correct one",
  });
}
