import { setTimeout as sleep } from "node:timers/promises";
import { type AccountKey, type AccountSnapshot, accountIdOf, accountKey, recordKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import type { Crm } from "../../src/crm/crm.ts";
import type { Memory } from "../../src/memory/memory.ts";

/** What the pipeline's ends were asked for. */
export interface EndCalls {
  accountsRead: number;
  documentsPut: number;
}

/**
 * A CRM that has every account, each with two contacts, a deal and a note, and answers after `readMs` (0 = at once). It
 * keeps nothing, so that the memory measured is memhook's.
 */
export function instantCrm(readMs: number, calls: EndCalls): Pick<Crm, "readAccounts" | "readParents" | "probe"> {
  return {
    readAccounts: async (accounts) => {
      const readAt = systemClock.now();
      if (readMs > 0) await sleep(readMs);
      calls.accountsRead += accounts.length;
      return new Map(
        accounts.map((account) => [account, { outcome: "found", snapshot: snapshotOf(account, readAt) } as const]),
      );
    },
    // A contact's number is its account's number: see contactEvent().
    readParents: async (records) =>
      new Map(
        records.map((record) => [
          recordKey(record),
          { outcome: "found", accounts: [accountKey(record.recordId)] } as const,
        ]),
      ),
    probe: async () => undefined,
  };
}

/** A sink that takes everything and keeps nothing. */
export function noOpSink(calls: EndCalls): Pick<Memory, "kind" | "put" | "remove" | "flush" | "probe"> {
  return {
    kind: "none",
    put: async (requests) => {
      calls.documentsPut += requests.length;
      return requests.map(
        ({ document }) => ({ outcome: "stored", sinkRef: document.account, isIndexed: true }) as const,
      );
    },
    remove: async (accounts) =>
      accounts.map(() => ({ outcome: "removed", forgetting: { looked: [], repaired: [], left: [] } }) as const),
    flush: async () => [],
    probe: async () => undefined,
  };
}

/** Changes with every read, so that each sync finds something to write. */
let revision = 0;

function snapshotOf(account: AccountKey, readAt: number): AccountSnapshot {
  const id = accountIdOf(account);
  const link = { id, name: "Larkspur Instruments" };
  const child = (digit: number) => `${digit}${id.slice(1)}`;
  revision += 1;
  return {
    account,
    readAt,
    record: {
      id,
      modifiedAt: readAt,
      fields: {
        Account_Name: "Larkspur Instruments",
        Industry: "Optics",
        Phone: "+1 555 0100",
        Annual_Revenue: revision,
      },
    },
    children: [
      {
        module: "Contacts",
        id: child(1),
        fields: {
          Full_Name: "Ines Marchetti",
          Title: "Head of Purchasing",
          Email: "ines@larkspur.example",
          Account_Name: link,
        },
      },
      {
        module: "Contacts",
        id: child(2),
        fields: {
          Full_Name: "Tomasz Wrona",
          Title: "Lab Manager",
          Email: "tomasz@larkspur.example",
          Account_Name: link,
        },
      },
      {
        module: "Deals",
        id: child(3),
        fields: { Deal_Name: "Spectrometers 2026", Stage: "Negotiation", Amount: 84_000, Closing_Date: "2026-06-30" },
      },
      {
        module: "Notes",
        id: child(5),
        parent: { module: "Deals", recordId: child(3) },
        fields: {
          Note_Title: "Call",
          Note_Content: "Ines wants the revised quote before the board meets on Thursday.",
        },
      },
    ],
  };
}
