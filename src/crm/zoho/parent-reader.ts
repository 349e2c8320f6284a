import { RECORD_ID_PATTERN, type RecordRef, recordKey } from "../../account.ts";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Random } from "../../random.ts";
import type { ParentRead } from "../crm.ts";
import { readIsolated } from "./isolate.ts";
import { probe } from "./probe.ts";
import { leadsToAccount, type ReadParentsDeps, readParentsOf } from "./read-parents.ts";
import { Suspects } from "./suspects.ts";
import { together } from "./together.ts";

/** What finding the accounts of records needs. */
export interface ParentReaderDeps extends ReadParentsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
}

type Reads = ReadonlyMap<string, ParentRead>;

/** Finds the accounts of records, module by module; records whose reads hung lately are looked up apart. Keyed by `recordKey`. */
export class ParentReader {
  readonly #deps: ParentReaderDeps;
  readonly #suspects: Suspects;

  constructor(deps: ParentReaderDeps) {
    this.#deps = deps;
    this.#suspects = new Suspects(deps);
  }

  /** One entry per record. Throws a Fault (CRM_…) when the CRM as a whole cannot be used. */
  async read(records: readonly RecordRef[], signal: AbortSignal): Promise<Reads> {
    const byModule = Map.groupBy(records, checkedModule);
    const parts = await together(signal, (own) =>
      Promise.all([...byModule].map(([module, some]) => this.#ofModule(module, some, own))),
    );
    return new Map(parts.flatMap((part) => [...part]));
  }

  async #ofModule(module: string, records: readonly RecordRef[], signal: AbortSignal): Promise<Reads> {
    const byKey = new Map(records.map((record) => [recordKey(record), record]));
    const keys = [...byKey.keys()];
    if (!leadsToAccount(module, this.#deps.customModules)) {
      const fault = new Fault("CRM_REQUEST_REFUSED", "reading parents in a module that is not configured");
      return new Map(keys.map((key) => [key, failed(fault)]));
    }
    const apart = keys.filter((key) => this.#suspects.has(key));
    const usual = keys.filter((key) => !apart.includes(key));
    const doing = `reading parents of ${module}`;
    const isolated = (some: readonly string[], own: AbortSignal) => this.#isolated({ byKey, keys: some, doing }, own);
    const alone = apart.map(async (key): Promise<Reads> => {
      const read = await this.#suspects.alone({ id: key, doing }, (own) => isolated([key], own), signal);
      return read instanceof Fault ? new Map([[key, failed(read)]]) : read;
    });
    const reads = await Promise.all([usual.length === 0 ? new Map() : isolated(usual, signal), ...alone]);
    return new Map(reads.flatMap((part) => [...part]));
  }

  async #isolated(
    of: { readonly byKey: ReadonlyMap<string, RecordRef>; readonly keys: readonly string[]; readonly doing: string },
    signal: AbortSignal,
  ): Promise<Reads> {
    const read = async (keys: readonly string[], own: AbortSignal): Promise<Reads> => {
      const records = keys.flatMap((key) => of.byKey.get(key) ?? []);
      const found = await together(own, (inner) => readParentsOf(this.#deps, records, inner));
      return new Map(keys.map((key) => [key, answered(found.get(key))]));
    };
    return await readIsolated<string, ParentRead>({
      items: of.keys,
      read: (keys) => read(keys, signal),
      readSoon: (keys) => this.#suspects.soon(of.doing, (own) => read(keys, own), signal),
      onLate: (key) => this.#suspects.add(key),
      control: async () => false, // Lookups are small: many that hang and none that answers is everyone's trouble.
      random: this.#deps.random,
      doing: of.doing,
      failed,
      probe: () => probe(this.#deps.api, signal),
    });
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

function checkedModule(record: RecordRef): string {
  assert(RECORD_ID_PATTERN.test(record.recordId), "a record id is up to 20 digits");
  return record.module;
}
