import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { createLookupIndex } from "./lookup-index.ts";
import type { DeletedRow, Place, RecordChange, StoredFields, StoredRecord, User } from "./record.ts";
import { ORG_ID_PREFIX, type Schema } from "./schema.ts";

/** Who writes, and when. A silent write announces nothing. */
export interface WriteOptions {
  readonly actorId?: string;
  readonly ownerId?: string;
  /** Epoch milliseconds; default now. */
  readonly at?: number;
  readonly isSilent?: boolean;
}

/** All records of the simulated org, and the changes made to them. */
export interface Store {
  readonly schema: Schema;
  readonly users: readonly User[];
  find(module: string, id: string): StoredRecord | undefined;
  all(module: string): Iterable<StoredRecord>;
  count(module: string): number;
  /** Grows with every change of the module, so that sorted copies can be kept until then. */
  version(module: string): number;
  /** Records whose lookup `field` points at `targetId`. */
  linked(module: string, field: string, targetId: string): readonly StoredRecord[];
  insert(module: string, fields: StoredFields, options?: WriteOptions): StoredRecord;
  /** False when there is no such record. */
  update(place: Place, fields: StoredFields, options?: WriteOptions): boolean;
  /** Points a lookup elsewhere without a trace: no announcement, `Modified_Time` as it was. */
  relink(place: Place, field: string, target: Place | null): void;
  /** Takes a record out. Its row in the recycle bin is the caller's to keep. */
  take(place: Place, options?: WriteOptions): StoredRecord | undefined;
  /** Puts a taken record back, silently. */
  putBack(record: StoredRecord): void;
  readonly bin: Map<string, DeletedRow>;
  onChange(listener: (change: RecordChange) => void): void;
}

/** First record number; lower ones are metadata. */
const RECORD_NUMBER_BASE = 400_001;

/** Makes an empty store. */
export function createStore(schema: Schema, users: readonly User[], clock: Clock): Store {
  const modules = new Map<string, Map<string, StoredRecord>>();
  const versions = new Map<string, number>();
  const listeners: ((change: RecordChange) => void)[] = [];
  const firstUser = users[0];
  assert(firstUser !== undefined, "the simulated org has users");
  let lastNumber = RECORD_NUMBER_BASE;

  const recordsOf = (module: string) => {
    const known = modules.get(module);
    if (known !== undefined) return known;
    const made = new Map<string, StoredRecord>();
    modules.set(module, made);
    return made;
  };
  const index = createLookupIndex((module) => recordsOf(module).values());

  function announce(change: RecordChange, options: WriteOptions): void {
    if (options.isSilent !== true) for (const listener of listeners) listener(change);
  }
  function touch(module: string): void {
    versions.set(module, (versions.get(module) ?? 0) + 1);
  }
  function nextId(): string {
    lastNumber += 1 + ((lastNumber * 7) % 11); // gaps, as in a real org where other tables share the numbers
    return `${ORG_ID_PREFIX}${String(lastNumber).padStart(12, "0")}`;
  }

  return {
    schema,
    users,
    bin: new Map(),
    find: (module, id) => modules.get(module)?.get(id),
    all: (module) => recordsOf(module).values(),
    count: (module) => recordsOf(module).size,
    version: (module) => versions.get(module) ?? 0,
    linked: (module, field, targetId) =>
      index.ids(module, field, targetId).flatMap((id) => recordsOf(module).get(id) ?? []),
    insert: (module, fields, options = {}) => {
      const at = options.at ?? clock.now();
      const actorId = options.actorId ?? firstUser.id;
      const record: StoredRecord = {
        id: nextId(),
        module,
        ownerId: options.ownerId ?? actorId,
        createdById: actorId,
        modifiedById: actorId,
        createdAt: wholeSeconds(at),
        modifiedAt: wholeSeconds(at),
        fields: derived(module, fields),
      };
      recordsOf(module).set(record.id, record);
      index.added(record);
      touch(module);
      announce({ operation: "insert", module, id: record.id, fields: Object.keys(fields), record, at }, options);
      return record;
    },
    update: (place, fields, options = {}) => {
      const record = recordsOf(place.module).get(place.id);
      if (record === undefined) return false;
      const at = options.at ?? clock.now();
      const before = record.fields;
      const changed = Object.keys(fields).filter((name) => !isSame(before[name], fields[name]));
      index.removed(record);
      record.fields = derived(place.module, { ...before, ...fields });
      index.added(record);
      if (options.ownerId !== undefined && options.ownerId !== record.ownerId) {
        record.ownerId = options.ownerId;
        changed.push("Owner");
      }
      record.modifiedAt = wholeSeconds(at);
      record.modifiedById = options.actorId ?? firstUser.id;
      touch(place.module);
      announce({ operation: "update", ...place, fields: changed.filter(isFieldName), record, at }, options);
      return true;
    },
    relink: (place, field, target) => {
      const record = recordsOf(place.module).get(place.id);
      if (record === undefined) return;
      index.removed(record);
      const isPolymorphic = schema.module(place.module)?.fields.get(field)?.lookup === "*";
      const link = { [field]: target?.id ?? null, ...(isPolymorphic ? { $se_module: target?.module ?? null } : {}) };
      record.fields = { ...record.fields, ...link };
      index.added(record);
      touch(place.module);
    },
    take: (place, options = {}) => {
      const record = recordsOf(place.module).get(place.id);
      if (record === undefined) return undefined;
      recordsOf(place.module).delete(place.id);
      index.removed(record);
      touch(place.module);
      const fields = ["Modified_By", "Record_Status__s"];
      announce({ operation: "delete", ...place, fields, record, at: options.at ?? clock.now() }, options);
      return record;
    },
    putBack: (record) => {
      recordsOf(record.module).set(record.id, record);
      index.added(record);
      touch(record.module);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Zoho keeps and shows whole seconds. */
function wholeSeconds(atMs: number): number {
  return Math.floor(atMs / 1000) * 1000;
}

/** `$se_module` is no field: it never stands among the affected ones. */
function isFieldName(name: string): boolean {
  return !name.startsWith("$");
}

function isSame(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left ?? null) === JSON.stringify(right ?? null);
}

/** Fills what Zoho computes: a person's `Full_Name`. */
function derived(module: string, fields: StoredFields): StoredFields {
  if (module !== "Contacts" && module !== "Leads") return fields;
  const first = fields["First_Name"];
  const last = fields["Last_Name"];
  return { ...fields, Full_Name: typeof first === "string" && first !== "" ? `${first} ${last}` : String(last ?? "") };
}
