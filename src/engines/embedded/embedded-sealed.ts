import type { SealedStore } from "../../sealed-store.ts";
import { type Database, text } from "./database.ts";
import type { GroupCommit } from "./group-commit.ts";

/** Sealed texts in the engine's file. */
export function createSealedStore(database: Database, group: GroupCommit): SealedStore {
  const read = database.prepare("SELECT sealed FROM sealed WHERE name = ?");
  const write = database.prepare("INSERT OR REPLACE INTO sealed (name, sealed) VALUES (?, ?)");
  return {
    read: (name) =>
      group.read(() => {
        const row = read.get(name);
        return row === undefined ? undefined : text(row, 0);
      }),
    write: (name, sealed) =>
      group.run(() => {
        write.run(name, sealed);
      }),
  };
}
