import type { StoreSurvey } from "./survey.ts";

/** What one setting means for events that were acknowledged. */
export interface StoreFinding {
  /** Names the setting: `version`, `persistence`, `replication`, `eviction`, `memory`, `role`, `clock`, `cluster`. */
  readonly check: string;
  /** `refuse` = the store can lose what was acknowledged while all goes well, or cannot be worked with. */
  readonly severity: "ok" | "warn" | "refuse";
  readonly detail: string;
  /** What to do; empty when it is well. */
  readonly todo: string;
}

/** Oldest version that has every command and rule our scripts rely on. */
const VERSION_MIN = [6, 2] as const;
/** A skew that shows in times people read. */
const SKEW_MS_MAX = 1_000;
/** Above this share of `maxmemory` a burst of deliveries ends in refusals. */
const MEMORY_SHARE_MAX = 0.9;

const JUDGES: readonly ((survey: StoreSurvey) => StoreFinding | undefined)[] = [
  judgeVersion,
  judgePersistence,
  judgeReplication,
  judgeEviction,
  judgeMemory,
  judgeRole,
  judgeClock,
  judgeCluster,
];

/** Says what a survey means for the promise that nothing acknowledged is lost. One finding a check. */
export function judgeStore(survey: StoreSurvey): readonly StoreFinding[] {
  return JUDGES.map((judge) => judge(survey)).filter((finding) => finding !== undefined);
}

function judgeVersion({ kind, version, redisVersion }: StoreSurvey): StoreFinding {
  const check = "version";
  if (redisVersion === undefined) return unseen(check, "the server does not tell its version");
  const [major = 0, minor = 0] = redisVersion.split(".").map(Number);
  const isOld = major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]);
  const name = kind === "valkey" ? "Valkey" : "Redis";
  if (!isOld) return ok(check, `${name} ${version}`);
  return refuse(check, `${name} ${version} is older than 6.2`, "use Redis 6.2 or later, or Valkey");
}

function judgePersistence({ appendonly, appendfsync, isAppendWritten, save }: StoreSurvey): StoreFinding {
  const check = "persistence";
  const todo = "set appendonly yes, and appendfsync always or everysec";
  if (appendonly === undefined) return unseen(check, "the server does not tell whether it writes an append-only file");
  if (!appendonly) {
    if (save === undefined)
      return warn(check, "no append-only file: a restart of Redis loses acknowledged events", todo);
    if (save === "") return warn(check, "nothing is written to disk: a restart of Redis loses every event", todo);
    return warn(
      check,
      `snapshots only (save ${save}): a crash of Redis loses all since the last one, minutes of acknowledged events`,
      todo,
    );
  }
  if (isAppendWritten === false)
    return warn(
      check,
      "the append-only file could not be written: Redis refuses writes until it can",
      "look at the disk of the server, and at its log",
    );
  switch (appendfsync) {
    case "always":
      return ok(check, "append-only file, appendfsync always: an acknowledged event is on disk");
    case "everysec":
      return ok(
        check,
        "append-only file, appendfsync everysec: a crash of Redis loses nothing, a power cut the last 1 to 2 s",
      );
    case "no":
      return warn(
        check,
        "append-only file, appendfsync no: a power cut loses what the system has not written, some 30 s",
        "set appendfsync always or everysec",
      );
    default:
      return unseen(check, "append-only file, but the server does not tell its appendfsync");
  }
}

/** Replication is asynchronous, so a replica that takes over lacks what the master took last: of a master cut off, all it still took. */
function judgeReplication({ replicas, replicasClose, replicasToWrite }: StoreSurvey): StoreFinding | undefined {
  const check = "replication";
  if ((replicas ?? 0) === 0 && (replicasToWrite ?? 0) === 0) return undefined;
  if (replicas === undefined) return unseen(check, "the server does not tell whether a replica follows it");
  const have = `${replicas} replica${replicas === 1 ? "" : "s"}`;
  if (replicasToWrite === undefined)
    return unseen(check, `${have}, and the server does not tell how many have to be close behind for a write`);
  const close = replicasClose ?? replicas;
  if (close < replicasToWrite)
    return warn(
      check,
      `${replicasToWrite} to write, and ${close} close behind: Redis refuses writes`,
      "look at the replicas, or lower min-replicas-to-write",
    );
  if (replicasToWrite > 0)
    return ok(check, `${have}, ${replicasToWrite} to write: a fail-over loses at most what that one lagged behind`);
  return warn(
    check,
    `${have}: a fail-over loses what was acknowledged and not replicated yet, and all that a master cut off still took`,
    "set min-replicas-to-write 1 and min-replicas-max-lag 10, or accept it",
  );
}

function judgeEviction({ maxmemoryPolicy, maxmemoryBytes }: StoreSurvey): StoreFinding {
  const check = "eviction";
  const todo = "set maxmemory-policy noeviction";
  if (maxmemoryPolicy === undefined) return unseen(check, "the server does not tell its maxmemory-policy");
  if (maxmemoryPolicy === "noeviction") return ok(check, "noeviction: a full Redis refuses, it drops nothing");
  const limit = maxmemoryBytes === 0 ? " as soon as maxmemory is set" : " when memory is full";
  if (maxmemoryPolicy.startsWith("allkeys-"))
    return refuse(check, `${maxmemoryPolicy} drops keys of the queue, and events with them,${limit}`, todo);
  return warn(
    check,
    `${maxmemoryPolicy} drops keys with an expiry${limit}: none of memhook's that hold events has one`,
    todo,
  );
}

function judgeMemory({ usedMemoryBytes, maxmemoryBytes }: StoreSurvey): StoreFinding | undefined {
  if (usedMemoryBytes === undefined || maxmemoryBytes === undefined) return undefined;
  const used = `${Math.ceil(usedMemoryBytes / 1e6)} MB`;
  if (maxmemoryBytes === 0) return ok("memory", `${used} used, no limit set`);
  const detail = `${used} of ${Math.ceil(maxmemoryBytes / 1e6)} MB used`;
  if (usedMemoryBytes <= MEMORY_SHARE_MAX * maxmemoryBytes) return ok("memory", detail);
  return warn("memory", `${detail}: at the limit deliveries go to the spill file, then are refused`, "raise maxmemory");
}

function judgeRole({ role }: StoreSurvey): StoreFinding | undefined {
  if (role === undefined) return undefined;
  if (role === "master") return ok("role", "master");
  return refuse("role", `the server is a ${role}: it takes no writes`, "name the master, or its sentinels");
}

function judgeClock({ clockSkewMs }: StoreSurvey): StoreFinding | undefined {
  if (clockSkewMs === undefined) return undefined;
  const apart = `the server's clock is ${Math.abs(clockSkewMs)} ms ${clockSkewMs < 0 ? "behind" : "ahead of"} ours`;
  return Math.abs(clockSkewMs) <= SKEW_MS_MAX
    ? ok("clock", apart)
    : warn("clock", `${apart}: times of events and leases read wrong`, "keep both clocks in step (NTP)");
}

function judgeCluster({ clusterState }: StoreSurvey): StoreFinding | undefined {
  if (clusterState === undefined) return undefined;
  if (clusterState === "ok") return ok("cluster", "all slots are served");
  return warn("cluster", `the cluster's state is ${clusterState}`, "look at CLUSTER INFO");
}

function ok(check: string, detail: string): StoreFinding {
  return { check, severity: "ok", detail, todo: "" };
}

function warn(check: string, detail: string, todo: string): StoreFinding {
  return { check, severity: "warn", detail, todo };
}

function refuse(check: string, detail: string, todo: string): StoreFinding {
  return { check, severity: "refuse", detail, todo };
}

/** What cannot be seen has to be asked of whoever runs the server. */
function unseen(check: string, detail: string): StoreFinding {
  return warn(
    check,
    detail,
    "ask your provider; memhook needs appendonly yes and maxmemory-policy noeviction, and min-replicas-to-write 1 where a replica may take over",
  );
}
