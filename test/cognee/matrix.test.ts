import { describe } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { openCogneeMemory } from "../../src/memory/cognee/cognee-memory.ts";
import { COGNEE_TEXT_LENGTH_MAX } from "../../src/memory/cognee/write-documents.ts";
import { checksOf } from "../../src/simulator/cognee/rig.test.ts";
import { olderFacts } from "../../src/simulator/cognee/version-facts.test.ts";
import { memoryContract } from "../contracts/memory-contract.ts";
import { textsByName } from "../fakes/texts-by-name.ts";
import { beforeSuite } from "./before-suite.ts";
import { cogneeTier } from "./cognee-tier.ts";
import { forgettingSuite } from "./forgetting-suite.ts";
import { COGNEE_VERSION_BEFORE } from "./install.ts";

/** All of it took 283 s on two busy cores. */
const TIER_MS_MAX = 900_000;

let datasets = 0;

cogneeTier(
  `cognee ${COGNEE_VERSION_BEFORE}`,
  (server) => {
    memoryContract(`cognee ${COGNEE_VERSION_BEFORE}`, async () => {
      datasets += 1;
      const dataset = `contract_before_${datasets}`;
      const notes = textsByName();
      const open = () => {
        const { url, apiKey } = server();
        const options = { url, dataset, credentials: { apiKey }, clock: systemClock, log: silentLog, notes };
        return openCogneeMemory({ ...options, count: () => undefined });
      };
      let memory = open();
      return {
        memory,
        reopen: async () => {
          await memory.close();
          memory = open();
          return memory;
        },
        spoil: async (document) => ({ ...document, text: "x".repeat(COGNEE_TEXT_LENGTH_MAX + 1) }),
        close: () => memory.close(),
      };
    });
    describe("what the stand-in plays of it", () => olderFacts(checksOf(async () => server())));
    forgettingSuite(server);
    beforeSuite(server);
  },
  { timeoutMs: TIER_MS_MAX, version: COGNEE_VERSION_BEFORE },
);
