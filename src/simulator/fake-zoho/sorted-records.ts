import type { StoredRecord } from "./record.ts";
import type { Store } from "./store.ts";

export type SortOrder = "asc" | "desc";

/** Records in the order of a list read. The last few orders are kept until the module changes. */
export interface SortedRecords {
  of(modules: readonly string[], by: string, order: SortOrder): readonly StoredRecord[];
  sort(records: readonly StoredRecord[], by: string, order: SortOrder): readonly StoredRecord[];
}

/** Orders kept: a sweep of 500 pages then sorts once. */
const KEPT_MAX = 4;

/** Makes sorted views of a store. */
export function createSortedRecords(store: Store): SortedRecords {
  const kept = new Map<string, { version: string; rows: readonly StoredRecord[] }>();
  const sorted: SortedRecords = {
    of: (modules, by, order) => {
      const key = `${modules.join()}|${by}|${order}`;
      const version = modules.map((module) => store.version(module)).join();
      const known = kept.get(key);
      if (known?.version === version) return known.rows;
      const rows = sorted.sort(
        modules.flatMap((module) => [...store.all(module)]),
        by,
        order,
      );
      kept.delete(key);
      kept.set(key, { version, rows });
      const oldest = kept.keys().next();
      if (kept.size > KEPT_MAX && oldest.done === false) kept.delete(oldest.value);
      return rows;
    },
    sort: (records, by, order) => {
      const sign = order === "asc" ? 1 : -1;
      return [...records].sort((a, b) => sign * (keyOf(a, by) - keyOf(b, by) || compareIds(a.id, b.id)));
    },
  };
  return sorted;
}

function keyOf(record: StoredRecord, by: string): number {
  if (by === "Modified_Time") return record.modifiedAt;
  return by === "Created_Time" ? record.createdAt : 0;
}

function compareIds(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
