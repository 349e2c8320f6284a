/**
 * Room → rooms it may import, besides itself and the words (files directly in src/). `tidy.test.ts` enforces it;
 * ARCHITECTURE.md prints it, which `docs.test.ts` checks.
 *
 * `cli` may read the ports of `queue`, `memory`, `crm` and `channels`: a command speaks to a part through its port and shows
 * what the port says, so it names the port's types (and decodes an event's note with the room that encoded it). It may
 * not name an adapter: `app` opens those.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  config: [],
  queue: [],
  crm: [],
  memory: [],
  "crm/zoho": ["crm"],
  "memory/embedded": ["memory"],
  "memory/cognee": ["memory"],
  engines: ["queue", "memory", "channels"],
  "engines/embedded": ["engines", "queue", "memory", "channels"],
  "engines/redis": ["engines", "queue", "memory", "channels"],
  "engines/spill": ["queue", "engines/embedded"],
  receiver: ["queue", "crm"],
  processor: ["queue", "crm", "memory"],
  channels: ["crm"],
  simulator: [],
  app: [
    "config",
    "queue",
    "crm",
    "memory",
    "crm/zoho",
    "memory/embedded",
    "memory/cognee",
    "engines",
    "engines/embedded",
    "engines/redis",
    "engines/spill",
    "receiver",
    "processor",
    "channels",
  ],
  cli: ["app", "config", "simulator", "queue", "memory", "crm", "channels"],
};
