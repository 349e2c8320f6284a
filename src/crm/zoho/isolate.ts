import { Fault, type FaultCode } from "../../faults.ts";
import { HttpFailure } from "../../http.ts";
import type { Random } from "../../random.ts";
import { chunked } from "./coql.ts";

/** Singles that may fail before the trouble is taken to be everyone's, as long as none was read. */
const SINGLES_FAILED_MAX = 4;
/** Readings of a single item after its first failure. */
const SINGLE_REPEATS = 2;

/** Faults that one record of a batch may cause: all others are about the CRM as a whole. */
const MAYBE_ONE: ReadonlySet<FaultCode> = new Set(["CRM_UNAVAILABLE", "CRM_REPLY_INVALID", "CRM_REQUEST_REFUSED"]);

/** Groups that a batch which timed out is parted into. Eight groups find one of eight accounts, or of sixty-four, in one or two rounds. */
const GROUPS = 8;
/** Items of one batch that may all hang, as long as none was read, before the trouble is taken to be everyone's. */
const LATE_MAX = 4;

/** How to read a batch, and how to find out whether the CRM is well. */
export interface Isolation<Item, Result> {
  readonly items: readonly Item[];
  /** Reads all or throws. */
  readonly read: (items: readonly Item[]) => Promise<ReadonlyMap<Item, Result>>;
  /** The same in less time, and with few calls at once, because some of the items may hang. */
  readonly readSoon: (items: readonly Item[]) => Promise<ReadonlyMap<Item, Result>>;
  readonly probe: () => Promise<void>;
  /** Called when the batch has timed out and the search for the item that hangs begins. */
  readonly onSearch?: () => void;
  /** Told of each item that hangs while the CRM answers. */
  readonly onLate: (item: Item) => void;
  /** True when an item that was readable of late can be read now: whether it is these items that hang, or everything. */
  readonly control: () => Promise<boolean>;
  readonly failed: (fault: Fault) => Result;
  readonly random: Random;
  readonly doing: string;
}

/**
 * Reads a batch; if it fails although the CRM answers a probe, halves it until the items that make it fail stand alone.
 * Those get a result of their own and their neighbours are read. When nothing at all can be read, the trouble is the
 * CRM's: an outage, thrown, so that no item pays an attempt for it.
 */
export async function readIsolated<Item, Result>(
  isolation: Isolation<Item, Result>,
): Promise<ReadonlyMap<Item, Result>> {
  try {
    return await isolation.read(isolation.items);
  } catch (error) {
    const fault = suspect(error);
    if (isLate(fault)) isolation.onSearch?.();
    await provesWell(isolation, fault);
    if (isLate(fault)) return await searchLate(isolation, isolation.items, fault);
    // In random order: items that always fail must not stand first in every batch.
    return await new Search(isolation).run(shuffled(isolation.items, isolation.random), fault);
  }
}

class Search<Item, Result> {
  readonly #isolation: Isolation<Item, Result>;
  readonly #results = new Map<Item, Result>();
  readonly #bad = new Map<Item, Fault>();

  constructor(isolation: Isolation<Item, Result>) {
    this.#isolation = isolation;
  }

  async run(items: readonly Item[], fault: Fault): Promise<ReadonlyMap<Item, Result>> {
    if (items.length <= 1) await this.#single(items, fault);
    else await this.#halves(items);
    this.#assertNotAll();
    for (const [item, bad] of this.#bad) this.#results.set(item, this.#isolation.failed(this.#verdict(bad)));
    return this.#results;
  }

  async #halves(items: readonly Item[]): Promise<void> {
    const middle = Math.ceil(items.length / 2);
    for (const half of [items.slice(0, middle), items.slice(middle)]) {
      try {
        this.#keep(await this.#isolation.read(half));
      } catch (error) {
        const fault = suspect(error);
        if (isLate(fault)) this.#keep(await searchLate(this.#isolation, half, fault));
        else if (half.length === 1) await this.#single(half, fault);
        else await this.#halves(half);
      }
    }
  }

  /** Judged only when it fails every time the same way, with a good probe in between: a flickering CRM is not its fault. */
  async #single(items: readonly Item[], first: Fault): Promise<void> {
    const [item] = items;
    if (item === undefined) return;
    let last = first;
    for (let repeat = 0; repeat < SINGLE_REPEATS; repeat += 1) {
      await provesWell(this.#isolation, last);
      try {
        return this.#keep(await this.#isolation.read(items));
      } catch (error) {
        last = suspect(error);
        if (last.code !== first.code) throw outage(this.#isolation.doing, last);
      }
    }
    this.#bad.set(item, last);
    if (this.#results.size === 0 && this.#bad.size >= SINGLES_FAILED_MAX) throw outage(this.#isolation.doing, last);
  }

  #keep(results: ReadonlyMap<Item, Result>): void {
    for (const [item, result] of results) this.#results.set(item, result);
  }

  #assertNotAll(): void {
    const [bad] = this.#bad.values();
    if (bad !== undefined && this.#results.size === 0 && this.#bad.size > 1) throw outage(this.#isolation.doing, bad);
  }

  /** A refusal is final only beside neighbours that were not refused; alone it may be everyone's. */
  #verdict(bad: Fault): Fault {
    const isFinal = bad.code === "CRM_REQUEST_REFUSED" && this.#results.size > 0;
    return isFinal ? bad : new Fault("CRM_READ_FAILED", this.#isolation.doing, { cause: bad });
  }
}

/** The fault if one item may be its cause; anything else is thrown on. A time-out may be one item's, a dead network not. */
function suspect(error: unknown): Fault {
  if (!(error instanceof Fault)) throw error;
  if (MAYBE_ONE.has(error.code) || isLate(error)) return error;
  throw error;
}

function isLate(fault: Fault): boolean {
  return fault.code === "CRM_UNREACHABLE" && fault.cause instanceof HttpFailure && fault.cause.kind === "timeout";
}

/**
 * Finds the items whose reads hang, after a probe has shown that the CRM answers. Groups are read side by side and each
 * within less than a time-out, so that the neighbours are read soon. A hanging item has failed at once: it is repeated
 * by its next attempt, not here.
 */
async function searchLate<Item, Result>(
  isolation: Isolation<Item, Result>,
  items: readonly Item[],
  fault: Fault,
): Promise<ReadonlyMap<Item, Result>> {
  const results = new Map<Item, Result>();
  const late: Item[] = items.length === 1 ? [...items] : [];
  let groups = items.length === 1 ? [] : partedFurther(items);
  while (groups.length > 0) {
    const reads = await Promise.allSettled(groups.map((group) => readGroup(isolation, group)));
    const hanging: (readonly Item[])[] = [];
    for (const [index, read] of reads.entries()) {
      if (read.status === "rejected") throw read.reason;
      if (read.value === "late") hanging.push(groups[index] ?? []);
      else for (const [item, result] of read.value) results.set(item, result);
    }
    for (const group of hanging) if (group.length === 1) late.push(...group);
    groups = hanging.filter((group) => group.length > 1).flatMap((group) => partedFurther(group));
  }
  if (late.length > 0 && items.length > 1) await provesWell(isolation, fault);
  const isEveryone = results.size === 0 && late.length > LATE_MAX && !(await isolation.control());
  if (isEveryone) throw outage(isolation.doing, fault);
  for (const item of late) {
    isolation.onLate(item);
    results.set(item, isolation.failed(new Fault("CRM_READ_FAILED", isolation.doing, { cause: fault })));
  }
  return results;
}

/** What the group gives, its members that fail otherwise included; `late` when it hangs. */
async function readGroup<Item, Result>(
  isolation: Isolation<Item, Result>,
  group: readonly Item[],
): Promise<ReadonlyMap<Item, Result> | "late"> {
  try {
    return await isolation.readSoon(group);
  } catch (error) {
    if (isLate(suspect(error))) return "late";
    return await readIsolated({ ...isolation, items: group });
  }
}

function partedFurther<Item>(items: readonly Item[]): (readonly Item[])[] {
  return [...chunked(items, Math.ceil(items.length / GROUPS))];
}

/** Throws what stands in the way, as an outage. */
async function provesWell<Item, Result>(isolation: Isolation<Item, Result>, fault: Fault): Promise<void> {
  try {
    await isolation.probe();
  } catch (error) {
    if (!(error instanceof Fault) || error.retry === "pause") throw error;
    throw outage(isolation.doing, fault);
  }
}

function outage(doing: string, cause: Fault): Fault {
  return cause.retry === "pause" ? cause : new Fault("CRM_UNAVAILABLE", doing, { cause });
}

function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
