import type { NamedText, Passage } from "./by-hand.ts";

/** Names of documents whose text is not wholly in their passages as a search tells them: what was lost, or is stale. */
export function unsearchable(expected: readonly NamedText[], passages: readonly Passage[]): readonly string[] {
  const found = new Map<string, string>();
  for (const { documentName, text } of passages) {
    found.set(documentName, `${found.get(documentName) ?? ""}\n${text}`);
  }
  return expected
    .filter(({ name, text }) => {
      const shown = found.get(name) ?? "";
      return !linesOf(text).every((line) => shown.includes(line));
    })
    .map(({ name }) => name);
}

/** Cognee cuts a long text between sentences, so a line may be parted; its sentences are not. */
function linesOf(text: string): readonly string[] {
  return text
    .split(/\n|(?<=[.!?]) /)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
