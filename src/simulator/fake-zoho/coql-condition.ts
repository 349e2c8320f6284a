import type { BoundColumn } from "./coql-columns.ts";
import type { Comparator, Condition, Criterion } from "./coql-parse.ts";
import { parseTime } from "./org-time.ts";
import type { StoredRecord } from "./record.ts";
import { badRequest, type Refusal } from "./reply.ts";
import type { FieldMeta } from "./schema.ts";
import type { Store } from "./store.ts";

/** Tests one record. */
export type RecordTest = (record: StoredRecord) => boolean;

type Comparable = string | number | boolean;

/** Comparators of lookups, ids among them. */
const LOOKUP_COMPARATORS: readonly Comparator[] = ["=", "!=", "in", "not in", "is null", "is not null"];

/** Modules whose `What_Id` can stand in a criterion. */
const WHAT_MODULES = ["Tasks", "Calls", "Events"];

/** Turns a condition into a test. Wrong columns, comparators and values are refused here, before any record is looked at. */
export function compileCondition(
  bind: (name: string) => BoundColumn,
  module: string,
  condition: Condition,
): RecordTest {
  if (condition.kind !== "criterion") {
    const left = compileCondition(bind, module, condition.left);
    const right = compileCondition(bind, module, condition.right);
    return condition.kind === "and"
      ? (record) => left(record) && right(record)
      : (record) => left(record) || right(record);
  }
  const column = bind(condition.column);
  assertComparator(column.field, module, condition);
  const read = (record: StoredRecord) => comparable(column.field, column.raw(record) ?? null);
  const values = condition.values.map((value) => {
    const given = comparable(column.field, value);
    if (given === null) throw invalidValue(condition);
    return given;
  });
  return compileComparison(condition.comparator, values, read);
}

function compileComparison(
  comparator: Comparator,
  values: readonly Comparable[],
  read: (record: StoredRecord) => Comparable | null,
): RecordTest {
  const [first = "", second = ""] = values;
  const among = new Set(values);
  const known =
    (test: (value: Comparable) => boolean): RecordTest =>
    (record) => {
      const value = read(record);
      return value !== null && test(value); // as in SQL, null matches no comparison, not even `!=`
    };
  switch (comparator) {
    case "=":
      return known((value) => value === first);
    case "!=":
      return known((value) => value !== first);
    case "<":
      return known((value) => value < first);
    case ">":
      return known((value) => value > first);
    case "<=":
      return known((value) => value <= first);
    case ">=":
      return known((value) => value >= first);
    case "between":
      return known((value) => value >= first && value <= second);
    case "in":
      return known((value) => among.has(value));
    case "not in":
      return known((value) => !among.has(value));
    case "like":
    case "not like": {
      const pattern = likePattern(String(first));
      return known((value) => pattern.test(String(value)) === (comparator === "like"));
    }
    case "is null":
      return (record) => read(record) === null;
    case "is not null":
      return (record) => read(record) !== null;
  }
}

/** A value in the form that the field's type compares in, or null when it has none. */
function comparable(field: FieldMeta, value: unknown): Comparable | null {
  if (value === null || value === undefined || value === "") return null;
  switch (field.type) {
    case "datetime":
      return typeof value === "number" ? value : (parseTime(String(value)) ?? null);
    case "integer":
    case "double":
    case "currency":
      return Number.isNaN(Number(value)) ? null : Number(value);
    case "boolean":
      return typeof value === "boolean" ? value : null;
    default:
      return String(value);
  }
}

function assertComparator(field: FieldMeta, module: string, { column, comparator }: Criterion): void {
  const isLookup = field.type === "lookup" || field.type === "ownerlookup";
  const isAllowed =
    (!isLookup || LOOKUP_COMPARATORS.includes(comparator)) &&
    (field.type !== "boolean" || comparator === "=") &&
    (field.apiName !== "What_Id" || WHAT_MODULES.includes(module));
  if (!isAllowed)
    throw badRequest("INVALID_QUERY", "invalid operator found", { column_name: column, operator: comparator });
}

function likePattern(like: string): RegExp {
  const escaped = like.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("%", ".*");
  return new RegExp(`^${escaped}$`, "is");
}

function invalidValue({ column }: Criterion): Refusal {
  return badRequest("INVALID_QUERY", "value given seems to be invalid for the column", { column_name: column });
}

/**
 * The records that can meet a condition, found by ids and lookups without a scan; undefined when all must be looked at.
 * A batch read of 50 accounts out of 100,000 then costs what it would cost Zoho.
 */
export function candidates(store: Store, module: string, condition: Condition): Set<StoredRecord> | undefined {
  if (condition.kind === "criterion") return candidatesOf(store, module, condition);
  const left = candidates(store, module, condition.left);
  const right = candidates(store, module, condition.right);
  if (condition.kind === "or")
    return left === undefined || right === undefined ? undefined : new Set([...left, ...right]);
  if (left === undefined || right === undefined) return left ?? right;
  return left.size < right.size ? left : right;
}

function candidatesOf(store: Store, module: string, criterion: Criterion): Set<StoredRecord> | undefined {
  if (criterion.comparator !== "=" && criterion.comparator !== "in") return undefined;
  const ids = criterion.values.map(String);
  if (criterion.column === "id") return new Set(ids.flatMap((id) => store.find(module, id) ?? []));
  const [head = "", tail = "id", ...rest] = criterion.column.split(".");
  const field = store.schema.module(module)?.fields.get(head);
  if (field?.type !== "lookup" || tail !== "id" || rest.length > 0) return undefined;
  return new Set(ids.flatMap((id) => store.linked(module, head, id)));
}
