import { embed } from "../../test/cognee/word-vectors.ts";

/** The words that Cognee 1.6.5 leaves out of its own search by words (cognee/modules/retrieval/utils/stop_words.py), in its order. */
const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  (
    "a about an and are as at be been being but by can could did do does for from had has have he her him his how in is it its may might " +
    "must not of on or our shall she should that the their them these they this those to was we were when where which who whom whose why " +
    "will with would you your"
  ).split(" "),
);
/** Letters and digits: an address falls into its parts, as it does in the vocabulary of a model. */
const WORDS = /[\p{L}\p{N}]+/gu;
/** Distinct words of all texts and questions are some thousands. */
const REMEMBERED_MAX = 100_000;

/** Where a word counts in a vector, and how much. */
type Places = readonly (readonly [place: number, value: number])[];

/** Makes the vector of a text. */
export type Embed = (text: string, dimensions: number) => readonly number[];

/**
 * Vectors of the test model's kind (each word has its places), weighed as real models do in their way: function words count nothing, and a word
 * that is repeated counts by the logarithm. Without that most of a question lies on `who is the`. Still no meaning: `CEO` and `chief` are strangers.
 */
export function weighedWords(): Embed {
  const remembered = new Map<string, Places>();
  const placesOf = (word: string, dimensions: number): Places => {
    const key = `${dimensions} ${word}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const places = [...embed(word, dimensions).entries()].filter(([, value]) => value !== 0);
    if (remembered.size < REMEMBERED_MAX) remembered.set(key, places);
    return places;
  };
  return (text, dimensions) => {
    const vector = new Array<number>(dimensions).fill(0);
    for (const [word, count] of countsOf(text)) {
      const weight = 1 + Math.log(count);
      for (const [place, value] of placesOf(word, dimensions)) vector[place] = (vector[place] ?? 0) + value * weight;
    }
    const length = Math.hypot(...vector) || 1;
    return vector.map((value) => value / length);
  };
}

/** How often each word occurs; of a text that has none but function words, those. */
function countsOf(text: string): ReadonlyMap<string, number> {
  const words = text.toLowerCase().match(WORDS) ?? ["_"];
  const telling = words.filter((word) => !FUNCTION_WORDS.has(word));
  const counts = new Map<string, number>();
  for (const word of telling.length === 0 ? words : telling) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
