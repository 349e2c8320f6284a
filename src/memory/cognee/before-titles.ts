import type { CogneePassages } from "./cognee-passages.ts";
import type { Passage } from "./cognee-wire.ts";
import type { DocumentDirectory } from "./document-directory.ts";
import { accountOfName } from "./document-name.ts";

/**
 * Passages with the titles of their documents. Cognee before 1.6 gives a passage no metadata, so titles come from the listing, which is read
 * anew only for a document that this process has not met.
 */
export function withTitles(
  passages: Pick<CogneePassages, "nearest">,
  directory: DocumentDirectory,
): Pick<CogneePassages, "nearest"> {
  return {
    nearest: async (question, signal) => {
      const found = await passages.nearest(question, signal);
      const bare = found.filter(({ external_metadata: metadata }) => typeof metadata !== "string");
      if (bare.some((passage) => titlesOf(passage, directory) === undefined)) await directory.refresh(signal);
      return found.map((passage) => {
        const [title] = bare.includes(passage) ? (titlesOf(passage, directory) ?? []) : [];
        return title === undefined ? passage : { ...passage, external_metadata: JSON.stringify({ title }) };
      });
    },
  };
}

/** The titles of the account's documents, as far as Cognee has them; undefined where the account is not known, or not ours to know. */
function titlesOf({ document_name: name }: Passage, directory: DocumentDirectory): readonly string[] | undefined {
  const account = accountOfName(name);
  if (account === undefined) return [];
  const documents = directory.of(account);
  return documents.length === 0 ? undefined : documents.flatMap(({ title }) => title ?? []);
}
