/** A letter, a digit, or what holds an address or an id together. */
const WORDS = /[\p{L}\p{N}_@.-]+/gu;
/** FNV-1a, 32 bits. */
const FNV_START = 2_166_136_261;
const FNV_PRIME = 16_777_619;
/** Finds the second place of a word: two words that share one seldom share the other. */
const SECOND_PLACE_SHIFT = 8;

/**
 * The vector of a text: each word counts in two places of a fixed vector, which then has length 1. So texts are the nearer, the more words they
 * share, and a search over them ranks as one expects. No meaning: `CEO` and `chief` are strangers.
 */
export function embed(text: string, dimensions: number): readonly number[] {
  const vector = new Array<number>(dimensions).fill(0);
  const words = text.toLowerCase().match(WORDS) ?? ["_"];
  for (const word of words.map((found) => found.replace(/^[.-]+|[.-]+$/g, ""))) {
    const hash = fnv(word);
    add(vector, hash % dimensions, hash >>> 31 === 1 ? 1 : -1);
    add(vector, (hash >>> SECOND_PLACE_SHIFT) % dimensions, 0.5);
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function add(vector: number[], place: number, value: number): void {
  vector[place] = (vector[place] ?? 0) + value;
}

function fnv(word: string): number {
  let hash = FNV_START;
  for (const byte of Buffer.from(word)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return hash;
}
