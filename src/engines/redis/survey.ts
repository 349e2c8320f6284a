import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { RedisConnection, Reply } from "./connection.ts";
import { ServerError } from "./server-error.ts";

/** What a server says of itself. Undefined = it does not say, as managed services often forbid CONFIG. */
export interface StoreSurvey {
  readonly kind: "redis" | "valkey" | undefined;
  /** Of Valkey its own version; what it is compatible with is `redisVersion`. */
  readonly version: string | undefined;
  readonly redisVersion: string | undefined;
  readonly role: string | undefined;
  readonly appendonly: boolean | undefined;
  readonly appendfsync: string | undefined;
  /** False = the append-only file could not be written when it was tried last; Redis refuses writes until it can. */
  readonly isAppendWritten: boolean | undefined;
  /** Snapshot rules as in `3600 1 300 100`; empty = none are taken. */
  readonly save: string | undefined;
  /** Replicas that follow the server, and how many have to be close behind for it to take a write; 0 = none has to. */
  readonly replicas: number | undefined;
  readonly replicasToWrite: number | undefined;
  /** Replicas that are close behind: told only where some have to be. */
  readonly replicasClose: number | undefined;
  /** 0 = as much as the machine has. */
  readonly maxmemoryBytes: number | undefined;
  readonly maxmemoryPolicy: string | undefined;
  readonly usedMemoryBytes: number | undefined;
  /** The server's clock minus ours, milliseconds, half of the round trip taken off. */
  readonly clockSkewMs: number | undefined;
  /** `ok` or `fail`; undefined also when the server is in no cluster. */
  readonly clusterState: string | undefined;
}

/** The settings that a survey reads. */
const SETTINGS = [
  "appendonly",
  "appendfsync",
  "save",
  "min-replicas-to-write",
  "min-replicas-max-lag",
  "maxmemory",
  "maxmemory-policy",
] as const;

/** Asks the server in charge about itself. Throws Fault STORE_UNAVAILABLE. */
export async function surveyStore(
  connection: Pick<RedisConnection, "call">,
  clock: Pick<Clock, "now">,
): Promise<StoreSurvey> {
  const ask = (command: string, args: readonly string[]) => unlessForbidden(connection.call(command, args));
  const clockSkewMs = await skewOf(() => ask("time", []), clock);
  const setting = async (name: (typeof SETTINGS)[number]) =>
    [name, textAt(await ask("config", ["get", name]), 1)] as const;
  const [infoText, cluster, ...read] = await Promise.all([
    ask("info", []),
    ask("cluster", ["info"]),
    ...SETTINGS.map(setting),
  ]);
  const settings = new Map<(typeof SETTINGS)[number], string | undefined>(read);
  const info = fieldsOf(infoText);
  const isValkey = info.has("valkey_version") || info.get("server_name") === "valkey";
  const redisVersion = info.get("redis_version");
  const aof = settings.get("appendonly") ?? info.get("aof_enabled");
  return {
    kind: info.size === 0 ? undefined : isValkey ? "valkey" : "redis",
    version: info.get("valkey_version") ?? redisVersion,
    redisVersion,
    role: info.get("role"),
    appendonly: aof === undefined ? undefined : aof === "yes" || aof === "1",
    appendfsync: settings.get("appendfsync"),
    isAppendWritten: isOk(info.get("aof_last_write_status")),
    save: settings.get("save"),
    replicas: numberOf(info.get("connected_slaves")),
    // A lag of 0 switches the rule off.
    replicasToWrite: numberOf(
      settings.get("min-replicas-max-lag") === "0" ? "0" : settings.get("min-replicas-to-write"),
    ),
    replicasClose: numberOf(info.get("min_slaves_good_slaves")),
    maxmemoryBytes: numberOf(settings.get("maxmemory") ?? info.get("maxmemory")),
    maxmemoryPolicy: settings.get("maxmemory-policy") ?? info.get("maxmemory_policy"),
    usedMemoryBytes: numberOf(info.get("used_memory")),
    clockSkewMs,
    clusterState: info.get("cluster_enabled") === "1" ? fieldsOf(cluster).get("cluster_state") : undefined,
  };
}

/** The reply, or undefined when the server does not know the command or forbids it. */
async function unlessForbidden(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply;
  } catch (error) {
    const isForbidden = error instanceof Fault && error.detail === "NOPERM";
    if (isForbidden || error instanceof ServerError) return undefined;
    throw error;
  }
}

async function skewOf(
  askTime: () => Promise<Reply | undefined>,
  clock: Pick<Clock, "now">,
): Promise<number | undefined> {
  const before = clock.now();
  const reply = await askTime();
  const after = clock.now();
  const seconds = numberOf(textAt(reply, 0));
  const micros = numberOf(textAt(reply, 1));
  if (seconds === undefined || micros === undefined) return undefined;
  return Math.round(seconds * 1_000 + micros / 1_000 - (before + after) / 2);
}

function textAt(reply: Reply | undefined, index: number): string | undefined {
  const text = Array.isArray(reply) ? reply[index] : undefined;
  return Buffer.isBuffer(text) ? text.toString() : undefined;
}

function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

function isOk(status: string | undefined): boolean | undefined {
  return status === undefined ? undefined : status === "ok";
}

/** The lines `name:value` of INFO. */
function fieldsOf(reply: Reply | undefined): ReadonlyMap<string, string> {
  const text = Buffer.isBuffer(reply) ? reply.toString() : "";
  return new Map([...text.matchAll(/^([a-z_]+):(.*?)\r?$/gm)].map(([, name = "", value = ""]) => [name, value]));
}
