import type { MemoryDocument } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { openCogneeMemory } from "../../src/memory/cognee/cognee-memory.ts";
import { documentName } from "../../src/memory/cognee/document-name.ts";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import { textsByName } from "../../test/fakes/texts-by-name.ts";
import type { NamedText } from "./by-hand.ts";

/** Never aborted: each call has a bound of its own. */
const { signal } = new AbortController();

/** The sink alone, without queue and CRM, as a worker uses it. */
export interface Sink {
  /** Writes documents that are not there yet, and makes them searchable. */
  load(documents: readonly MemoryDocument[]): Promise<void>;
  /** Writes documents that are there, in other words; searchable afterwards. */
  update(documents: readonly MemoryDocument[]): Promise<void>;
}

/** Opens the sink on a dataset, or on one for each account. */
export function openSink(
  { url, apiKey }: CogneeServer,
  { dataset, isPerAccount = false }: { readonly dataset: string; readonly isPerAccount?: boolean },
): Sink {
  const memory = openCogneeMemory({
    ...{ url, dataset, isPerAccount, credentials: { apiKey }, clock: systemClock, log: silentLog },
    notes: textsByName(),
    count: () => undefined,
  });
  const refs = new Map<string, string>();
  const put = async (documents: readonly MemoryDocument[]) => {
    const results = await memory.put(
      documents.map((document) => {
        const sinkRef = refs.get(document.account);
        return { document, isUncertain: false, ...(sinkRef === undefined ? {} : { sinkRef }) };
      }),
      signal,
    );
    for (const [index, { account }] of documents.entries()) {
      const result = results[index];
      if (result?.outcome !== "stored") throw new Error(`${account} was not stored`, { cause: result?.fault });
      refs.set(account, result.sinkRef);
    }
    return results;
  };
  return {
    load: async (documents) => {
      await put(documents);
      const refused = await memory.flush(signal);
      if (refused.length > 0) throw new Error(`${refused.length} documents were refused`);
    },
    update: async (documents) => {
      const results = await put(documents);
      if (results.some((result) => result.outcome === "stored" && !result.isIndexed)) {
        throw new Error("an update was not in place");
      }
    },
  };
}

/** The document after a change of one line, which holds a word that no other has. */
export function changed(document: MemoryDocument, word: string): MemoryDocument {
  const text = document.text.replace(/^CRM account id: .*$/m, (line) => `${line}\n- Description: about the ${word}`);
  return { ...document, text, fingerprint: `${document.fingerprint}-${word}` };
}

/** A document as a call by hand names it. */
export function textOf({ account, text }: MemoryDocument): NamedText {
  return { name: documentName(account), text };
}

/** Questions as they are asked of all accounts at once: by a title each. */
export function questionsOf(documents: readonly MemoryDocument[], count: number): readonly string[] {
  return documents.slice(0, count).map(({ title }) => `Who is the champion at ${title}?`);
}
