import { type AccountKey, accountKey, type MemoryDocument } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import type { Crm } from "../../src/crm/crm.ts";
import { createZohoCrm } from "../../src/crm/zoho/zoho-crm.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import { seededRandom } from "../../src/random.ts";
import type { AccountTruth, SimulatedCrm } from "../../src/simulator/fake-zoho/crm.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";

/** The instant at which the CRM is asked: the seeded past depends on it. */
export const NOW = Date.parse("2026-11-24T12:00:00Z");
/** Accounts that each kind of change is made to. */
const CHANGED_ACCOUNTS = 2;
/** Reading everything from a simulator takes a second. */
const READ_MS_MAX = 60_000;

/** What one person of a sales team changes: a field of a deal, a note more, the account's name. */
export const CHANGE_KINDS = ["field", "note", "name"] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** A change and the account's document after it. */
export interface Change {
  readonly kind: ChangeKind;
  readonly document: MemoryDocument;
  /** A word that the changed document holds, and no document before. */
  readonly marker: string;
}

/** What is loaded, asked and changed. Equal seeds give equal corpora. */
export interface Corpus {
  readonly truths: readonly AccountTruth[];
  readonly documents: readonly MemoryDocument[];
  /** In the order in which they were made. */
  readonly changes: readonly Change[];
}

/** Seeds a CRM and reads it as memhook does: through its Zoho client, by its renderer. */
export async function makeCorpus({
  accounts,
  seed,
}: {
  readonly accounts: number;
  readonly seed: number;
}): Promise<Corpus> {
  const clock = { ...systemClock, now: () => NOW };
  const simulator = await startSimulator({ clock, seed, accounts });
  const { ZOHO_API_URL, ZOHO_ACCOUNTS_URL, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN } =
    simulator.credentials;
  const crm = createZohoCrm({
    apiUrl: ZOHO_API_URL,
    accountsUrl: ZOHO_ACCOUNTS_URL,
    clientId: ZOHO_CLIENT_ID,
    clientSecret: ZOHO_CLIENT_SECRET,
    refreshToken: ZOHO_REFRESH_TOKEN,
    clock,
    random: seededRandom(seed),
    log: silentLog,
  });
  try {
    const ids = simulator.crm.ids("Accounts");
    const truths = ids.flatMap((id) => simulator.crm.truth(id) ?? []);
    const documents = await readDocuments(
      crm,
      ids.map((id) => accountKey(id)),
    );
    return { truths, documents, changes: await makeChanges(crm, simulator.crm, truths) };
  } finally {
    crm.close();
    await simulator.close();
  }
}

async function readDocuments(crm: Crm, keys: readonly AccountKey[]): Promise<readonly MemoryDocument[]> {
  const reads = await crm.readAccounts(keys, AbortSignal.timeout(READ_MS_MAX));
  return keys.map((key) => {
    const read = reads.get(key);
    if (read?.outcome !== "found") throw new Error(`${key} was not read: ${read?.outcome}`);
    return renderDocument(read.snapshot, defaultFieldPolicy);
  });
}

/** Every kind of change to each of the first accounts that have a deal and a note. */
async function makeChanges(
  client: Crm,
  crm: SimulatedCrm,
  truths: readonly AccountTruth[],
): Promise<readonly Change[]> {
  const usual = truths.filter(({ deals, notes }) => deals.length > 0 && notes.length > 0).slice(0, CHANGED_ACCOUNTS);
  if (usual.length < CHANGED_ACCOUNTS) throw new Error("too few accounts have a deal and a note");
  const changes: Change[] = [];
  for (const kind of CHANGE_KINDS) {
    for (const truth of usual) {
      const marker = `Quillfeather${changes.length}`;
      makeChange(crm, truth, { kind, marker });
      const [document] = await readDocuments(client, [accountKey(String(truth.account["id"]))]);
      if (document?.text.includes(marker) !== true) throw new Error(`a document does not tell of its change: ${kind}`);
      changes.push({ kind, document, marker });
    }
  }
  return changes;
}

function makeChange(
  crm: SimulatedCrm,
  { account, deals }: AccountTruth,
  { kind, marker }: { readonly kind: ChangeKind; readonly marker: string },
): void {
  const id = String(account["id"]);
  switch (kind) {
    case "field":
      crm.update("Deals", String(deals[0]?.["id"]), { Next_Step: `Ask ${marker} for the signature` });
      return;
    case "note":
      crm.addNote({ module: "Accounts", id }, `Spoke with ${marker}: they want a second demo before the year ends.`);
      return;
    case "name":
      crm.update("Accounts", id, { Account_Name: `${marker} Holding AG` });
      return;
  }
}
