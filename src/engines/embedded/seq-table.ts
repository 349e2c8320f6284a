/** Slots of a table that is all but empty: 32 KiB. */
const SLOTS_MIN = 4_096;
/** Share of slots in use at most; above it, looking for what is not there takes many steps. At 0.6 an entry costs 13 bytes. */
const LOAD_MAX = 0.6;
/** Share in use after growth: a table that kept all of its entries doubles. */
const LOAD_GROWN = LOAD_MAX / 2;

/**
 * Row numbers by the first 32 bits of a hash, in memory, with open addressing. What it finds are candidates, which the
 * caller compares with the row itself: hashes may share their first bits, and rows may be gone.
 */
export class SeqTable {
  /** Two words a slot: the prefix (0 = free), and the low half of the number. */
  #words = new Uint32Array(2 * SLOTS_MIN);
  #count = 0;
  #newest = 0;

  /** Full tables are sifted before anything is added. */
  get isFull(): boolean {
    return this.#count >= (this.#words.length / 2) * LOAD_MAX;
  }

  /** Adds a number. Numbers come in growing order. */
  add(prefix: number, seq: number): void {
    this.#newest = seq;
    this.#put(named(prefix), seq);
  }

  /** Whether `isIt` holds for a number of this prefix. */
  some(prefix: number, isIt: (seq: number) => boolean): boolean {
    const words = this.#words;
    const mask = words.length - 1;
    const name = named(prefix);
    for (let at = (2 * name) & mask; words[at] !== 0; at = (at + 2) & mask) {
      if (words[at] === name && isIt(this.#seqOf(words[at + 1]))) return true;
    }
    return false;
  }

  /** Drops the entries that are not `isKept`, and makes room for as many again as are left. */
  sift(isKept: (seq: number) => boolean): void {
    const before = this.#words;
    let kept = 0;
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] === 0) continue;
      if (isKept(this.#seqOf(before[at + 1]))) kept += 1;
      else before[at + 1] = before[at] = 0; // The slots behind are put anew below, so no search meets this gap.
    }
    let slots = SLOTS_MIN;
    while (kept > slots * LOAD_GROWN) slots *= 2;
    this.#words = new Uint32Array(2 * slots);
    this.#count = 0;
    for (let at = 0; at < before.length; at += 2) {
      const name = before[at] ?? 0;
      if (name !== 0) this.#put(name, before[at + 1] ?? 0);
    }
  }

  #put(name: number, seq: number): void {
    const words = this.#words;
    const mask = words.length - 1;
    let at = (2 * name) & mask;
    while (words[at] !== 0) at = (at + 2) & mask;
    words[at] = name;
    words[at + 1] = seq; // Cut to 32 bits by the array.
    this.#count += 1;
  }

  /** The newest number that ends in these 32 bits: right for all that are less than 2^32 behind the newest one. */
  #seqOf(low = 0): number {
    return this.#newest - ((this.#newest - low) >>> 0);
  }
}

/** A prefix as kept: 0 means free, so it goes by the name of 1. */
function named(prefix: number): number {
  return prefix === 0 ? 1 : prefix;
}
