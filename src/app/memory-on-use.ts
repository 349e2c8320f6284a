import type { Memory } from "../memory/memory.ts";

/**
 * A sink that is opened by the first call that needs it: a command that asks the queue works although the memory's file is
 * damaged. Each call throws what opening throws.
 */
export function memoryOnUse(kind: string, open: () => Memory): Memory {
  let opened: Memory | undefined;
  const memory = () => {
    opened ??= open();
    return opened;
  };
  return {
    kind,
    put: async (requests, signal) => memory().put(requests, signal),
    remove: async (accounts, signal) => memory().remove(accounts, signal),
    flush: async (signal, keeper) => memory().flush(signal, keeper),
    search: async (query, options, signal) => memory().search(query, options, signal),
    read: async (account, signal) => memory().read(account, signal),
    list: async (options, signal) => memory().list(options, signal),
    identity: async (signal) => memory().identity(signal),
    probe: async (signal, wish) => memory().probe(signal, wish),
    close: async () => opened?.close(),
  };
}
