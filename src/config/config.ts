import { resolve } from "node:path";
import type { LogLevel } from "../log.ts";
import type { RedisAddress } from "../redis-address.ts";
import type { Environment } from "./schema.ts";

const BYTES_PER_MB = 1_000_000;

/** Who may deliver, and where from. */
export interface WebhookConfig {
  readonly isEnabled: boolean;
  readonly secrets: {
    readonly current?: string;
    /** `until` is epoch milliseconds; absent = until it is taken out of the configuration. */
    readonly previous?: { readonly secret: string; readonly until?: number };
  };
  /** Accepted on any channel id. */
  readonly notificationToken?: string;
  /** An origin; present = memhook keeps a channel to it. */
  readonly baseUrl?: string;
}

/** What is done with an event by its module and fields. */
export interface EventsConfig {
  /** `Module.Field`: a change to one makes an event urgent and forced. */
  readonly criticalFields: readonly string[];
  /** `Module.Field`: updates that touch nothing else are ignored. */
  readonly ignoredFields: readonly string[];
  readonly customModules: readonly { readonly module: string; readonly accountField: string }[];
}

/** What queue, ledger, channels and counters are kept in. */
export type EngineConfig = EmbeddedEngineConfig | RedisEngineConfig;

interface EngineBounds {
  readonly capacity: number;
  readonly dedupWindowMs: number;
}

/** One file, no server. */
export interface EmbeddedEngineConfig extends EngineBounds {
  readonly kind: "embedded";
  /** Absolute. */
  readonly dataDir: string;
}

/** Redis or Valkey, for any number of processes. */
export interface RedisEngineConfig extends EngineBounds {
  readonly kind: "redis";
  readonly address: RedisAddress;
  readonly keyPrefix: string;
  /** Start although the eviction policy can drop the queue's keys. */
  readonly isEvictionAllowed: boolean;
  /** Absolute; holds what this process keeps for itself: its spill file. */
  readonly dataDir: string;
  /** Bound of the spill file. */
  readonly spillBytesMax: number;
}

/** How work is done. */
export interface ProcessorConfig {
  readonly workers: number;
  readonly batchSize: number;
  readonly idleMs: number;
  readonly attemptsMax: number;
  readonly retryBaseMs: number;
  readonly debounceMs: number;
}

/** How Zoho is reached. */
export interface ZohoConfig {
  readonly dataCentre: Environment["ZOHO_DATA_CENTER"];
  /** Origins that override the data centre's hosts. */
  readonly apiUrl?: string;
  readonly accountsUrl?: string;
  /** Absent = commands that need no CRM still work; see `missingCredentials`. */
  readonly credentials?: { readonly clientId: string; readonly clientSecret: string; readonly refreshToken: string };
}

/** As whom to call Cognee. A key wins over a user. */
export type CogneeSignIn = { readonly apiKey: string } | { readonly username: string; readonly password: string };

/** Where documents go. */
export type SinkConfig = DocumentsConfig &
  (
    | { readonly kind: "embedded" }
    | {
        readonly kind: "cognee";
        /** An origin. */
        readonly url: string;
        /** Secrets. */
        readonly credentials: CogneeSignIn;
        readonly budgetPerHour?: number;
        /** A dataset for each account, not one for all. */
        readonly isPerAccount: boolean;
      }
  );

/** What is made of accounts, for whichever sink. */
export interface DocumentsConfig {
  /** Absolute. */
  readonly dataDir: string;
  /** The dataset's name, and so the key of its index job. */
  readonly dataset: string;
  /** The rules as written, for the memory room to parse; absent = the default policy. */
  readonly fieldPolicy?: string;
  /** Keys the digests of `hash` rules. A secret. */
  readonly fieldPolicySalt?: string;
}

/** How the memory is compared with the CRM. */
export interface ReconcileConfig {
  readonly cron: string;
  readonly notesPollMs: number;
  readonly massDeleteLimit: Environment["MASS_DELETE_LIMIT"];
}

/** The HTTP server. */
export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** Absent = operators' routes answer to loopback only, with a token printed at start. */
  readonly adminToken?: string;
}

/** The whole configuration, frozen. It is handed down in pieces: no room sees settings that it does not use. */
export interface Config {
  readonly webhook: WebhookConfig;
  readonly events: EventsConfig;
  readonly engine: EngineConfig;
  readonly processor: ProcessorConfig;
  readonly zoho: ZohoConfig;
  readonly sink: SinkConfig;
  readonly reconcile: ReconcileConfig;
  readonly http: HttpConfig;
  readonly log: { readonly level: LogLevel };
}

/** Makes the configuration of an environment that has no problems. Relative folders start at `cwd`. */
export function assembleConfig(env: Environment, cwd: string): Config {
  const dataDir = resolve(cwd, env.DATA_DIR);
  return deepFreeze({
    webhook: webhookConfig(env),
    events: {
      criticalFields: env.CRITICAL_FIELDS,
      ignoredFields: env.EVENT_FILTER ?? [],
      customModules: env.CUSTOM_MODULES ?? [],
    },
    engine: engineConfig(env, dataDir),
    processor: {
      workers: env.WEBHOOK_NUM_WORKERS,
      batchSize: env.WEBHOOK_BATCH_SIZE,
      idleMs: env.WEBHOOK_BATCH_TIMEOUT,
      attemptsMax: env.WEBHOOK_MAX_RETRIES,
      retryBaseMs: env.WEBHOOK_RETRY_DELAY_BASE,
      debounceMs: env.SYNC_DEBOUNCE_MS,
    },
    zoho: zohoConfig(env),
    sink: {
      ...sinkKind(env),
      dataDir,
      dataset: env.COGNEE_DATASET,
      ...given({ fieldPolicy: env.FIELD_POLICY, fieldPolicySalt: env.FIELD_POLICY_SALT }),
    },
    reconcile: {
      cron: env.RECONCILE_CRON,
      notesPollMs: env.NOTES_POLL_SECONDS,
      massDeleteLimit: env.MASS_DELETE_LIMIT,
    },
    http: { host: env.HOST, port: env.PORT, ...given({ adminToken: env.ADMIN_TOKEN }) },
    log: { level: env.LOG_LEVEL },
  });
}

function sinkKind(env: Environment) {
  const { COGNEE_URL: url, COGNEE_API_KEY: apiKey, COGNEE_USERNAME: username, COGNEE_PASSWORD: password } = env;
  if (url === undefined) return { kind: "embedded" } as const;
  // The cross checks want one of the two.
  const credentials = apiKey === undefined ? { username: username ?? "", password: password ?? "" } : { apiKey };
  const isPerAccount = env.COGNEE_DATASET_PER === "account";
  return {
    ...({ kind: "cognee", url, credentials, isPerAccount } as const),
    ...given({ budgetPerHour: env.COGNIFY_BUDGET_PER_HOUR }),
  };
}

function engineConfig(env: Environment, dataDir: string): EngineConfig {
  const bounds = { capacity: env.WEBHOOK_MAX_QUEUE_SIZE, dedupWindowMs: env.WEBHOOK_EVENT_TTL };
  const address = redisAddress(env);
  if (address === undefined) return { kind: "embedded", dataDir, ...bounds };
  return {
    kind: "redis",
    address,
    keyPrefix: env.REDIS_KEY_PREFIX,
    isEvictionAllowed: env.REDIS_ALLOW_EVICTION,
    dataDir,
    spillBytesMax: env.SPILL_MAX_MB * BYTES_PER_MB,
    ...bounds,
  };
}

/** The one address that is given; the cross checks refuse a second. */
function redisAddress(env: Environment): RedisAddress | undefined {
  const { REDIS_HOST: host, REDIS_PORT: port, REDIS_DB: db, REDIS_URL: url, REDIS_CLUSTER_NODES: nodes } = env;
  const password = given({ password: env.REDIS_PASSWORD });
  if (url !== undefined) return url;
  if (nodes !== undefined) return { kind: "cluster", nodes, ...password, tls: false };
  return host === undefined ? undefined : { kind: "single", host, port, ...password, db, tls: false };
}

function webhookConfig(env: Environment): WebhookConfig {
  const secret = env.WEBHOOK_SECRET_PREVIOUS;
  const previous =
    secret === undefined ? undefined : { secret, ...given({ until: env.WEBHOOK_SECRET_PREVIOUS_UNTIL }) };
  return {
    isEnabled: env.WEBHOOK_ENABLED,
    secrets: given({ current: env.WEBHOOK_SECRET, previous }),
    ...given({ notificationToken: env.ZOHO_NOTIFICATION_TOKEN, baseUrl: env.WEBHOOK_BASE_URL }),
  };
}

function zohoConfig(env: Environment): ZohoConfig {
  const [clientId, clientSecret, refreshToken] = [env.ZOHO_CLIENT_ID, env.ZOHO_CLIENT_SECRET, env.ZOHO_REFRESH_TOKEN];
  const isComplete = clientId !== undefined && clientSecret !== undefined && refreshToken !== undefined;
  return {
    dataCentre: env.ZOHO_DATA_CENTER,
    ...given({
      apiUrl: env.ZOHO_API_URL,
      accountsUrl: env.ZOHO_ACCOUNTS_URL,
      credentials: isComplete ? { clientId, clientSecret, refreshToken } : undefined,
    }),
  };
}

type Given<Values> = { readonly [Name in keyof Values]?: Exclude<Values[Name], undefined> };

/** The properties that have a value: an absent setting is an absent property. */
function given<Values extends object>(values: Values): Given<Values> {
  // Proved by the filter: what is left has a value, and what is missing is optional in Given.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<Values>;
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
