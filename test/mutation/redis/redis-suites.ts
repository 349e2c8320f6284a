import type { RedisAddress } from "../../../src/redis-address.ts";

/** Ships the scripts of the copy before anything reads them. */
const GENERATE = `
  import { writeFileSync } from "node:fs";
  import { generateScripts, SCRIPTS_FILE } from "./scripts/generate-scripts.ts";
  writeFileSync(SCRIPTS_FILE, generateScripts());
`;

/** The suites that hold the Redis engine's guarantees. */
export type RedisSuite = "queue" | "lease" | "view" | "ledger" | "counters" | "duties" | "engine" | "history";

/** Each suite as a module of the copy. The contracts run on keys of their own of one server. */
export function redisSuites(address: () => RedisAddress): Readonly<Record<RedisSuite, () => string>> {
  const contract = (file: string, name: string) => () =>
    `${GENERATE}
    const { redisStarter } = await import("./test/contracts/redis-harness.ts");
    const { ${name} } = await import("./test/contracts/${file}.ts");
    ${name}("mutant", redisStarter(() => (${JSON.stringify(address())})));
  `;
  /** A suite that starts a server for itself, as it empties it. */
  const own = (file: string) => () => `${GENERATE} await import("./test/redis/${file}.test.ts");`;
  return {
    queue: contract("queue-contract", "queueContract"),
    lease: contract("lease-contract", "leaseContract"),
    view: contract("queue-view-contract", "queueViewContract"),
    ledger: contract("ledger-contract", "ledgerContract"),
    counters: contract("counters-contract", "countersContract"),
    duties: contract("duties-contract", "dutiesContract"),
    engine: own("engine"),
    history: own("engine-history"),
  };
}
