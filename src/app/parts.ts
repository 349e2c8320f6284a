import { join } from "node:path";
import type { AccountSnapshot, MemoryDocument } from "../account.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Crm } from "../crm/crm.ts";
import { dataCentres } from "../crm/zoho/data-centres.ts";
import { createZohoCrm, type ZohoCrm } from "../crm/zoho/zoho-crm.ts";
import type { Engine } from "../engines/engine.ts";
import type { Spill } from "../engines/spill/spilling-queue.ts";
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
import { openEngine, type StoreServer } from "./engine.ts";
import { memoryOnUse } from "./memory-on-use.ts";
import { type Role, receives, works } from "./role.ts";

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
  readonly engine: Engine;
  /** Where the store is a server of its own. */
  readonly server: StoreServer | undefined;
  /** Takes deliveries also while the server is away. Present where there is one and this process receives. */
  readonly spill: Spill | undefined;
  readonly memory: Memory;
  /** Throws Fault CONFIG_INVALID on use where no credentials are configured. */
  readonly crm: Crm;
  readonly render: (snapshot: AccountSnapshot) => MemoryDocument;
}

/**
 * Opens engine and sink. A process with a role is there to stay; any other, and one that only receives, opens the sink when it
 * is first used. Throws Fault STORE_UNAVAILABLE or STORE_INVALID, but never because a server is away: what needs it throws then.
 */
export async function openParts(
  config: Config,
  deps: AppDeps,
  { role }: { readonly role?: Role } = {},
): Promise<Parts> {
  const policy = fieldPolicyOf(config);
  const lifecycle = new Lifecycle();
  try {
    const { engine, server } = await openEngine(config, deps, { role, lifecycle });
    const spill = receives(role) ? await spillOf(config, deps, engine) : undefined;
    if (spill !== undefined) lifecycle.add("spill", () => spill.close());
    const memory = await openMemory(config, deps, { engine, isWorking: works(role) });
    lifecycle.add("memory", () => memory.close());
    const crm = openCrm(config, deps, { policy, engine });
    lifecycle.add("crm", () => crm.close());
    return {
      engine,
      server,
      spill,
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

/** The sink. The embedded one is a file, which a process that works opens at once; Cognee is asked at the first call. */
async function openMemory(
  { sink }: Config,
  { clock, log }: AppDeps,
  { engine, isWorking }: { readonly engine: Engine; readonly isWorking: boolean },
): Promise<Memory> {
  if (sink.kind === "cognee") {
    const { openCogneeMemory } = await import("../memory/cognee/cognee-memory.ts"); // For those who have it only.
    const count = (deltas: Readonly<Record<string, number>>) => engine.counters.add(deltas);
    return openCogneeMemory({ ...sink, clock, log, notes: engine.sealed, count });
  }
  const open = () => {
    makeDataDir(sink.dataDir);
    return openEmbeddedMemory({ path: join(sink.dataDir, "memory.db"), clock, log });
  };
  return isWorking ? open() : memoryOnUse(sink.kind, open);
}

/** The file that takes deliveries while Redis is away; the embedded engine is itself one. */
async function spillOf({ engine: config }: Config, deps: AppDeps, engine: Engine): Promise<Spill | undefined> {
  if (config.kind === "embedded") return undefined;
  makeDataDir(config.dataDir);
  const { openSpillSlots } = await import("./spill-slots.ts"); // For processes on Redis only.
  return openSpillSlots({
    folder: config.dataDir,
    bytesMax: config.spillBytesMax,
    store: engine.queue,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    counters: engine.counters,
  });
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
  { policy, engine }: { readonly policy: FieldPolicy; readonly engine: Engine },
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
