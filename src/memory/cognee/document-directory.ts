import type { AccountKey } from "../../account.ts";
import type { CogneeDocuments } from "./cognee-documents.ts";
import type { ListedRow } from "./cognee-wire.ts";
import { accountOfName, documentName } from "./document-name.ts";

/** One document of ours in Cognee. */
export interface KnownDocument {
  readonly account: AccountKey;
  readonly dataId: string;
  /** As it was when the document was added; undefined where Cognee has lost it. */
  readonly title: string | undefined;
  /** False = added, and no index run has taken it yet. */
  readonly isIndexed: boolean;
}

/**
 * What the dataset holds, by account, as far as this process knows: asked of Cognee when somebody must know, kept up by our own writes.
 * Some 200 bytes a document. Other processes write as well, so whoever misses something asks anew.
 */
export class DocumentDirectory {
  readonly #cognee: CogneeDocuments;
  /** More than one for an account only after an accident: twins. */
  #documents = new Map<AccountKey, readonly KnownDocument[]>();
  #accounts = new Map<string, AccountKey>();

  constructor(cognee: CogneeDocuments) {
    this.#cognee = cognee;
  }

  /** Asks Cognee for everything. */
  async refresh(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [rows, processing] = await Promise.all([this.#cognee.list(signal), this.#cognee.processing(signal)]);
    const indexed = new Set(processing.filter(({ completed }) => completed).map(({ id }) => id));
    const documents = new Map<AccountKey, readonly KnownDocument[]>();
    for (const row of rows) {
      const account = accountOfName(row.name);
      if (account === undefined) continue;
      const known = { account, dataId: row.id, title: titleOf(row), isIndexed: indexed.has(row.id) };
      documents.set(account, [...(documents.get(account) ?? []), known]);
    }
    this.#documents = documents;
    this.#accounts = new Map([...documents.values()].flat().map(({ account, dataId }) => [dataId, account]));
  }

  /** Whose document it is, as known. */
  accountOf(dataId: string): AccountKey | undefined {
    return this.#accounts.get(dataId);
  }

  /** Those of an account, as known. */
  of(account: AccountKey): readonly KnownDocument[] {
    return this.#documents.get(account) ?? [];
  }

  /** All, by name. */
  all(): readonly KnownDocument[] {
    return [...this.#documents.values()]
      .flat()
      .sort((a, b) => compare(documentName(a.account), documentName(b.account)));
  }

  /** A document that is the only one of its account now. */
  set(document: KnownDocument): void {
    this.#documents.set(document.account, [document]);
    this.#accounts.set(document.dataId, document.account);
  }

  forget(account: AccountKey, dataId: string): void {
    this.#accounts.delete(dataId);
    const left = this.of(account).filter((document) => document.dataId !== dataId);
    if (left.length > 0) this.#documents.set(account, left);
    else this.#documents.delete(account);
  }
}

function titleOf({ externalMetadata }: ListedRow): string | undefined {
  const title = externalMetadata?.["title"];
  return typeof title === "string" ? title : undefined;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
