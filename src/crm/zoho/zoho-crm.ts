import { type AccountKey, accountIdOf, RECORD_ID_PATTERN, type RecordRef, recordKey } from "../../account.ts";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { HTTP_TIMEOUT_MS, type HttpDeps } from "../../http.ts";
import type { Log } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { AccountRead, Crm, ParentRead } from "../crm.ts";
import { closeChannel, listChannels, openChannel } from "./channels.ts";
import { Combiner } from "./combiner.ts";
import { FieldCatalogue } from "./field-catalogue.ts";
import { FullText } from "./full-text.ts";
import { readIsolated } from "./isolate.ts";
import { Names } from "./names.ts";
import { Notes } from "./notes.ts";
import { AccessTokens } from "./oauth.ts";
import { type CustomModule, readBatch } from "./read-batch.ts";
import { leadsToAccount, readParentsOf } from "./read-parents.ts";
import { ZohoApi } from "./zoho-api.ts";

/** Calls at a time. Editions allow 10 and more, the free one 5: the gate narrows when Zoho says so. */
const CONCURRENCY_MAX = 8;
/** Accounts read together: their contacts' and deals' ids still fit into few queries. */
const ACCOUNTS_MAX = 50;
/** How long an account waits for others to be read with. A call takes some 200 ms and costs a credit, however many it serves. */
const GATHER_MS = 20;
/** Batches at a time: while one is read, further accounts gather for the next. */
const BATCHES_MAX = 2;

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
  /** Told of every call: `crm_calls`, `crm_calls:<class>`. */
  readonly counters?: (name: string, n: number) => void;
  readonly concurrencyMax?: number;
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
  const notes = new Notes({ api, catalogue, clock, log: options.log });
  const fullText = new FullText({ api, clock, log: options.log });
  const names = new Names({ api, clock, log: options.log });
  const batchDeps = { api, catalogue, notes, fullText, names, customModules, now: () => clock.now() };
  const combiner = new Combiner<string, AccountRead>({
    sizeMax: ACCOUNTS_MAX,
    gatherMs: options.gatherMs ?? GATHER_MS,
    batchesMax: BATCHES_MAX,
    clock,
    read: async (ids, signal) => {
      const read = async (some: readonly string[]) => outcomes(await readBatch(batchDeps, some, signal));
      const isolation = {
        items: ids,
        read,
        random,
        doing: "reading accounts",
        failed,
        probe: () => probe(api, signal),
      };
      return await readIsolated<string, AccountRead>(isolation);
    },
  });
  return {
    readAccounts: (accounts, signal) => readAccounts(combiner, accounts, signal),
    readParents: async (records, signal) => {
      const byModule = Map.groupBy(records, checkedModule);
      const parts = [...byModule].map(async ([module, some]) => {
        if (!leadsToAccount(module, customModules)) return unknownModule(some);
        const read = async (items: readonly RecordRef[]) => {
          const found = await readParentsOf({ api, notes, customModules }, items, signal);
          return new Map(items.map((item) => [item, answered(found.get(recordKey(item)))]));
        };
        const isolation = { items: some, read, random, doing: `reading parents of ${module}`, failed };
        return await readIsolated<RecordRef, ParentRead>({ ...isolation, probe: () => probe(api, signal) });
      });
      const reads = (await Promise.all(parts)).flatMap((part) => [...part]);
      return new Map(reads.map(([record, read]) => [recordKey(record), read]));
    },
    openChannel: (declaration, signal) => openChannel({ api, clock }, declaration, signal),
    listChannels: (signal) => listChannels({ api, clock }, signal),
    closeChannel: (channelId, signal) => closeChannel({ api, clock }, channelId, signal),
    probe: (signal) => probe(api, signal),
    creditsLeft: () => api.creditsLeft,
    close: () => {
      const reason = new Fault("CRM_UNREACHABLE", "calling the CRM (closing)");
      ending.abort(reason);
      combiner.close(reason);
      tokens.close();
    },
  };
}

const absent = { outcome: "absent" } as const;
const failed = (fault: Fault) => ({ outcome: "failed", fault }) as const;

function connect(options: ZohoCrmOptions): { readonly api: ZohoApi; readonly tokens: AccessTokens } {
  const { clock, random, counters = () => undefined, requestTimeoutMs: timeoutMs = HTTP_TIMEOUT_MS } = options;
  const http: HttpDeps = { clock, ...(options.fetch === undefined ? {} : { fetch: options.fetch }) };
  const count = () => {
    counters("crm_calls", 1);
    counters("crm_calls:token", 1);
  };
  const tokens = new AccessTokens({ ...options, http, timeoutMs, count });
  const concurrencyMax = options.concurrencyMax ?? CONCURRENCY_MAX;
  return { tokens, api: new ZohoApi({ http, tokens, clock, random, count: counters, concurrencyMax, timeoutMs }) };
}

async function readAccounts(
  combiner: Combiner<string, AccountRead>,
  accounts: readonly AccountKey[],
  signal: AbortSignal,
): Promise<ReadonlyMap<AccountKey, AccountRead>> {
  if (accounts.length === 0) return new Map();
  const keys = [...new Set(accounts)];
  const ids = keys.map(accountIdOf);
  assert(
    ids.every((id) => RECORD_ID_PATTERN.test(id)),
    "an account id is up to 20 digits",
  );
  const reads: ReadonlyMap<string, AccountRead>[] = [];
  for (let start = 0; start < ids.length; start += ACCOUNTS_MAX) {
    reads.push(await combiner.read(ids.slice(start, start + ACCOUNTS_MAX), signal));
  }
  const found = new Map(reads.flatMap((part) => [...part]));
  return new Map(keys.map((key) => [key, answered(found.get(accountIdOf(key)))]));
}

function outcomes(batch: Awaited<ReturnType<typeof readBatch>>): ReadonlyMap<string, AccountRead> {
  const reads = [...batch].map(([id, read]): [string, AccountRead] => [
    id,
    read === "absent" ? absent : { outcome: "found", snapshot: read.snapshot },
  ]);
  return new Map(reads);
}

/** A record without an answer must never pass for one that is gone. */
function answered<Read>(read: Read | undefined): Read {
  assert(read !== undefined, "a batch answers for every record asked for");
  return read;
}

function checkedModule(record: RecordRef): string {
  assert(RECORD_ID_PATTERN.test(record.recordId), "a record id is up to 20 digits");
  return record.module;
}

function unknownModule(records: readonly RecordRef[]): ReadonlyMap<RecordRef, ParentRead> {
  const fault = new Fault("CRM_REQUEST_REFUSED", "reading parents in a module that is not configured");
  return new Map(records.map((record) => [record, failed(fault)]));
}

/** A query, because that is what reads are made of; a list where the query itself is refused as wrong. */
async function probe(api: ZohoApi, signal: AbortSignal): Promise<void> {
  const shared = { kind: "probe", doing: "asking whether the CRM answers", isRead: false } as const;
  const body = { select_query: "select id from Accounts where id is not null limit 1" };
  try {
    await api.call({ ...shared, method: "POST", path: "/coql", body }, signal);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "CRM_REQUEST_REFUSED") throw error;
    await api.call({ ...shared, method: "GET", path: "/Accounts", query: { fields: "id", per_page: "1" } }, signal);
  }
}
