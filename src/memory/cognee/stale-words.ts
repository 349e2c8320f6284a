import type { Entity, Graph } from "./cognee-graph.ts";

/** Shortest word that tells whose words they are; shorter ones are everywhere. */
const WORD_LENGTH_MIN = 4;

/** An entity that is still described in words of a document that is gone. */
export interface StaleEntity {
  readonly id: string;
  /** Documents that mention it and are there: the model writes the description anew when it reads one of them again. */
  readonly documents: readonly string[];
}

/**
 * Entities whose description holds a word of the forgotten texts that no other document which mentions them has. The model may have said
 * it in words of its own: those that are in neither text cannot be told.
 */
export function staleEntities(
  entities: readonly Entity[],
  { forgotten, textOf }: { readonly forgotten: readonly string[]; readonly textOf: (document: string) => string },
): readonly StaleEntity[] {
  const gone = wordsOf(forgotten.join("\n"));
  return entities.flatMap(({ id, name, description, documents }) => {
    const words = [...wordsOf(description)].filter((word) => gone.has(word) && !wordsOf(name).has(word));
    if (words.length === 0) return [];
    const kept = [...documents].map((document) => wordsOf(textOf(document)));
    return words.some((word) => kept.every((text) => !text.has(word))) ? [{ id, documents: [...documents] }] : [];
  });
}

/** Entities that these documents mention and others do as well, which they outlive; each with the others. */
export function sharedEntities({ entities }: Graph, documents: ReadonlySet<string>): readonly Entity[] {
  return entities.flatMap((entity) => {
    const others = new Set([...entity.documents].filter((document) => !documents.has(document)));
    return others.size > 0 && others.size < entity.documents.size ? [{ ...entity, documents: others }] : [];
  });
}

/** As few documents as cover all entities, the one that covers most first. */
export function coverOf(entities: readonly StaleEntity[]): readonly string[] {
  const chosen: string[] = [];
  for (let left = entities; left.length > 0; ) {
    const counts = new Map<string, number>();
    for (const { documents } of left)
      for (const document of documents) counts.set(document, (counts.get(document) ?? 0) + 1);
    const [best] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? [];
    if (best === undefined) return chosen;
    chosen.push(best);
    left = left.filter(({ documents }) => !documents.includes(best));
  }
  return chosen;
}

function wordsOf(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  return new Set(words.filter((word) => word.length >= WORD_LENGTH_MIN));
}
