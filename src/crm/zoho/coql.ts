import { RECORD_ID_PATTERN } from "../../account.ts";
import { assert } from "../../assert.ts";
import { Fault } from "../../faults.ts";
import { HttpFailure } from "../../http.ts";
import { parseReply, rowsReply, type WireRow } from "./wire.ts";
import type { ApiCall, ZohoApi } from "./zoho-api.ts";

/** Values in one `in`, from version 7 on (Kaizen #183). */
export const IN_VALUES_MAX = 100;
/** Criteria in one query. Zoho takes 25; ten lists of ids make a query of some 22 kB, and its longest text is not documented. */
const CRITERIA_MAX = 10;
/** `=` criteria in one query: the documented most. */
const EQUALS_MAX = 25;
/** Rows of one reply: the documented most. */
export const ROWS_MAX = 2_000;
/** Fewest rows asked for after a reply was too large for memory. */
const ROWS_MIN = 50;
/** Pages of one query: Zoho pages to 100,000 rows by offset. */
const PAGES_MAX = 400;
const ROWS_TOTAL_MAX = 100_000;
/** A query whose rows shift under it (deletes) is begun anew this often. */
const RESTARTS_MAX = 3;
/** API names of modules and fields. */
const NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_]{0,99}$/;

/** "The field's value is one of these ids." */
export interface Criterion {
  readonly field: string;
  readonly ids: readonly string[];
}

/** One query, paged to its end. */
export interface RowQuery {
  readonly module: string;
  readonly columns: readonly string[];
  readonly where: string;
  readonly rowsMax?: number;
  readonly doing: string;
}

/**
 * Conditions of as many queries as are needed to ask for rows that meet any criterion. `in` takes 100 ids at once; `equals`
 * is for a module that refuses `in`. More than two criteria must be bracketed in pairs.
 */
export function conditions(criteria: readonly Criterion[], operator: "in" | "equals" = "in"): readonly string[] {
  const clauses = criteria.flatMap(({ field, ids }) => {
    assert(NAME_PATTERN.test(field), "a criterion names a field");
    if (operator === "equals") return ids.map((id) => `${field} = ${quoted(id)}`);
    return chunked(ids, IN_VALUES_MAX).map((chunk) => `${field} in (${chunk.map(quoted).join(",")})`);
  });
  return chunked(clauses, operator === "in" ? CRITERIA_MAX : EQUALS_MAX).map(bracketed);
}

/** All rows of a query, in the order of their ids, each once. Throws a Fault (CRM_…). */
export async function queryRows(api: ZohoApi, query: RowQuery, signal: AbortSignal): Promise<readonly WireRow[]> {
  for (let restart = 0; restart <= RESTARTS_MAX; restart += 1) {
    const rows = await pagesOf(api, query, signal);
    if (rows !== "shifted") return rows;
  }
  throw new Fault("CRM_REPLY_INVALID", query.doing, { cause: new Error("the rows shift under the query") });
}

/** Parts of at most `size`, in order. */
export function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

/**
 * Each page begins with the last row of the one before. If another row stands there, rows were deleted meanwhile, later
 * ones moved up, and one of ours may have slipped through between the pages.
 */
async function pagesOf(api: ZohoApi, query: RowQuery, signal: AbortSignal): Promise<readonly WireRow[] | "shifted"> {
  const rows: WireRow[] = [];
  let limit = query.rowsMax ?? ROWS_MAX;
  for (let page = 0; page < PAGES_MAX && rows.length < ROWS_TOTAL_MAX; page += 1) {
    const last = rows.at(-1);
    const offset = Math.max(0, rows.length - 1);
    const reply = await pageOf(api, { query, limit, offset }, signal);
    if (reply === "too large") {
      if (limit <= ROWS_MIN) break;
      limit = Math.max(ROWS_MIN, Math.floor(limit / 8));
      continue;
    }
    if (last !== undefined && reply.data[0]?.id !== last.id) return "shifted";
    rows.push(...(last === undefined ? reply.data : reply.data.slice(1)));
    if (reply.info?.more_records !== true) return rows;
    if (last !== undefined && reply.data.length < 2) return "shifted"; // "More" that never come.
  }
  throw new Fault("CRM_REPLY_INVALID", query.doing, { cause: new Error("more rows than can be paged") });
}

interface Page {
  readonly query: RowQuery;
  readonly limit: number;
  readonly offset: number;
}

async function pageOf(api: ZohoApi, page: Page, signal: AbortSignal) {
  const { module, columns, where, doing } = page.query;
  assert(NAME_PATTERN.test(module), "a query names a module");
  const names = ["id", ...columns.filter((column) => column !== "id")].map(columnName).join(", ");
  const call: ApiCall = {
    method: "POST",
    path: "/coql",
    body: {
      select_query: `select ${names} from ${module} where ${where} order by id asc limit ${page.limit} offset ${page.offset}`,
    },
    kind: "coql",
    doing,
    isRead: true,
  };
  try {
    const reply = await api.call(call, signal);
    return reply.body === undefined ? { data: [], info: undefined } : parseReply(rowsReply, reply.body, doing);
  } catch (error) {
    if (error instanceof Fault && error.cause instanceof HttpFailure && error.cause.kind === "too_large") {
      return "too large" as const;
    }
    throw error;
  }
}

/** `$se_module` is no API name and must stand in quotes (verified live by others). */
function columnName(column: string): string {
  if (column === "$se_module") return `'${column}'`;
  assert(NAME_PATTERN.test(column), "a column is an API name");
  return column;
}

function quoted(id: string): string {
  assert(RECORD_ID_PATTERN.test(id), "a record id is up to 20 digits");
  return `'${id}'`;
}

function bracketed(clauses: readonly string[]): string {
  const [first = "", ...rest] = clauses;
  return rest.length === 0 ? first : `((${first}) or ${rest.length === 1 ? `(${rest[0]})` : bracketed(rest)})`;
}
