import type { SealedStore } from "../../src/sealed-store.ts";

/** A store of small texts in memory. */
export function textsByName(): SealedStore {
  const texts = new Map<string, string>();
  return {
    read: async (name) => texts.get(name),
    write: async (name, text) => {
      texts.set(name, text);
    },
  };
}
