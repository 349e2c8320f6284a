import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { openCogneeMemory } from "../../src/memory/cognee/cognee-memory.ts";
import { COGNEE_TEXT_LENGTH_MAX } from "../../src/memory/cognee/write-documents.ts";
import type { SealedStore } from "../../src/sealed-store.ts";
import { memoryContract } from "../contracts/memory-contract.ts";
import { textsByName } from "../fakes/texts-by-name.ts";
import { accountSuite } from "./account-suite.ts";
import { clientsSuite } from "./clients-suite.ts";
import type { CogneeServer } from "./cognee-server.ts";
import { cogneeTier } from "./cognee-tier.ts";
import { crashSuite } from "./crash-suite.ts";
import { forgettingSuite } from "./forgetting-suite.ts";
import { openApiSuite } from "./openapi.ts";
import { outageSuite } from "./outage-suite.ts";
import { poisonSuite } from "./poison-suite.ts";
import { serviceSuite } from "./service-suite.ts";
import { trapsSuite } from "./traps-suite.ts";

/** All suites run for minutes. */
const TIER_MS_MAX = 900_000;

let datasets = 0;

/** A memory in a dataset of its own. */
function openOn({ url, apiKey }: CogneeServer, dataset: string, notes: SealedStore) {
  return openCogneeMemory({
    ...{ url, dataset, credentials: { apiKey }, clock: systemClock, log: silentLog, notes, count: () => undefined },
  });
}

cogneeTier(
  "cognee",
  (server) => {
    memoryContract("cognee", async () => {
      datasets += 1;
      const dataset = `contract_${datasets}`;
      const notes = textsByName();
      let memory = openOn(server(), dataset, notes);
      return {
        memory,
        reopen: async () => {
          await memory.close();
          memory = openOn(server(), dataset, notes);
          return memory;
        },
        spoil: async (document) => ({ ...document, text: "x".repeat(COGNEE_TEXT_LENGTH_MAX + 1) }),
        close: () => memory.close(),
      };
    });
  },
  { timeoutMs: TIER_MS_MAX },
);

openApiSuite();
cogneeTier(
  "cognee, with its troubles",
  (server) => {
    trapsSuite(server);
    forgettingSuite(server);
    accountSuite(server);
    poisonSuite(server);
    outageSuite(server);
    clientsSuite(server);
    crashSuite(server);
    serviceSuite(server);
  },
  { timeoutMs: TIER_MS_MAX },
);
