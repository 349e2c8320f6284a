import { Fault } from "../../faults.ts";
import { type Criterion, conditions, queryRows } from "./coql.ts";
import type { FieldCatalogue } from "./field-catalogue.ts";
import type { FullText } from "./full-text.ts";
import type { WireRow } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";

/** What reading rows needs. */
export interface RowsDeps {
  readonly api: ZohoApi;
  readonly catalogue: FieldCatalogue;
  readonly fullText: FullText;
}

/** Rows with the columns that were asked for. */
export interface ModuleRows {
  readonly module: string;
  readonly columns: readonly string[];
  readonly rows: readonly WireRow[];
}

/** Which rows of which module, for the document. */
export interface RowsRequest {
  readonly module: string;
  readonly criteria: readonly Criterion[];
  readonly links?: readonly string[];
  readonly rowsMax?: number;
}

/** Reads all rows that meet any criterion, with every column the document uses and whole texts. Throws a Fault (CRM_…). */
export async function readRows(deps: RowsDeps, request: RowsRequest, signal: AbortSignal): Promise<ModuleRows> {
  const { module, links = [] } = request;
  const columns = withLinks(await deps.catalogue.columns(module), links);
  try {
    return await readColumns(deps, { ...request, columns }, signal);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "CRM_REQUEST_REFUSED") throw error;
    // A column may have been removed or renamed since the metadata was read.
    const renewed = await deps.catalogue.renewed(module);
    if (renewed === undefined) throw error;
    return await readColumns(deps, { ...request, columns: withLinks(renewed, links) }, signal);
  }
}

/** Rows that meet any of the criteria, each once, without any completion of texts. */
export async function readBareRows(
  api: ZohoApi,
  request: RowsRequest & { readonly columns: readonly string[] },
  signal: AbortSignal,
): Promise<readonly WireRow[]> {
  const { module, columns, criteria, rowsMax } = request;
  const doing = `reading ${module}`;
  const queries = conditions(criteria).map((where) =>
    queryRows(api, { module, columns, where, doing, ...(rowsMax === undefined ? {} : { rowsMax }) }, signal),
  );
  return uniqueRows((await Promise.all(queries)).flat());
}

/** Each id once. */
export function uniqueRows(rows: readonly WireRow[]): readonly WireRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

async function readColumns(
  deps: RowsDeps,
  request: RowsRequest & { readonly columns: readonly string[] },
  signal: AbortSignal,
): Promise<ModuleRows> {
  const rows = await readBareRows(deps.api, request, signal);
  const { module, columns } = request;
  return { module, columns, rows: await deps.fullText.completed(module, rows, signal) };
}

function withLinks(columns: readonly string[], links: readonly string[]): readonly string[] {
  return [...new Set([...links, ...columns])];
}
