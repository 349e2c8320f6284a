import type { StoredRecord } from "./record.ts";

/** Who points at a target: one id, or a set of them. Most targets have one, and a set for each would cost too much. */
type Pointers = string | Set<string>;

/** Finds the records whose lookup points at a target, without a scan. Built on first use, then kept current. */
export interface LookupIndex {
  ids(module: string, field: string, targetId: string): readonly string[];
  added(record: StoredRecord): void;
  removed(record: StoredRecord): void;
}

/** Makes an empty index over records that `all` lists by module. */
export function createLookupIndex(all: (module: string) => Iterable<StoredRecord>): LookupIndex {
  const tables = new Map<string, Map<string, Map<string, Pointers>>>();

  function table(module: string, field: string): Map<string, Pointers> {
    const ofModule = tables.get(module) ?? new Map<string, Map<string, Pointers>>();
    tables.set(module, ofModule);
    const known = ofModule.get(field);
    if (known !== undefined) return known;
    const built = new Map<string, Pointers>();
    for (const record of all(module)) add(built, record.fields[field], record.id);
    ofModule.set(field, built);
    return built;
  }

  return {
    ids: (module, field, targetId) => {
      const pointers = table(module, field).get(targetId);
      if (pointers === undefined) return [];
      return typeof pointers === "string" ? [pointers] : [...pointers];
    },
    added: (record) => {
      for (const [field, built] of tables.get(record.module) ?? []) add(built, record.fields[field], record.id);
    },
    removed: (record) => {
      for (const [field, built] of tables.get(record.module) ?? []) drop(built, record.fields[field], record.id);
    },
  };
}

function add(built: Map<string, Pointers>, target: unknown, id: string): void {
  if (typeof target !== "string") return;
  const pointers = built.get(target);
  if (pointers === undefined) built.set(target, id);
  else if (typeof pointers === "string") built.set(target, new Set([pointers, id]));
  else pointers.add(id);
}

function drop(built: Map<string, Pointers>, target: unknown, id: string): void {
  if (typeof target !== "string") return;
  const pointers = built.get(target);
  if (pointers === id) built.delete(target);
  else if (pointers instanceof Set) pointers.delete(id);
}
