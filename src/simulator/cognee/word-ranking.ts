/** How often each word occurs in a text. */
export type WordCounts = ReadonlyMap<string, number>;

/** A text with its distance to a question: 0 is the same words, 1 is no word in common. */
export interface Ranked<T> {
  readonly entry: T;
  readonly distance: number;
}

/** Counts the words of a text, small letters and great ones alike. */
export function countWords(text: string): WordCounts {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}_@]+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/**
 * Orders texts by their distance to a question, nearest first: one minus the cosine of their word vectors, in which a word that few
 * texts have weighs more. It stands for a search by embeddings, which always has a nearest text: nothing is left out because it
 * does not match. Equal distances keep the given order.
 */
export function rankByWords<T extends { readonly words: WordCounts }>(
  question: string,
  entries: readonly T[],
): readonly Ranked<T>[] {
  const asked = countWords(question);
  const weight = weights(entries);
  const askedLength = lengthOf(asked, weight);
  return entries
    .map((entry) => {
      let product = 0;
      for (const [word, count] of asked) {
        const found = entry.words.get(word) ?? 0;
        if (found > 0) product += damped(count) * damped(found) * weight(word) ** 2;
      }
      const lengths = askedLength * lengthOf(entry.words, weight);
      return { entry, distance: lengths === 0 ? 1 : Math.max(0, 1 - product / lengths) };
    })
    .sort((one, other) => one.distance - other.distance);
}

type Weight = (word: string) => number;

/** Rarity of a word among the texts: log(1 + texts ÷ texts with the word). */
function weights(entries: readonly { readonly words: WordCounts }[]): Weight {
  const holders = new Map<string, number>();
  for (const { words } of entries) for (const word of words.keys()) holders.set(word, (holders.get(word) ?? 0) + 1);
  return (word) => Math.log(1 + entries.length / (holders.get(word) ?? 1));
}

function lengthOf(words: WordCounts, weight: Weight): number {
  let sum = 0;
  for (const [word, count] of words) sum += (damped(count) * weight(word)) ** 2;
  return Math.sqrt(sum);
}

/** A word said ten times does not weigh ten times as much. */
function damped(count: number): number {
  return 1 + Math.log(count);
}
