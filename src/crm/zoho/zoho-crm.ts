import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { HTTP_TIMEOUT_MS, type HttpDeps } from "../../http.ts";
import type { Log } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { SealedStore } from "../../sealed-store.ts";
import type { Crm } from "../crm.ts";
import { AccountReader } from "./account-reader.ts";
import { closeChannel, listChannels, openChannel } from "./channels.ts";
import { FieldCatalogue } from "./field-catalogue.ts";
import { FullText } from "./full-text.ts";
import { Names } from "./names.ts";
import { Notes } from "./notes.ts";
import { AccessTokens } from "./oauth.ts";
import { ParentReader } from "./parent-reader.ts";
import { probe } from "./probe.ts";
import type { CustomModule } from "./read-batch.ts";
import { RefusedModules } from "./refused-modules.ts";
import { ZohoApi } from "./zoho-api.ts";

/** Calls at a time. Editions allow 10 and more, the free one 5: the gate narrows when Zoho says so. */
const CONCURRENCY_MAX = 8;
/** How long an account waits for others to be read with. A call takes some 200 ms and costs a credit, however many it serves. */
const GATHER_MS = 20;
/**
 * Time of one reading call. Zoho documents none; its largest reply, 2,000 rows, takes seconds. Three times as long would keep
 * others waiting three times as long for a record whose reads hang.
 */
const READ_TIMEOUT_MS = 10_000;

/** How to reach Zoho, and as whom. `apiUrl` and `accountsUrl` are bare origins. */
export interface ZohoCrmOptions {
  readonly apiUrl: string;
  readonly accountsUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly fetch?: typeof fetch;
  /**
   * Where the access token is kept across restarts and shared with other processes on the same store, sealed under client
   * secret and refresh token: Zoho gives ten in ten minutes, and then none for minutes. Absent = each client signs in for itself.
   */
  readonly tokens?: SealedStore;
  /** Told of every call: `crm_calls`, `crm_calls:<class>`. */
  readonly counters?: (name: string, n: number) => void;
  readonly concurrencyMax?: number;
  /** Of every call; default 10 s for reads and 30 s for the rest. */
  readonly requestTimeoutMs?: number;
  /** How long a read waits to be combined with others; default 20 ms, 0 = the same event-loop turn. */
  readonly gatherMs?: number;
  /** Further fields to read, by module. Those that the org does not have are left out. */
  readonly extraFields?: Readonly<Record<string, readonly string[]>>;
  readonly customModules?: readonly CustomModule[];
}

/** Zoho CRM as the source of truth. */
export interface ZohoCrm extends Crm {
  /** API credits left in the rolling day; undefined until Zoho says so, at half. */
  creditsLeft(): number | undefined;
  /** Ends what is under way; idempotent. */
  close(): void;
}

/** Opens a Zoho client. Makes no call before it is asked for something. */
export function createZohoCrm(options: ZohoCrmOptions): ZohoCrm {
  const ending = new AbortController();
  const { clock, random, customModules = [] } = options;
  const { api, tokens } = connect(options);
  const catalogue = new FieldCatalogue({
    api,
    clock,
    log: options.log,
    extraFields: options.extraFields ?? {},
    signal: ending.signal,
  });
  const count = options.counters ?? (() => undefined);
  const refused = new RefusedModules({ clock, log: options.log, count, customModules });
  const notes = new Notes({ api, catalogue, clock, log: options.log });
  const fullText = new FullText({ api, clock, log: options.log });
  const names = new Names({ api, clock, log: options.log, refused });
  const timeoutMs = options.requestTimeoutMs ?? READ_TIMEOUT_MS;
  const shared = { api, clock, random, timeoutMs, refused };
  const accounts = new AccountReader({
    ...shared,
    batch: { api, catalogue, notes, fullText, names, customModules, refused, now: () => clock.now() },
    gatherMs: options.gatherMs ?? GATHER_MS,
  });
  const parents = new ParentReader({ ...shared, notes, customModules });
  return {
    readAccounts: (keys, signal) => accounts.read(keys, signal),
    readParents: (records, signal) => parents.read(records, signal),
    openChannel: (declaration, signal) => openChannel({ api, clock }, declaration, signal),
    listChannels: (signal) => listChannels({ api, clock }, signal),
    closeChannel: (channelId, signal) => closeChannel({ api, clock }, channelId, signal),
    probe: (signal) => probe(api, signal),
    creditsLeft: () => api.creditsLeft,
    close: () => {
      const reason = new Fault("CRM_UNREACHABLE", "calling the CRM (closing)");
      ending.abort(reason);
      accounts.close(reason);
      tokens.close();
    },
  };
}

function connect(options: ZohoCrmOptions): { readonly api: ZohoApi; readonly tokens: AccessTokens } {
  const { clock, random, counters = () => undefined } = options;
  const timeoutMs = options.requestTimeoutMs ?? READ_TIMEOUT_MS;
  const writeTimeoutMs = options.requestTimeoutMs ?? HTTP_TIMEOUT_MS;
  const http: HttpDeps = { clock, ...(options.fetch === undefined ? {} : { fetch: options.fetch }) };
  const count = () => {
    counters("crm_calls", 1);
    counters("crm_calls:token", 1);
  };
  const tokens = new AccessTokens({ ...options, http, timeoutMs: writeTimeoutMs, count });
  const concurrencyMax = options.concurrencyMax ?? CONCURRENCY_MAX;
  const bounds = { concurrencyMax, timeoutMs, writeTimeoutMs };
  return { tokens, api: new ZohoApi({ http, tokens, clock, random, count: counters, ...bounds }) };
}
