import type { Behaviour } from "./behaviour.ts";
import { type BoundColumn, bindColumn } from "./coql-columns.ts";
import { candidates, compileCondition } from "./coql-condition.ts";
import { type Column, parseQuery, type Query } from "./coql-parse.ts";
import { parseObject } from "./json-body.ts";
import type { StoredRecord } from "./record.ts";
import { badRequest, NO_CONTENT, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { Store } from "./store.ts";

/** From v7 on, queries may be wider. */
const WIDE_VERSION_MIN = 7;
const WIDE = { columnsMax: 500, inValuesMax: 100 };
const NARROW = { columnsMax: 50, inValuesMax: 50 };

/** Rows that a second and a third credit are due from. */
const CHEAP_ROWS_MAX = 200;
const MIDDLE_ROWS_MAX = 1000;

/** `POST /coql` with `{ "select_query": "select … from … where …" }`, in every version: the v2.1 SDK has it too. */
export function runCoql(deps: { store: Store; behaviour: Behaviour }, request: ZohoRequest): ZohoReply {
  const { store, behaviour } = deps;
  const text = parseObject(request.body)["select_query"];
  if (typeof text !== "string")
    throw badRequest("MANDATORY_NOT_FOUND", "required field not found", {
      api_name: "select_query",
      json_path: "$.select_query",
    });
  const limits = request.version < WIDE_VERSION_MIN ? NARROW : WIDE;
  const query = parseQuery(text, { ...limits, isFlatAllowed: behaviour.coqlFlatCriteria });
  const meta = store.schema.module(query.module);
  if (meta === undefined || (meta.apiName === "Notes" && behaviour.coqlNotesRefused))
    throw badRequest("INVALID_QUERY", "invalid module", { module: query.module });

  const bind = (name: string) => bindColumn(deps, meta.apiName, name);
  const test = compileCondition(bind, meta.apiName, query.where);
  const order = query.orderBy.map(({ column, isDescending }) => ({ column: bind(column), isDescending }));
  const columns = query.columns.map((column) => ({ column, bound: bind(column.name) }));
  const groups = query.groupBy.map(bind);

  const source = candidates(store, meta.apiName, query.where) ?? store.all(meta.apiName);
  const found = [...source].filter(test).sort((a, b) => compareBy(order, a, b));
  const isAggregated = query.groupBy.length > 0 || query.columns.some((column) => column.aggregate !== undefined);
  const all = isAggregated ? aggregate(found, columns, groups) : found;
  const cut = all.slice(query.offset, query.offset + query.limit);
  const credits = creditsOf(query);
  if (cut.length === 0) return { ...NO_CONTENT, credits };
  const rows = isAggregated
    ? cut
    : found.slice(query.offset, query.offset + query.limit).map((record) => row(record, columns));
  return {
    ...ok({ data: rows, info: { count: rows.length, more_records: query.offset + query.limit < all.length } }),
    credits,
  };
}

type Selected = { readonly column: Column; readonly bound: BoundColumn };

/** A row: what was selected, under the names of the query, and always the id. */
function row(record: StoredRecord, columns: readonly Selected[]): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const { column, bound } of columns) shown[column.alias] = bound.shown(record) ?? null;
  shown["id"] = record.id;
  return shown;
}

function aggregate(
  records: readonly StoredRecord[],
  columns: readonly Selected[],
  groups: readonly BoundColumn[],
): Record<string, unknown>[] {
  const grouped = new Map<string, StoredRecord[]>();
  for (const record of records) {
    const key = JSON.stringify(groups.map((group) => group.raw(record) ?? null));
    const known = grouped.get(key);
    if (known === undefined) grouped.set(key, [record]);
    else known.push(record);
  }
  return [...grouped.values()].map((members) =>
    Object.fromEntries(columns.map(({ column, bound }) => [column.alias, aggregateOf(column, bound, members)])),
  );
}

function aggregateOf(column: Column, bound: BoundColumn, members: readonly StoredRecord[]): unknown {
  const first = members[0];
  if (column.aggregate === undefined) return first === undefined ? null : bound.shown(first);
  const values = members.map((record) => bound.raw(record) ?? null).filter((value) => value !== null);
  if (column.aggregate === "count") return values.length;
  const numbers = values.map(Number);
  if (numbers.length === 0) return null;
  const sum = numbers.reduce((total, value) => total + value, 0);
  if (column.aggregate === "sum") return sum;
  if (column.aggregate === "avg") return sum / numbers.length;
  return numbers.reduce((best, value) => (column.aggregate === "min" ? Math.min(best, value) : Math.max(best, value)));
}

/** The query's order, then by id: rows of equal keys must not change places between two pages. */
function compareBy(
  order: readonly { readonly column: BoundColumn; readonly isDescending: boolean }[],
  a: StoredRecord,
  b: StoredRecord,
): number {
  for (const { column, isDescending } of order) {
    const compared = compare(column.raw(a) ?? null, column.raw(b) ?? null);
    if (compared !== 0) return isDescending ? -compared : compared;
  }
  return compare(a.id, b.id);
}

function compare(left: unknown, right: unknown): number {
  if (left === right) return 0;
  if (left === null) return -1;
  if (right === null) return 1;
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left) < String(right) ? -1 : 1;
}

function creditsOf({ limit }: Query): number {
  if (limit <= CHEAP_ROWS_MAX) return 1;
  return limit <= MIDDLE_ROWS_MAX ? 2 : 3;
}
