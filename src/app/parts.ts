import { join } from "node:path";
import type { AccountSnapshot, MemoryDocument } from "../account.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Crm } from "../crm/crm.ts";
import { dataCentres } from "../crm/zoho/data-centres.ts";
import { createZohoCrm, type ZohoCrm } from "../crm/zoho/zoho-crm.ts";
import { type EmbeddedEngine, openEmbeddedEngine } from "../engines/embedded/embedded-engine.ts";
import { openThreadedEngine } from "../engines/embedded/threaded-engine.ts";
import { Fault } from "../faults.ts";
import { type Closeable, Lifecycle } from "../lifecycle.ts";
import type { Log } from "../log.ts";
import { renderDocument } from "../memory/document.ts";
import { openEmbeddedMemory } from "../memory/embedded/embedded-memory.ts";
import { defaultFieldPolicy, type FieldPolicy, parseFieldPolicy, policyFields } from "../memory/field-policy.ts";
import type { Memory } from "../memory/memory.ts";
import type { Observation } from "../processor/processor-deps.ts";
import type { Random } from "../random.ts";
import { makeDataDir } from "./data-dir.ts";
import { memoryOnUse } from "./memory-on-use.ts";

/** The longest time that joining events put an account's sync off, as a multiple of the debounce. */
const WAIT_PER_DEBOUNCE = 10;
/** Floor of that time: without a debounce nothing is put off, but a configured one may be tiny. */
const WAIT_MS_MIN = 1_000;

/** An account that keeps changing is synced about once a second: the first change at once, the next ones together. */
const REST_MS = 1_000;

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

/**
 * Opens engine and sink under the data folder, which is made if need be. A process that serves has its engine in a thread,
 * unless it brings a clock of its own, which cannot cross; any other opens the sink when it is first used. Throws Fault
 * STORE_UNAVAILABLE or STORE_INVALID.
 */
export async function openParts(
  config: Config,
  deps: AppDeps,
  { isServing = false }: { readonly isServing?: boolean } = {},
): Promise<Parts> {
  const policy = fieldPolicyOf(config);
  const lifecycle = new Lifecycle();
  try {
    makeDataDir(config.engine.dataDir);
    const options = {
      path: join(config.engine.dataDir, "engine.db"),
      log: deps.log,
      queue: {
        capacity: config.engine.capacity,
        dedupWindowMs: config.engine.dedupWindowMs,
        maxWaitMs: Math.max(WAIT_MS_MIN, config.processor.debounceMs * WAIT_PER_DEBOUNCE),
        restMs: REST_MS,
      },
    };
    const engine =
      isServing && deps.clock === systemClock
        ? await openThreadedEngine(options)
        : openEmbeddedEngine({ ...options, clock: deps.clock });
    lifecycle.add("engine", () => engine.close());
    const openMemory = () =>
      openEmbeddedMemory({ path: join(config.sink.dataDir, "memory.db"), clock: deps.clock, log: deps.log });
    const memory = isServing ? openMemory() : memoryOnUse(config.sink.kind, openMemory);
    lifecycle.add("memory", () => memory.close());
    const crm = openCrm(config, deps, { policy, engine });
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
  { policy, engine }: { readonly policy: FieldPolicy; readonly engine: EmbeddedEngine },
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
    tokens: engine.sealed,
    counters: (name, by) => engine.counters.add({ [name]: by }),
    extraFields: policyFields(policy),
    customModules: config.events.customModules,
  });
}
