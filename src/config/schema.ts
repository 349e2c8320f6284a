import { z } from "zod";
import { LOG_LEVELS } from "../log.ts";
import {
  cron,
  customModules,
  datasetName,
  deleteLimit,
  expectedOf,
  fieldNames,
  flag,
  hostPorts,
  instant,
  keyPrefix,
  oneOf,
  origin,
  redisUrl,
  seconds,
  signingSecret,
  text,
  token,
  wholeNumber,
} from "./value-kinds.ts";

/** The parts of the reference, in its order. */
export const GROUPS = ["Deliveries", "Work", "Zoho", "Memory", "Engine", "Reconcile", "Server"] as const;
export type Group = (typeof GROUPS)[number];

/** What is said about a variable besides its kind. */
interface VariableNotes {
  readonly group: Group;
  /** One or two sentences for an operator. */
  readonly about: string;
  /** As it would be written in the environment; absent = unset unless given. */
  readonly default?: string;
  /** Shown as `set` or `unset`, never by value. */
  readonly isSecret?: true;
  /** Read and checked, but nothing of this release uses it yet. */
  readonly isForLater?: true;
}

const notes = z.registry<VariableNotes>();

/** Zoho's data centres by the code used here; the hosts belong to the Zoho client. */
export const DATA_CENTRES = ["us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk", "ae"] as const;

/** A month: nobody repeats a delivery later than that, and the memory of keys stays small. */
const EVENT_TTL_SECONDS_MAX = 2_592_000;
/** Some 40 GB of waiting events on the embedded engine: a bound, not a suggestion. */
const QUEUE_SIZE_MAX = 100_000_000;
/** As many ids as one COQL `in` takes. */
const BATCH_SIZE_MAX = 100;
/** The CRM allows far fewer calls at once; more workers only wait. */
const WORKERS_MAX = 64;
/** The longest backoff there is; a base beyond it would never be seen. */
const RETRY_DELAY_SECONDS_MAX = 30;
/** With 30 s at most between attempts, about an hour. */
const RETRIES_MAX = 100;
/** A memory that is a minute old is late. */
const DEBOUNCE_MS_MAX = 60_000;
/** Zoho takes no longer token on a channel. */
const CHANNEL_TOKEN_LENGTH_MAX = 50;

/** Some 270 million events that wait in a file: who has more waiting has lost Redis for days. */
const SPILL_MB_MAX = 100_000;

/** 64 bits and more, so that the digests of e-mail addresses cannot be tried out. */
const FIELD_POLICY_SALT_LENGTH_MIN = 16;

const deliveries = {
  WEBHOOK_ENABLED: flag().register(notes, {
    group: "Deliveries",
    about: "Whether `POST /webhooks/zoho` exists. Off, the queue is still worked on.",
    default: "true",
  }),
  WEBHOOK_SECRET: signingSecret().optional().register(notes, {
    group: "Deliveries",
    about:
      "Keys the signatures of signed events and Standard Webhooks. `memhook secrets generate` makes one of 64 characters.",
    isSecret: true,
  }),
  WEBHOOK_SECRET_PREVIOUS: signingSecret().optional().register(notes, {
    group: "Deliveries",
    about: "The secret before the last rotation, still accepted.",
    isSecret: true,
  }),
  WEBHOOK_SECRET_PREVIOUS_UNTIL: instant().optional().register(notes, {
    group: "Deliveries",
    about: "When the previous secret ends; without it, when the variable is removed. A time without an offset is UTC.",
  }),
  WEBHOOK_BASE_URL: origin().optional().register(notes, {
    group: "Deliveries",
    about:
      "Where Zoho reaches this server. Set, memhook opens and keeps a channel to `<base>/webhooks/zoho`; unset, none.",
  }),
  WEBHOOK_EVENT_TTL: seconds({ min: 1, max: EVENT_TTL_SECONDS_MAX }).register(notes, {
    group: "Deliveries",
    about: "Dedup window: how long an equal dedup key is a duplicate.",
    default: "3600",
  }),
  WEBHOOK_MAX_QUEUE_SIZE: wholeNumber({ min: 1, max: QUEUE_SIZE_MAX }).register(notes, {
    group: "Deliveries",
    about: "Unsettled events beyond which deliveries are refused with 503 and `Retry-After`.",
    default: "10000",
  }),
  ZOHO_NOTIFICATION_TOKEN: token(CHANNEL_TOKEN_LENGTH_MAX).optional().register(notes, {
    group: "Deliveries",
    about: "A token accepted in callbacks of any channel. Without it, only those of channels that memhook opened.",
    isSecret: true,
  }),
  CRITICAL_FIELDS: fieldNames().register(notes, {
    group: "Deliveries",
    about: "A change to one of these goes first, without debounce or filter.",
    default: "Account_Status,Health_Score,Owner,Annual_Revenue,Account_Type,Industry",
  }),
  EVENT_FILTER: fieldNames().optional().register(notes, {
    group: "Deliveries",
    about: "Updates that touch nothing but these fields are counted and ignored.",
  }),
  CUSTOM_MODULES: customModules().optional().register(notes, {
    group: "Deliveries",
    about: "Custom modules whose records belong to accounts.",
  }),
} as const;

const work = {
  WEBHOOK_NUM_WORKERS: wholeNumber({ min: 1, max: WORKERS_MAX }).register(notes, {
    group: "Work",
    about: "Batches of accounts synced at the same time.",
    default: "3",
  }),
  WEBHOOK_BATCH_SIZE: wholeNumber({ min: 1, max: BATCH_SIZE_MAX }).register(notes, {
    group: "Work",
    about: "Accounts claimed, read and written together.",
    default: "10",
  }),
  WEBHOOK_BATCH_TIMEOUT: seconds({ min: 0.05, max: 300 }).register(notes, {
    group: "Work",
    about: "Longest idle wait of a worker before it looks again. New work wakes it at once.",
    default: "5",
  }),
  WEBHOOK_MAX_RETRIES: wholeNumber({ min: 1, max: RETRIES_MAX }).register(notes, {
    group: "Work",
    about: "Attempts in all before an account's job becomes a dead letter. An outage spends none.",
    default: "3",
  }),
  WEBHOOK_RETRY_DELAY_BASE: seconds({ min: 0, max: RETRY_DELAY_SECONDS_MAX }).register(notes, {
    group: "Work",
    about: "Base of the exponential backoff with full jitter; its cap is 30 s.",
    default: "2",
  }),
  SYNC_DEBOUNCE_MS: wholeNumber({ min: 0, max: DEBOUNCE_MS_MAX }).register(notes, {
    group: "Work",
    about: "Milliseconds that an account's sync waits for further events. Critical ones do not wait.",
    default: "0",
  }),
} as const;

const zoho = {
  ZOHO_DATA_CENTER: oneOf(DATA_CENTRES).register(notes, {
    group: "Zoho",
    about: "Where the organisation's data lies; decides the hosts.",
    default: "us",
  }),
  ZOHO_CLIENT_ID: text("the client id of the Zoho API console").optional().register(notes, {
    group: "Zoho",
    about: "Needed, with the two below, by `serve` and `sync`.",
  }),
  ZOHO_CLIENT_SECRET: text("the client secret of the Zoho API console").optional().register(notes, {
    group: "Zoho",
    about: "Belongs to the client id.",
    isSecret: true,
  }),
  ZOHO_REFRESH_TOKEN: text("a refresh token of the client").optional().register(notes, {
    group: "Zoho",
    about: "Signs in for ever, until it is revoked.",
    isSecret: true,
  }),
  ZOHO_API_URL: origin().optional().register(notes, {
    group: "Zoho",
    about: "Overrides the data centre's API host; `/crm/v8/…` is appended.",
  }),
  ZOHO_ACCOUNTS_URL: origin().optional().register(notes, {
    group: "Zoho",
    about: "Overrides the data centre's sign-in host; `/oauth/v2/token` is appended.",
  }),
} as const;

const memory = {
  FIELD_POLICY: text("rules as docs/document.md describes them", { min: 1, max: 65_536 }).optional().register(notes, {
    group: "Memory",
    about: "What of a record may be stored: include, drop, mask or hash per module and field.",
  }),
  FIELD_POLICY_SALT: text("16 characters or more", { min: FIELD_POLICY_SALT_LENGTH_MIN, max: 1_024 })
    .optional()
    .register(notes, {
      group: "Memory",
      about:
        "Keys the digests of `hash` rules, so that nobody can guess their way back. Needed as soon as one is used.",
      isSecret: true,
    }),
  COGNEE_URL: origin().optional().register(notes, {
    group: "Memory",
    about: "Set = sink cognee, else embedded; `/api/v1/…` is appended.",
  }),
  COGNEE_API_KEY: text("an API key of Cognee").optional().register(notes, {
    group: "Memory",
    about: "Signs in to Cognee; or user name and password do.",
    isSecret: true,
  }),
  COGNEE_USERNAME: text("a user of Cognee").optional().register(notes, {
    group: "Memory",
    about: "Instead of a key, with the password.",
  }),
  COGNEE_PASSWORD: text("the user's password").optional().register(notes, {
    group: "Memory",
    about: "Belongs to the user name.",
    isSecret: true,
  }),
  COGNIFY_BUDGET_PER_HOUR: wholeNumber({ min: 1, max: 1_000_000 }).optional().register(notes, {
    group: "Memory",
    about:
      "Documents that may be written to Cognee within any hour; the rest waits. A bound on what its model costs. Unset = none.",
  }),
  COGNEE_DATASET: datasetName().register(notes, {
    group: "Memory",
    about:
      "The dataset that holds the documents; it keys the work of making them searchable. The embedded sink has one.",
    default: "zoho_crm",
  }),
  COGNEE_DATASET_PER: oneOf(["connection", "account"]).register(notes, {
    group: "Memory",
    about:
      "`account` = a dataset for each account, named behind `COGNEE_DATASET`: forgetting is certain by construction, and all else dearer (docs/cognee.md). After a change take another `COGNEE_DATASET`, and delete what the former one left.",
    default: "connection",
  }),
} as const;

const engine = {
  DATA_DIR: text("a folder").register(notes, {
    group: "Engine",
    about:
      "Where the embedded engine and sink, and the spill file of the Redis engine, keep their files. Made when it is not there.",
    default: "./data",
  }),
  REDIS_HOST: text("a host name or address", { min: 1, max: 253 }).optional().register(notes, {
    group: "Engine",
    about: "One of the three Redis addresses set = engine redis, else embedded.",
  }),
  REDIS_PORT: wholeNumber({ min: 1, max: 65_535 }).register(notes, {
    group: "Engine",
    about: "Belongs to `REDIS_HOST`.",
    default: "6379",
  }),
  REDIS_PASSWORD: text("the password of Redis").optional().register(notes, {
    group: "Engine",
    about: "Signs in to `REDIS_HOST` or `REDIS_CLUSTER_NODES`; `REDIS_URL` has its own inside.",
    isSecret: true,
  }),
  REDIS_DB: wholeNumber({ min: 0, max: 65_535 }).register(notes, {
    group: "Engine",
    about: "The database's number, beside `REDIS_HOST`; a cluster has 0 only.",
    default: "0",
  }),
  REDIS_URL: redisUrl().optional().register(notes, {
    group: "Engine",
    about:
      "Instead of `REDIS_HOST`: with TLS (`rediss:`), a user name, or Sentinel. `%` encodes what is special in a password.",
    isSecret: true,
  }),
  REDIS_CLUSTER_NODES: hostPorts().optional().register(notes, {
    group: "Engine",
    about: "Instead of `REDIS_HOST`: some nodes of a cluster; the others are found by them.",
  }),
  REDIS_KEY_PREFIX: keyPrefix().register(notes, {
    group: "Engine",
    about: "Begins every key. Two installations on one Redis have two.",
    default: "memhook",
  }),
  REDIS_ALLOW_EVICTION: flag().register(notes, {
    group: "Engine",
    about: "Start although the eviction policy of Redis can drop keys of the queue, and events with them.",
    default: "false",
  }),
  SPILL_MAX_MB: wholeNumber({ min: 1, max: SPILL_MB_MAX }).register(notes, {
    group: "Engine",
    about:
      "Megabytes of the file in `DATA_DIR` that takes deliveries while Redis is away: 256 are about 700,000 events. Full, they are refused with 503.",
    default: "256",
  }),
} as const;

const reconcile = {
  RECONCILE_CRON: cron().register(notes, {
    group: "Reconcile",
    about: "When the full comparison runs, in UTC.",
    default: "0 3 * * *",
    isForLater: true,
  }),
  NOTES_POLL_SECONDS: seconds({ min: 1, max: 86_400 }).register(notes, {
    group: "Reconcile",
    about: "How often changed Notes are asked for; they have no push.",
    default: "120",
    isForLater: true,
  }),
  MASS_DELETE_LIMIT: deleteLimit().register(notes, {
    group: "Reconcile",
    about: "A pass that would forget more than this stops and asks.",
    default: "5%",
    isForLater: true,
  }),
} as const;

const server = {
  HOST: text("an address or host name to listen on", { min: 1, max: 253 }).register(notes, {
    group: "Server",
    about: "The address listened on.",
    default: "0.0.0.0",
  }),
  PORT: wholeNumber({ min: 0, max: 65_535 }).register(notes, {
    group: "Server",
    about: "The port listened on; 0 takes a free one and logs it.",
    default: "8000",
  }),
  ADMIN_TOKEN: token().optional().register(notes, {
    group: "Server",
    about: "Opens `/api/v1` as a bearer token. Without it: loopback only, with a token printed at start.",
    isSecret: true,
  }),
  LOG_LEVEL: oneOf(LOG_LEVELS).register(notes, {
    group: "Server",
    about:
      "How much is logged, as JSON lines on standard error. `info` has a line per attempt and per refused delivery; `debug` also one per accepted delivery.",
    default: "info",
  }),
} as const;

/** Every variable memhook reads: text in, values out. Defaults are filled in before, from the notes. */
export const environmentSchema = z.object({
  ...deliveries,
  ...work,
  ...zoho,
  ...memory,
  ...engine,
  ...reconcile,
  ...server,
});

/** The environment after parsing, by name. */
export type Environment = z.output<typeof environmentSchema>;
export type VariableName = keyof Environment;

/** A variable as the summary and the reference show it. */
export interface Variable {
  readonly name: string;
  readonly group: Group;
  readonly about: string;
  readonly expected: string;
  readonly default: string | undefined;
  readonly isSecret: boolean;
  readonly isForLater: boolean;
}

/** All variables in the order of the reference. */
export function variables(): readonly Variable[] {
  return Object.entries(environmentSchema.shape).map(([name, schema]) => {
    const found = notes.get(schema);
    return {
      name,
      group: found?.group ?? "Server",
      about: found?.about ?? "",
      expected: expectedOf(schema),
      default: found?.default,
      isSecret: found?.isSecret === true,
      isForLater: found?.isForLater === true,
    };
  });
}
