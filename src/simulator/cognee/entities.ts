/** Something that a text mentions, as the model would describe it. */
export interface Entity {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
}

/** What counts as an entity: words such as Person_Ada, Firm_Acme and Deal_7, and addresses of e-mail. */
const MENTIONS = /\b(?:Person|Firm|Deal)_\w+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;

/** A model names a dozen things of a page. */
const ENTITIES_MAX = 12;

const DESCRIPTION_LENGTH_MAX = 200;

/** The entities of a text, in small letters, each described by the line that mentions it first. */
export function entitiesOf(text: string): readonly Entity[] {
  const found = [...new Set(text.match(MENTIONS) ?? [])].slice(0, ENTITIES_MAX);
  return found.map((mention) => ({
    name: mention.toLowerCase(),
    kind: mention.includes("@") ? "person" : (mention.split("_")[0] ?? "").toLowerCase(),
    description: lineOf(text, mention),
  }));
}

function lineOf(text: string, word: string): string {
  const line = text.split("\n").find((candidate) => candidate.includes(word)) ?? word;
  return line.trim().slice(0, DESCRIPTION_LENGTH_MAX);
}
