import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { openCogneeMemory } from "../../src/memory/cognee/cognee-memory.ts";
import { COGNEE_TEXT_LENGTH_MAX } from "../../src/memory/cognee/write-documents.ts";
import { startCogneeStandIn } from "../../src/simulator/cognee/cognee-stand-in.ts";
import { textsByName } from "../fakes/texts-by-name.ts";
import { memoryContract } from "./memory-contract.ts";

memoryContract("cognee's stand-in, playing 1.5.2", async () => {
  const standIn = await startCogneeStandIn({ clock: systemClock, version: "1.5.2" });
  const { url, apiKey } = standIn;
  const options = { url, dataset: "contract", credentials: { apiKey }, clock: systemClock, log: silentLog };
  const open = () => openCogneeMemory({ ...options, notes: textsByName(), count: () => undefined });
  let memory = open();
  return {
    memory,
    reopen: async () => {
      await memory.close();
      memory = open();
      return memory;
    },
    spoil: async (document) => ({ ...document, text: "x".repeat(COGNEE_TEXT_LENGTH_MAX + 1) }),
    close: async () => {
      await memory.close();
      await standIn.close();
    },
  };
});
