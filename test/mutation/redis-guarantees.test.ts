import { after, before } from "node:test";
import { type RedisServer, startRedis } from "../redis/redis-server.ts";
import { redisTier } from "../redis/redis-tier.ts";
import { mutationTests } from "./mutants.ts";
import { CLAIM_MUTANTS } from "./redis/claims.ts";
import { LETTER_MUTANTS } from "./redis/dead-letters.ts";
import { DELIVERY_MUTANTS } from "./redis/deliveries.ts";
import { LEDGER_MUTANTS } from "./redis/ledger.ts";
import { PROCESS_MUTANTS } from "./redis/processes.ts";
import { redisSuites } from "./redis/redis-suites.ts";

const UNWANTED =
  /^src\/(simulator|app|cli|config|receiver|processor|reconcile|(crm|memory|engines)\/(?!redis)[^.]+$|.*\.test\.ts$)|^test\/contracts\/(thread|.*\.test\.ts)/;

/** Far above the minute that all take on two cores. */
const TIER_MS_MAX = 600_000;

/**
 * Breaks the Redis engine's guarantees one at a time, in a copy of its source, and demands that the suite which holds the guarantee
 * notices. A mutant that survives means that a promise could be broken without a red test.
 */
redisTier("mutants of the redis engine", define, { timeoutMs: TIER_MS_MAX });

function define(): void {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());
  mutationTests(
    {
      engine: "src/engines/redis",
      parts: ["src", "scripts/generate-scripts.ts", "test/contracts", "test/redis"],
      unwanted: UNWANTED,
      suites: redisSuites(() => server.address),
    },
    [...DELIVERY_MUTANTS, ...CLAIM_MUTANTS, ...LETTER_MUTANTS, ...LEDGER_MUTANTS, ...PROCESS_MUTANTS],
  );
}
