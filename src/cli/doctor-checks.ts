import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { canAuthenticate, isWeakSecret, type Warning } from "../config/cross-checks.ts";
import { asFault, type FaultCode } from "../faults.ts";
import { advice } from "./advice.ts";
import { answered } from "./answered.ts";
import { isoTime } from "./event-view.ts";
import { nodeProblem } from "./node-version.ts";
import type { CommandIo, Parts } from "./parts.ts";
import { freeBytes, proveWritable, storeDamage, storeFiles } from "./store-files.ts";

/** What one check found: `warn` works and may not for long, `fail` does not work. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do; empty when all is well. */
  readonly todo: string;
}

/** Below this a busy queue fills the disk within minutes. */
const FREE_BYTES_MIN = 100 * 1_024 * 1_024;
/** Below this a long outage may fill it. */
const FREE_BYTES_LOW = 1_024 * 1_024 * 1_024;
/** When this release was made: a clock before it is wrong, and signatures and expiries with it. */
const CLOCK_MIN = Date.UTC(2026, 0, 1);
/** Longest wait for one answer from outside. */
const PROBE_TIMEOUT_MS = 15_000;
/** Longest wait for the memory: Cognee tests its model for up to 30 s (measured), and each of the calls beside it takes 1.7 s at worst. */
const MEMORY_TIMEOUT_MS = 45_000;
/** What opening, renewing and listing channels takes. */
const CHANNEL_SCOPE = "ZohoCRM.notifications.ALL";
/** A queue this full refuses deliveries soon. */
const UTILIZATION_HIGH = 0.8;

/** A finding that all is well. */
export function fine(check: string, detail: string): Finding {
  return { check, result: "ok", detail, todo: "" };
}

/** The findings that need no store and no network. */
export function machineFindings(io: CommandIo, config: Config, warnings: readonly Warning[]): readonly Finding[] {
  return [
    nodeFinding(),
    ...warnings.map(({ name, message }) => ({
      check: "configuration",
      result: "warn" as const,
      detail: `${name}: ${message}`,
      todo: "see docs/configuration.md",
    })),
    clockFinding(io.clock.now()),
    ...secretFindings(config, io.clock.now()),
    ...folderFindings(config.engine.dataDir),
    ...storeFindings(config.engine.dataDir),
  ];
}

/** The findings about the parts, and what stands behind them. */
export async function partFindings(io: CommandIo, config: Config, parts: Parts): Promise<readonly Finding[]> {
  const crm = await crmFinding(io, parts);
  return [
    ...(await serverFindings(parts)),
    await queueFinding(parts),
    crm,
    ...(crm.result === "ok" ? await permissionFindings(io, config, parts) : []),
    await probed(io, {
      check: "memory",
      detail: `the ${parts.memory.kind} sink can be written${placeOf(config)}`,
      away: "SINK_UNREACHABLE",
      timeoutMs: MEMORY_TIMEOUT_MS,
      probe: (signal) => parts.memory.probe(signal, { isThorough: true }),
    }),
    ...(await channelFindings(io, parts)),
    // Last: on one machine, asking when no service runs takes the worker lock until the parts are closed.
    await serviceFinding(config, parts),
  ];
}

/** Where a sink that is a server keeps the documents. */
function placeOf({ sink }: Config): string {
  if (sink.kind !== "cognee") return "";
  return `: ${sink.isPerAccount ? `a dataset for each account, ${sink.dataset}-…` : `dataset ${sink.dataset}`} at ${sink.url}`;
}

/** What an error means for a check. */
export function failure(check: string, error: unknown): Finding {
  const fault = asFault(error, check);
  return { check, result: "fail", detail: `${fault.code}: ${fault.message}`, todo: advice[fault.code] };
}

function nodeFinding(): Finding {
  const { node, sqlite } = process.versions;
  const problem = nodeProblem({ node, sqlite });
  if (problem === undefined) return fine("node", `Node ${node}, SQLite ${sqlite}`);
  return { check: "node", result: "fail", detail: problem, todo: "install a newer Node" };
}

function clockFinding(now: number): Finding {
  if (now >= CLOCK_MIN) return fine("clock", isoTime(now));
  return {
    check: "clock",
    result: "fail",
    detail: `the clock says ${isoTime(now)}`,
    todo: "set the machine's clock (NTP)",
  };
}

function secretFindings(config: Config, now: number): readonly Finding[] {
  const { webhook } = config;
  const check = "authentication";
  if (!webhook.isEnabled) return [fine(check, "deliveries are switched off (WEBHOOK_ENABLED)")];
  const findings: Finding[] = [];
  if (!canAuthenticate(webhook)) {
    const todo = "set WEBHOOK_SECRET, ZOHO_NOTIFICATION_TOKEN or WEBHOOK_BASE_URL";
    return [{ check, result: "fail", detail: "nothing can authenticate a delivery: every one will be refused", todo }];
  }
  const ways = [
    ...(webhook.secrets.current === undefined ? [] : ["signatures"]),
    ...(webhook.notificationToken === undefined ? [] : ["the notification token"]),
    ...(webhook.baseUrl === undefined ? [] : ["tokens of own channels"]),
    ...(webhook.secrets.previous === undefined ? [] : ["signatures by the previous secret"]),
  ];
  findings.push(fine(check, `by ${ways.join(", ")}`));
  if (isWeakSecret(webhook.secrets.current)) {
    findings.push({
      check: "secret",
      result: "warn",
      detail: "WEBHOOK_SECRET is short",
      todo: "memhook secrets generate, then rotate",
    });
  }
  const until = webhook.secrets.previous?.until;
  if (until !== undefined && until <= now) {
    const detail = `the previous secret ended at ${isoTime(until)}`;
    findings.push({ check: "secret", result: "warn", detail, todo: "unset WEBHOOK_SECRET_PREVIOUS" });
  }
  return findings;
}

function folderFindings(folder: string): readonly Finding[] {
  try {
    proveWritable(folder);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const todo = "give this user the right to write there, or set DATA_DIR";
    return [{ check: "data folder", result: "fail", detail: error.message, todo }];
  }
  const free = freeBytes(folder);
  const detail = `${folder}, ${Math.round(free / 1_048_576)} MiB free`;
  if (free >= FREE_BYTES_LOW) return [fine("data folder", detail)];
  return [{ check: "data folder", result: free < FREE_BYTES_MIN ? "fail" : "warn", detail, todo: "free some space" }];
}

function storeFindings(folder: string): readonly Finding[] {
  return storeFiles(folder).map((name) => {
    const check = `store ${name}`;
    try {
      const damage = storeDamage(join(folder, name));
      if (damage === undefined) return fine(check, "quick_check ok");
      return { check, result: "fail", detail: damage, todo: advice.STORE_INVALID };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { check, result: "fail", detail: error.message, todo: advice.STORE_UNAVAILABLE };
    }
  });
}

/** What the settings of Redis mean for "nothing acknowledged is lost". */
async function serverFindings(parts: Parts): Promise<readonly Finding[]> {
  try {
    const findings = await parts.examineStore();
    return findings.map(({ check, severity, detail, todo }) => ({
      check: `redis ${check}`,
      result: severity === "refuse" ? "fail" : severity,
      detail,
      todo,
    }));
  } catch (error) {
    return [failure("redis", error)];
  }
}

async function queueFinding(parts: Parts): Promise<Finding> {
  const check = "queue";
  try {
    const stats = await parts.view.stats();
    const dead = Object.values(stats.lanes).reduce((sum, lane) => sum + lane.dead, 0);
    const detail = `${stats.size} unsettled, ${stats.events} of ${stats.capacity} events, ${dead} dead letters`;
    if (stats.events >= stats.capacity * UTILIZATION_HIGH) {
      return {
        check,
        result: "warn",
        detail,
        todo: "see what holds the work up; deliveries are refused when it is full",
      };
    }
    return dead === 0 ? fine(check, detail) : { check, result: "warn", detail, todo: "memhook dead-letters list" };
  } catch (error) {
    return failure(check, error);
  }
}

async function crmFinding(io: CommandIo, parts: Parts): Promise<Finding> {
  const { crm } = parts;
  if (crm === undefined) {
    const todo = "set ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN";
    return { check: "crm", result: "fail", detail: "no credentials: nothing can be synced", todo };
  }
  return probed(io, { check: "crm", detail: "signed in to Zoho", probe: (signal) => crm.probe(signal) });
}

/** Whether the token may look after channels, where the service is to keep one. */
async function permissionFindings(io: CommandIo, { webhook }: Config, { crm }: Parts): Promise<readonly Finding[]> {
  if (crm === undefined || webhook.baseUrl === undefined || !webhook.isEnabled) return [];
  const finding = await probed(io, {
    check: "channels",
    detail: "the token may list channels",
    probe: async (signal) => void (await crm.listChannels(signal)),
  });
  if (!finding.detail.startsWith("CRM_SCOPE_MISSING")) return [finding];
  return [{ ...finding, todo: `make a refresh token with the scope ${CHANNEL_SCOPE} besides, set it, restart` }];
}

async function serviceFinding({ engine }: Config, parts: Parts): Promise<Finding> {
  const check = "service";
  try {
    if (await parts.isServiceRunning()) return fine(check, "a process works on the queue");
  } catch (error) {
    return failure(check, error);
  }
  return {
    check,
    result: "warn",
    detail: "no process works on the queue: events wait",
    todo: engine.kind === "redis" ? "start one: memhook worker, or memhook serve" : "start it: memhook serve",
  };
}

async function channelFindings(io: CommandIo, parts: Parts): Promise<readonly Finding[]> {
  try {
    const channels = await parts.channels.list();
    return channels.map(({ channelId, expiresAt }) => {
      const check = `channel ${channelId}`;
      if (expiresAt > io.clock.now()) return fine(check, `open until ${isoTime(expiresAt)}`);
      const todo = "start the service: it opens the channel anew";
      return { check, result: "warn", detail: `expired at ${isoTime(expiresAt)}`, todo };
    });
  } catch (error) {
    return [failure("channels", error)];
  }
}

async function probed(
  io: CommandIo,
  what: {
    readonly check: string;
    readonly detail: string;
    /** Default: PROBE_TIMEOUT_MS. */
    readonly timeoutMs?: number;
    /** What it means that no answer comes; default: the CRM is away. */
    readonly away?: FaultCode;
    readonly probe: (signal: AbortSignal) => Promise<void>;
  },
): Promise<Finding> {
  try {
    const bound = { ms: what.timeoutMs ?? PROBE_TIMEOUT_MS, code: what.away ?? "CRM_UNREACHABLE", doing: what.check };
    await answered(io, bound, what.probe);
    return fine(what.check, what.detail);
  } catch (error) {
    return failure(what.check, error);
  }
}
