import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock } from "../../src/clock.ts";
import { Fault } from "../../src/faults.ts";
import { silentLog } from "../../src/log.ts";
import { EMBEDDED_TEXT_LENGTH_MAX, openEmbeddedMemory } from "../../src/memory/embedded/embedded-memory.ts";
import { flakyMemory } from "../fakes/flaky-memory.ts";
import { noOpMemory } from "../fakes/no-op-memory.ts";
import { memoryContract } from "./memory-contract.ts";

const clock = manualClock();

memoryContract("embedded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "memhook-memory-"));
  const openHere = () => openEmbeddedMemory({ path: join(folder, "memory.db"), clock, log: silentLog });
  let memory = openHere();
  return {
    memory,
    reopen: async () => {
      await memory.close();
      memory = openHere();
      return memory;
    },
    spoil: async (document) => ({ ...document, text: "x".repeat(EMBEDDED_TEXT_LENGTH_MAX + 1) }),
    close: async () => {
      await memory.close();
      rmSync(folder, { recursive: true });
    },
  };
});

for (const isIndexed of [true, false]) {
  memoryContract(`no-op, ${isIndexed ? "searchable at once" : "searchable after a flush"}`, async () => {
    const memory = noOpMemory({ keepsText: true, isIndexed });
    return {
      memory,
      reopen: async () => memory,
      spoil: async (document) => {
        memory.refused.set(document.account, new Fault("SINK_REFUSED", "writing a spoiled document"));
        return document;
      },
      close: () => memory.close(),
    };
  });
}

memoryContract("flaky, all switches off but the spoiled account", async () => {
  const memory = flakyMemory(noOpMemory({ keepsText: true }));
  return {
    memory,
    reopen: async () => memory,
    spoil: async (document) => {
      memory.refused.set(document.account, new Fault("SINK_WRITE_FAILED", "writing a spoiled document"));
      return document;
    },
    close: () => memory.close(),
  };
});
