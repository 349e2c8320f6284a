import { type AccountKey, accountIdOf, RECORD_ID_PATTERN } from "../../account.ts";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Random } from "../../random.ts";
import type { AccountRead } from "../crm.ts";
import { Combiner } from "./combiner.ts";
import { chunked } from "./coql.ts";
import { readIsolated } from "./isolate.ts";
import { probe } from "./probe.ts";
import { type ReadBatchDeps, readBatch } from "./read-batch.ts";
import { Suspects } from "./suspects.ts";
import { together } from "./together.ts";
import type { ZohoApi } from "./zoho-api.ts";

/** Accounts read together: their contacts' and deals' ids still fit into few queries. */
const ACCOUNTS_MAX = 50;
/** Batches at a time: while one is read, further accounts gather for the next. */
const BATCHES_MAX = 2;
const DOING = "reading accounts";

/** What reading accounts for several workers needs. */
export interface AccountReaderDeps {
  readonly api: ZohoApi;
  readonly batch: ReadBatchDeps;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly gatherMs: number;
}

/** How one batch is read. */
interface BatchWay {
  readonly signal: AbortSignal;
  readonly isCareful?: boolean;
  readonly stepAside?: () => void;
}

/** Reads accounts for several workers together; those whose reads hung lately are read apart, and keep no one waiting. */
export class AccountReader {
  readonly #deps: AccountReaderDeps;
  readonly #combiner: Combiner<string, AccountRead>;
  readonly #suspects: Suspects;
  #readable: string | undefined;

  constructor(deps: AccountReaderDeps) {
    this.#deps = deps;
    this.#suspects = new Suspects(deps);
    this.#combiner = new Combiner<string, AccountRead>({
      sizeMax: ACCOUNTS_MAX,
      gatherMs: deps.gatherMs,
      batchesMax: BATCHES_MAX,
      clock: deps.clock,
      read: (ids, signal, stepAside) => this.#isolated(ids, { signal, stepAside }),
    });
  }

  /** What each account is now; one entry per key. Throws a Fault (CRM_…) when the CRM as a whole cannot be used. */
  async read(accounts: readonly AccountKey[], signal: AbortSignal): Promise<ReadonlyMap<AccountKey, AccountRead>> {
    if (accounts.length === 0) return new Map();
    const keys = [...new Set(accounts)];
    const ids = keys.map(accountIdOf);
    assert(
      ids.every((id) => RECORD_ID_PATTERN.test(id)),
      "an account id is up to 20 digits",
    );
    const apart = ids.filter((id) => this.#suspects.has(id));
    const usual = ids.filter((id) => !apart.includes(id));
    const [read, ...alone] = await together(signal, (own) =>
      Promise.all([this.#combined(usual, own), ...apart.map((id) => this.#alone(id, own))]),
    );
    const found = new Map([...read, ...alone.flatMap((one) => [...one])]);
    return new Map(keys.map((key) => [key, answered(found.get(accountIdOf(key)))]));
  }

  /** Ends all that runs and waits. */
  close(reason: Error): void {
    this.#combiner.close(reason);
  }

  async #combined(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, AccountRead>> {
    const reads = new Map<string, AccountRead>();
    for (const part of chunked(ids, ACCOUNTS_MAX)) {
      for (const [id, read] of await this.#combiner.read(part, signal)) reads.set(id, read);
    }
    return reads;
  }

  async #alone(id: string, signal: AbortSignal): Promise<ReadonlyMap<string, AccountRead>> {
    const read = (own: AbortSignal) => this.#isolated([id], { signal: own, isCareful: true });
    const result = await this.#suspects.alone({ id, doing: DOING }, read, signal);
    return result instanceof Fault ? new Map([[id, failed(result)]]) : result;
  }

  async #isolated(ids: readonly string[], way: BatchWay): Promise<ReadonlyMap<string, AccountRead>> {
    const { signal, isCareful = false, stepAside } = way;
    const readSoon = (some: readonly string[]) =>
      this.#suspects.soon(DOING, (own) => this.#batch(some, { signal: own, isCareful: true }), signal);
    return await readIsolated<string, AccountRead>({
      items: ids,
      read: (some) => this.#batch(some, { signal, isCareful }),
      readSoon,
      ...(stepAside === undefined ? {} : { onSearch: stepAside }),
      onLate: (id) => this.#suspects.add(id),
      control: () => this.#isAnotherReadable(ids, readSoon),
      random: this.#deps.random,
      doing: DOING,
      failed,
      probe: () => probe(this.#deps.api, signal),
    });
  }

  /** Reads the account that was read last once more. */
  async #isAnotherReadable(
    ids: readonly string[],
    readSoon: (some: readonly string[]) => Promise<unknown>,
  ): Promise<boolean> {
    if (this.#readable === undefined || ids.includes(this.#readable)) return false;
    try {
      await readSoon([this.#readable]);
      return true;
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  }

  async #batch(accountIds: readonly string[], way: BatchWay): Promise<ReadonlyMap<string, AccountRead>> {
    const { signal, isCareful = false } = way;
    const batch = await together(signal, (own) => readBatch(this.#deps.batch, { accountIds, isCareful }, own));
    const reads = new Map<string, AccountRead>();
    for (const [id, read] of batch) {
      if (read !== "absent") this.#readable = id;
      reads.set(id, read === "absent" ? { outcome: "absent" } : { outcome: "found", snapshot: read.snapshot });
    }
    return reads;
  }
}

function failed(fault: Fault) {
  return { outcome: "failed", fault } as const;
}

/** A record without an answer must never pass for one that is gone. */
function answered<Read>(read: Read | undefined): Read {
  assert(read !== undefined, "a batch answers for every record asked for");
  return read;
}
