import { Fault, type FaultCode } from "../../faults.ts";
import { HttpFailure } from "../../http.ts";
import type { Random } from "../../random.ts";

/** Singles that may fail before the trouble is taken to be everyone's, as long as none was read. */
const SINGLES_FAILED_MAX = 4;
/** Readings of a single item after its first failure. */
const SINGLE_REPEATS = 2;

/** Faults that one record of a batch may cause: all others are about the CRM as a whole. */
const MAYBE_ONE: ReadonlySet<FaultCode> = new Set(["CRM_UNAVAILABLE", "CRM_REPLY_INVALID", "CRM_REQUEST_REFUSED"]);

/** How to read a batch, and how to find out whether the CRM is well. */
export interface Isolation<Item, Result> {
  readonly items: readonly Item[];
  /** Reads all or throws. */
  readonly read: (items: readonly Item[]) => Promise<ReadonlyMap<Item, Result>>;
  readonly probe: () => Promise<void>;
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
    await provesWell(isolation, fault);
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
        if (half.length === 1) await this.#single(half, fault);
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
  const isLate = error.cause instanceof HttpFailure && error.cause.kind === "timeout";
  if (MAYBE_ONE.has(error.code) || (error.code === "CRM_UNREACHABLE" && isLate)) return error;
  throw error;
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
