import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import type { DeletedRow, Place, StoredFields, StoredValue } from "./record.ts";
import type { Store, WriteOptions } from "./store.ts";

/** Most losers of one merge. */
export const MERGE_LOSERS_MAX = 2;

/** What Zoho does beside the plain write: consequences of deleting, restoring and merging. */
export interface Actions {
  /** Into the recycle bin. Children stay without a parent, silently; notes go with it. False when there is no such record. */
  remove(place: Place, options?: WriteOptions): boolean;
  /** Back from the recycle bin with what was unlinked. Nothing is announced, and `Modified_Time` stays. */
  restore(place: Place): boolean;
  /** Out of the recycle bin, for good. */
  purge(place: Place): boolean;
  /** The master takes the named fields, the losers are deleted, their children follow silently. */
  merge(master: Place, losers: readonly { id: string; fields: readonly string[] }[], options?: WriteOptions): boolean;
}

/** Makes the actions over a store. */
export function createActions(store: Store, clock: Clock): Actions {
  function links(target: Place): { module: string; id: string; field: string }[] {
    const found = [];
    for (const meta of store.schema.modules()) {
      if (store.count(meta.apiName) === 0) continue;
      for (const field of meta.fields.values()) {
        if (field.lookup !== target.module && field.lookup !== "*") continue;
        for (const record of store.linked(meta.apiName, field.apiName, target.id)) {
          if (field.lookup === "*" && record.fields["$se_module"] !== target.module) continue;
          found.push({ module: meta.apiName, id: record.id, field: field.apiName });
        }
      }
    }
    return found;
  }

  function bury(place: Place, orphans: DeletedRow["orphans"], options: WriteOptions): boolean {
    const record = store.take(place, options);
    if (record === undefined) return false;
    const deletedById = options.actorId ?? store.users[0]?.id;
    assert(deletedById !== undefined, "the simulated org has users");
    store.bin.set(place.id, { record, deletedAt: options.at ?? clock.now(), deletedById, kind: "recycle", orphans });
    return true;
  }

  const actions: Actions = {
    remove: (place, options = {}) => {
      if (store.find(place.module, place.id) === undefined) return false;
      const orphans = links(place);
      if (!bury(place, orphans, options)) return false;
      for (const orphan of orphans) {
        // A note cannot live without its parent; contacts, deals and activities can.
        if (orphan.module === "Notes") bury(orphan, [], { ...options, isSilent: true });
        else store.relink(orphan, orphan.field, null);
      }
      return true;
    },
    restore: (place) => {
      const row = store.bin.get(place.id);
      if (row === undefined || row.kind !== "recycle" || row.record.module !== place.module) return false;
      store.bin.delete(place.id);
      store.putBack(row.record);
      for (const orphan of row.orphans) {
        if (orphan.module === "Notes") actions.restore(orphan);
        else if (store.find(orphan.module, orphan.id)?.fields[orphan.field] === null)
          store.relink(orphan, orphan.field, place);
      }
      return true;
    },
    purge: (place) => {
      const row = store.bin.get(place.id);
      if (row === undefined || row.record.module !== place.module) return false;
      row.kind = "permanent";
      return true;
    },
    merge: (master, losers, options = {}) => {
      const known = losers.map((loser) => store.find(master.module, loser.id));
      if (store.find(master.module, master.id) === undefined || known.includes(undefined)) return false;
      const taken: StoredFields = {};
      losers.forEach((loser, index) => {
        for (const name of loser.fields) taken[name] = storedValue(known[index]?.fields, name);
        const place = { module: master.module, id: loser.id };
        for (const link of links(place)) store.relink(link, link.field, master);
        bury(place, [], options);
      });
      return store.update(master, taken, options);
    },
  };
  return actions;
}

function storedValue(fields: StoredFields | undefined, name: string): StoredValue {
  return fields?.[name] ?? null;
}
