import type { AccountKey, MemoryDocument, RecordRef } from "../account.ts";
import type { AccountRead } from "../crm/crm.ts";
import { asFault, Fault } from "../faults.ts";
import type { LedgerEntry } from "../memory/ledger.ts";
import type { Lease } from "../queue/queue.ts";
import { type Attempt, failed } from "./attempt.ts";
import { leftBehind } from "./left-behind.ts";
import type { StageDeps } from "./processor-deps.ts";

/** One claimed account and what is known of it. */
export interface Subject {
  readonly lease: Lease;
  readonly account: AccountKey;
  readonly entry: LedgerEntry | undefined;
  /** True when the sink may have a document of which the ledger does not say where: it must look before it adds. */
  readonly isUncertain: boolean;
  /** When this read began, epoch milliseconds. */
  readonly readAt: number;
}

/** What an account should look like in the memory, and the records that belong to it. */
export interface Found {
  readonly document: MemoryDocument;
  readonly children: readonly RecordRef[];
}

/** What is to be done with one account: write it, leave it, forget it, or nothing any more. */
export type Plan =
  | { readonly step: "put"; readonly subject: Subject; readonly found: Found }
  | { readonly step: "keep"; readonly subject: Subject; readonly found: Found; readonly entry: LedgerEntry }
  | { readonly step: "remove"; readonly subject: Subject }
  | { readonly step: "none"; readonly attempt: Attempt };

/** Decides what to do with an account, from what the CRM and the ledger say. */
export function planFor(deps: StageDeps, subject: Subject, read: AccountRead | undefined): Plan {
  const { lease, entry } = subject;
  switch (read?.outcome) {
    case undefined:
      return none(failed(lease, new Fault("CRM_REPLY_INVALID", "reading an account")));
    case "failed":
      return none(failed(lease, read.fault));
    case "absent":
      if (entry !== undefined && entry.state !== "removed") return { step: "remove", subject };
      return none({
        outcome: "done",
        lease,
        deed: "absent",
        settlement: { verb: "complete", lease },
        displaced: leftBehind(lease, subject.account),
      });
    case "found": {
      const document = rendered(deps, read.snapshot);
      if (document instanceof Fault) return none(failed(lease, document));
      const children = read.snapshot.children.map(({ module, id }) => ({ module, recordId: id }));
      const at = { ...subject, readAt: laterThan(entry, read.snapshot.readAt) };
      const isWritten = entry?.state === "stored" || entry?.state === "indexed";
      if (isWritten && entry.fingerprint === document.fingerprint) {
        return { step: "keep", subject: at, found: { document, children }, entry };
      }
      return { step: "put", subject: at, found: { document, children } };
    }
  }
}

/**
 * The lease proves that this read began after the one in the ledger. A clock that was set back, or two reads within a
 * millisecond, must not make it look older.
 */
export function laterThan(entry: LedgerEntry | undefined, readAt: number): number {
  return entry === undefined ? readAt : Math.max(readAt, entry.readAt + 1);
}

/** The document, or the fault of the one account that cannot be rendered. Anything but a Fault is a bug, and tried again. */
function rendered(deps: StageDeps, snapshot: Parameters<StageDeps["options"]["render"]>[0]): MemoryDocument | Fault {
  try {
    return deps.options.render(snapshot);
  } catch (error) {
    return asFault(error, "rendering an account");
  }
}

function none(attempt: Attempt): Plan {
  return { step: "none", attempt };
}
