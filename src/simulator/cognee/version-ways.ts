import type { RouteName } from "./routes.ts";

/** Versions that the stand-in plays. */
export type CogneeVersion = "1.6.5" | "1.5.2";

/** In what they differ, as measured of both on 2026-11-24. */
export interface Ways {
  readonly version: CogneeVersion;
  /** Routes that are not played: 1.5.2 has them not, but for PATCH, which loses the document's label and metadata there. */
  readonly missing: ReadonlySet<RouteName>;
  /** Add refuses other content under a name that is there. */
  readonly guardsNames: boolean;
  /** Add first writes INITIATED for every pipeline that ran before, whatever is running. */
  readonly resetsAtAdd: boolean;
  /** The listing comes in pages; the record of runs can be asked for one pipeline. */
  readonly hasPages: boolean;
  /** A passage that is found tells the metadata of its document. */
  readonly tellsMetadata: boolean;
}

const NEWER: Ways = {
  ...{ version: "1.6.5", missing: new Set(), guardsNames: true, resetsAtAdd: false },
  ...{ hasPages: true, tellsMetadata: true },
};

const OLDER: Ways = {
  version: "1.5.2",
  missing: new Set([
    ...(["GET /datasets/:dataset_id/processing-status", "GET /datasets/:dataset_id/data/count"] as const),
    ...(["GET /datasets/status/progress", "PATCH /update"] as const),
  ]),
  ...{ guardsNames: false, resetsAtAdd: true, hasPages: false, tellsMetadata: false },
};

/** The ways of a version. */
export function waysOf(version: CogneeVersion): Ways {
  return version === "1.5.2" ? OLDER : NEWER;
}
