import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AccountSnapshot, MemoryDocument } from "../account.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Counters } from "../counters.ts";
import type { Crm } from "../crm/crm.ts";
import { dataCentres } from "../crm/zoho/data-centres.ts";
import { createZohoCrm, type ZohoCrm } from "../crm/zoho/zoho-crm.ts";
import { type EmbeddedEngine, openEmbeddedEngine } from "../engines/embedded/embedded-engine.ts";
import { Fault } from "../faults.ts";
import { type Closeable, Lifecycle } from "../lifecycle.ts";
import type { Log } from "../log.ts";
import { renderDocument } from "../memory/document.ts";
import { openEmbeddedMemory } from "../memory/embedded/embedded-memory.ts";
import { defaultFieldPolicy, type FieldPolicy, parseFieldPolicy, policyFields } from "../memory/field-policy.ts";
import type { Memory } from "../memory/memory.ts";
import type { Observation } from "../processor/processor-deps.ts";
import type { Random } from "../random.ts";

/** The longest time that joining events put an account's sync off, as a multiple of the debounce. */
const WAIT_PER_DEBOUNCE = 10;
/** Floor of that time: without a debounce nothing is put off, but a configured one may be tiny. */
const WAIT_MS_MIN = 1_000;

/** What every part is built with. */
export interface AppDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told what is measured, besides Prometheus. */
  readonly observe?: (name: Observation, ms: number) => void;
}

/** The adapters of one configuration, opened: what a command beside a running service works with. */
export interface Parts extends Closeable {
  readonly engine: EmbeddedEngine;
  readonly memory: Memory;
  /** Throws Fault CONFIG_INVALID on use where no credentials are configured. */
  readonly crm: Crm;
  readonly render: (snapshot: AccountSnapshot) => MemoryDocument;
}

/** Opens engine and sink under the data folder, which is made if need be. Throws Fault STORE_UNAVAILABLE or STORE_INVALID. */
export async function openParts(config: Config, deps: AppDeps): Promise<Parts> {
  const policy = fieldPolicyOf(config);
  const lifecycle = new Lifecycle();
  try {
    makeDataDir(config.engine.dataDir);
    const engine = openEmbeddedEngine({
      path: join(config.engine.dataDir, "engine.db"),
      clock: deps.clock,
      log: deps.log,
      queue: {
        capacity: config.engine.capacity,
        dedupWindowMs: config.engine.dedupWindowMs,
        maxWaitMs: Math.max(WAIT_MS_MIN, config.processor.debounceMs * WAIT_PER_DEBOUNCE),
      },
    });
    lifecycle.add("engine", () => engine.close());
    const memory = openEmbeddedMemory({
      path: join(config.sink.dataDir, "memory.db"),
      clock: deps.clock,
      log: deps.log,
    });
    lifecycle.add("memory", () => memory.close());
    const crm = openCrm(config, deps, { policy, counters: engine.counters });
    lifecycle.add("crm", () => crm.close());
    return {
      engine,
      memory,
      crm,
      render: (snapshot) => renderDocument(snapshot, policy),
      close: () => lifecycle.close(),
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

/** The policy as configured. Throws Fault CONFIG_INVALID, which names every problem. */
export function fieldPolicyOf(config: Config): FieldPolicy {
  const { fieldPolicy, fieldPolicySalt } = config.sink;
  if (fieldPolicy === undefined) return defaultFieldPolicy;
  if (fieldPolicySalt === undefined && /\bhash:/.test(fieldPolicy)) {
    throw new Fault("CONFIG_INVALID", "reading FIELD_POLICY (a hash rule needs FIELD_POLICY_SALT)");
  }
  const read = parseFieldPolicy(fieldPolicy, {
    salt: fieldPolicySalt ?? "",
    customModules: config.events.customModules.map(({ module }) => module),
  });
  if (read.outcome === "read") return read.policy;
  throw new Fault("CONFIG_INVALID", `reading FIELD_POLICY (${read.problems.join("; ")})`);
}

function openCrm(
  config: Config,
  deps: AppDeps,
  { policy, counters }: { readonly policy: FieldPolicy; readonly counters: Counters },
): ZohoCrm {
  const { zoho } = config;
  const hosts = dataCentres[zoho.dataCentre];
  return createZohoCrm({
    apiUrl: zoho.apiUrl ?? hosts.apiUrl,
    accountsUrl: zoho.accountsUrl ?? hosts.accountsUrl,
    clientId: zoho.credentials?.clientId ?? "",
    clientSecret: zoho.credentials?.clientSecret ?? "",
    refreshToken: zoho.credentials?.refreshToken ?? "",
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    counters: (name, by) => counters.add({ [name]: by }),
    extraFields: policyFields(policy),
    customModules: config.events.customModules,
  });
}

/** Readable by its owner only: the engine's file holds channel tokens, the memory holds customers. */
function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Fault("STORE_UNAVAILABLE", "making DATA_DIR", { cause: error });
  }
}
