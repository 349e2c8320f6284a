import { type Cursor, createCursor } from "./coql-cursor.ts";
import { badRequest } from "./reply.ts";

export type Comparator =
  | "="
  | "!="
  | "<"
  | ">"
  | "<="
  | ">="
  | "like"
  | "not like"
  | "in"
  | "not in"
  | "between"
  | "is null"
  | "is not null";

type Value = string | number | boolean;

/** One comparison. */
export interface Criterion {
  readonly kind: "criterion";
  readonly column: string;
  readonly comparator: Comparator;
  readonly values: readonly Value[];
}

/** A tree of comparisons. */
export type Condition =
  | Criterion
  | { readonly kind: "and" | "or"; readonly left: Condition; readonly right: Condition };

/** A selected column, or `count(…)` and its like. */
export interface Column {
  readonly name: string;
  readonly alias: string;
  readonly aggregate?: (typeof AGGREGATES)[number];
}

/** A parsed query. */
export interface Query {
  readonly columns: readonly Column[];
  readonly module: string;
  readonly where: Condition;
  readonly groupBy: readonly string[];
  readonly orderBy: readonly { readonly column: string; readonly isDescending: boolean }[];
  readonly limit: number;
  readonly offset: number;
}

/** Limits of one query; up to v6 they were narrower. */
export interface QueryLimits {
  readonly columnsMax: number;
  readonly inValuesMax: number;
  /** Take more than two operands in one bracket. */
  readonly isFlatAllowed: boolean;
}

const CRITERIA_MAX = 25;
const ORDER_BY_MAX = 10;
const GROUP_BY_MAX = 4;
const AGGREGATES_MAX = 5;
const LIMIT_DEFAULT = 200;
const LIMIT_MAX = 2000;
const ROWS_MAX = 100_000;
const AGGREGATES = ["count", "sum", "avg", "min", "max"] as const;
const COMPARING_SIGNS = ["=", "!=", "<=", ">=", "<", ">"] as const;

/** Parses `select … from … where … group by … order by … limit … offset …`. */
export function parseQuery(text: string, limits: QueryLimits): Query {
  const cursor: Cursor = createCursor(text);
  cursor.needWord("select");
  const columns = cursor.list(() => readSelected(cursor));
  cursor.needWord("from");
  const module = readColumn(cursor);
  if (!cursor.passWord("where")) {
    if (cursor.peek().kind !== "end") cursor.fail();
    throw badRequest("SYNTAX_ERROR", "missing clause", { clause: "where" });
  }
  const where = readCondition(cursor, limits, { criteria: 0 });
  const groupBy = readBy(cursor, "group", () => readColumn(cursor));
  const orderBy = readBy(cursor, "order", () => readOrdering(cursor));
  const { limit, offset } = readWindow(cursor);
  if (cursor.peek().kind !== "end") cursor.fail();

  const query = { columns, module, where, groupBy, orderBy, limit, offset };
  assertBounds(query, limits);
  return query;
}

/** `$se_module` and `What_Id->Deals.Account_Name` must stand in quotes. */
function readColumn(cursor: Cursor): string {
  const token = cursor.take();
  if (token.kind === "text" || (token.kind === "name" && !token.value.includes("$"))) return token.value;
  return cursor.fail(token.at);
}

function readSelected(cursor: Cursor): Column {
  const name = readColumn(cursor);
  const aggregate = AGGREGATES.find((known) => known === name.toLowerCase());
  if (aggregate === undefined || !cursor.passSign("("))
    return { name, alias: cursor.passWord("as") ? readColumn(cursor) : name };
  const inner = readColumn(cursor);
  cursor.needSign(")");
  return { name: inner, alias: cursor.passWord("as") ? readColumn(cursor) : `${name}(${inner})`, aggregate };
}

function readBy<T>(cursor: Cursor, clause: string, one: () => T): T[] {
  if (!cursor.passWord(clause)) return [];
  cursor.needWord("by");
  return cursor.list(one);
}

function readOrdering(cursor: Cursor): { column: string; isDescending: boolean } {
  const column = readColumn(cursor);
  const isDescending = cursor.passWord("desc");
  if (!isDescending) cursor.passWord("asc");
  return { column, isDescending };
}

function readWindow(cursor: Cursor): { limit: number; offset: number } {
  let limit = LIMIT_DEFAULT;
  let offset = 0;
  if (cursor.passWord("limit")) {
    limit = cursor.wholeNumber();
    // `limit 200, 400` means: skip 200, take 400.
    if (cursor.passSign(",")) [offset, limit] = [limit, cursor.wholeNumber()];
  }
  if (cursor.passWord("offset")) offset = cursor.wholeNumber();
  return { limit, offset };
}

type Seen = { criteria: number };

/** Two operands at most; more need brackets of their own. */
function readCondition(cursor: Cursor, limits: QueryLimits, seen: Seen): Condition {
  let left = readOperand(cursor, limits, seen);
  for (let count = 0; cursor.isWord("and") || cursor.isWord("or"); count += 1) {
    if (count > 0 && !limits.isFlatAllowed) cursor.fail();
    const kind = cursor.passWord("and") ? "and" : "or";
    if (kind === "or") cursor.needWord("or");
    left = { kind, left, right: readOperand(cursor, limits, seen) };
  }
  return left;
}

function readOperand(cursor: Cursor, limits: QueryLimits, seen: Seen): Condition {
  if (cursor.passSign("(")) {
    const inner = readCondition(cursor, limits, seen);
    cursor.needSign(")");
    return inner;
  }
  seen.criteria += 1;
  if (seen.criteria > CRITERIA_MAX)
    throw badRequest("LIMIT_EXCEEDED", "the limit of criteria is exceeded", { limit: CRITERIA_MAX, clause: "where" });
  return { kind: "criterion", column: readColumn(cursor), ...readComparison(cursor, limits) };
}

function readComparison(cursor: Cursor, limits: QueryLimits): Omit<Criterion, "kind" | "column"> {
  if (cursor.passWord("is")) {
    const isNot = cursor.passWord("not");
    cursor.needWord("null");
    return { comparator: isNot ? "is not null" : "is null", values: [] };
  }
  const isNegated = cursor.passWord("not");
  if (cursor.passWord("in")) return { comparator: isNegated ? "not in" : "in", values: readValues(cursor, limits) };
  if (cursor.passWord("like")) return { comparator: isNegated ? "not like" : "like", values: [readValue(cursor)] };
  if (isNegated) cursor.fail();
  if (cursor.passWord("between")) {
    const low = readValue(cursor);
    cursor.needWord("and");
    return { comparator: "between", values: [low, readValue(cursor)] };
  }
  const sign = COMPARING_SIGNS.find((known) => cursor.passSign(known));
  return sign === undefined ? cursor.fail() : { comparator: sign, values: [readValue(cursor)] };
}

function readValues(cursor: Cursor, limits: QueryLimits): Value[] {
  cursor.needSign("(");
  const found = cursor.list(() => readValue(cursor));
  cursor.needSign(")");
  if (found.length > limits.inValuesMax)
    throw badRequest("LIMIT_EXCEEDED", "the limit of values is exceeded", { limit: limits.inValuesMax, clause: "in" });
  return found;
}

/** A value. A bare id of 19 digits keeps its digits. */
function readValue(cursor: Cursor): Value {
  const token = cursor.take();
  if (token.kind === "text") return token.value;
  const isExact = token.value.includes(".") || Number.isSafeInteger(Number(token.value));
  if (token.kind === "number") return isExact ? Number(token.value) : token.value;
  const lower = token.value.toLowerCase();
  if (token.kind === "name" && (lower === "true" || lower === "false")) return lower === "true";
  return cursor.fail(token.at);
}

function assertBounds(query: Query, limits: QueryLimits): void {
  const bounds: readonly (readonly [string, number, number])[] = [
    ["select", query.columns.length, limits.columnsMax],
    ["aggregate", query.columns.filter((column) => column.aggregate !== undefined).length, AGGREGATES_MAX],
    ["group by", query.groupBy.length, GROUP_BY_MAX],
    ["order by", query.orderBy.length, ORDER_BY_MAX],
    ["limit", query.limit, LIMIT_MAX],
    ["offset", query.offset, ROWS_MAX],
  ];
  for (const [clause, count, max] of bounds)
    if (count > max) throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", { limit: max, clause });
}
