import { add } from "./add-call.ts";
import { createKey, deleteKey, listKeys, login, logout, me, user } from "./auth-calls.ts";
import type { CallHandler } from "./call.ts";
import { cognify } from "./cognify-call.ts";
import * as datasets from "./dataset-calls.ts";
import { deleteDataset, deleteDocument, forget } from "./delete-calls.ts";
import { graph } from "./graph-call.ts";
import { detailedHealth, health, hello } from "./health-calls.ts";
import { search } from "./search-call.ts";
import { update } from "./update-call.ts";

/** A call that the stand-in knows. */
export interface Route {
  /** Verb and path, the path without `/api/v1` where it has that. */
  readonly name: string;
  readonly handle: CallHandler;
  /** Needs no sign-in. */
  readonly isOpen?: true;
  /** Stands at the root of the server rather than under `/api/v1`. */
  readonly isAtRoot?: true;
}

/** Every route; among those that fit a path the first is taken. */
export const ROUTES = [
  { name: "GET /", handle: hello, isOpen: true, isAtRoot: true },
  { name: "GET /health", handle: health, isOpen: true, isAtRoot: true },
  { name: "GET /health/detailed", handle: detailedHealth, isOpen: true, isAtRoot: true },
  { name: "POST /auth/login", handle: login, isOpen: true },
  { name: "POST /auth/logout", handle: logout },
  { name: "GET /auth/me", handle: me },
  { name: "GET /users/me", handle: user },
  { name: "GET /auth/api-keys", handle: listKeys },
  { name: "POST /auth/api-keys", handle: createKey },
  { name: "DELETE /auth/api-keys/:key_id", handle: deleteKey },
  { name: "GET /datasets", handle: datasets.listDatasets },
  { name: "POST /datasets", handle: datasets.createDataset },
  { name: "GET /datasets/status", handle: datasets.statuses },
  { name: "GET /datasets/status/progress", handle: datasets.progress },
  { name: "DELETE /datasets/:dataset_id", handle: deleteDataset },
  { name: "GET /datasets/:dataset_id/data", handle: datasets.listDocuments },
  { name: "GET /datasets/:dataset_id/data/count", handle: datasets.countDocuments },
  { name: "GET /datasets/:dataset_id/processing-status", handle: datasets.processingStatus },
  { name: "GET /datasets/:dataset_id/data/:data_id/raw", handle: datasets.rawDocument },
  { name: "GET /datasets/:dataset_id/graph", handle: graph },
  { name: "DELETE /datasets/:dataset_id/data/:data_id", handle: deleteDocument },
  { name: "POST /add", handle: add },
  { name: "POST /cognify", handle: cognify },
  { name: "PATCH /update", handle: update },
  { name: "POST /forget", handle: forget },
  { name: "POST /search", handle: search },
  { name: "GET /activity/pipeline-runs", handle: datasets.pipelineRuns },
] as const satisfies readonly Route[];

/** The name of a route, as knobs and counts take it. */
export type RouteName = (typeof ROUTES)[number]["name"];

/** What a path leads to. */
export type Match =
  | { readonly kind: "route"; readonly route: Route; readonly name: RouteName; readonly params: Record<string, string> }
  | { readonly kind: "wrong-method" }
  | { readonly kind: "unknown" };

/** Finds the route of a call, of those that the version has. */
export function matchRoute(method: string, pathname: string, missing: ReadonlySet<RouteName>): Match {
  const path = pathname.split("/").slice(1);
  let isKnownPath = false;
  for (const route of ROUTES) {
    if (missing.has(route.name)) continue;
    const [verb = "", pattern = ""] = route.name.split(" ");
    const isAtRoot = "isAtRoot" in route;
    const params = paramsOf(isAtRoot ? pattern : `/api/v1${pattern}`, path);
    if (params === undefined) continue;
    if (verb === method) return { kind: "route", route, name: route.name, params };
    isKnownPath = true;
  }
  return { kind: isKnownPath ? "wrong-method" : "unknown" };
}

function paramsOf(pattern: string, path: readonly string[]): Record<string, string> | undefined {
  const wanted = pattern.split("/").slice(1);
  if (wanted.length !== path.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const given = path[index] ?? "";
    if (segment.startsWith(":")) params[segment.slice(1)] = given;
    else if (segment !== given) return undefined;
  }
  return params;
}
