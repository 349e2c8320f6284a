import { type AccountSnapshot, accountKey, type ChildRecord } from "../../account.ts";
import { assert } from "../../assert.ts";
import { activityBelongsTo, type Belonging, noteBelongsTo, seModule, type Under } from "./account-of.ts";
import { IN_VALUES_MAX } from "./coql.ts";
import { ACTIVITY_MODULES } from "./fields.ts";
import { Gate } from "./gate.ts";
import type { Names } from "./names.ts";
import type { Notes } from "./notes.ts";
import { lookupId, recordOf } from "./record.ts";
import { recordById } from "./record-by-id.ts";
import type { RefusedModules } from "./refused-modules.ts";
import { type ModuleRows, type RowsDeps, readBareRows, readRows } from "./rows.ts";
import type { WireRow } from "./wire.ts";

/** A custom module whose records hang on accounts. */
export interface CustomModule {
  readonly module: string;
  /** API name of its lookup to Accounts. */
  readonly accountField: string;
}

/** What reading accounts needs. */
export interface ReadBatchDeps extends RowsDeps {
  readonly notes: Notes;
  readonly names: Names;
  readonly customModules: readonly CustomModule[];
  readonly refused: RefusedModules;
  readonly now: () => number;
}

/** What to read, and how hard. */
export interface BatchRequest {
  readonly accountIds: readonly string[];
  /** True = the modules one after the other, so that a read that hangs holds one call and not five. */
  readonly isCareful?: boolean;
}

/** What a batch read gives: the account, or that it was verified to be gone. */
export type BatchRead = { readonly snapshot: AccountSnapshot } | "absent";

/**
 * Reads whole accounts together, in three rounds of calls that run side by side: the accounts with their contacts, deals
 * and custom records; then the activities and notes of all of these. Some eight calls serve fifty accounts.
 * An account that the query did not return is asked for by its id. Throws a Fault (CRM_…) for the batch as a whole.
 */
export async function readBatch(
  deps: ReadBatchDeps,
  { accountIds, isCareful = false }: BatchRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, BatchRead>> {
  const readAt = deps.now();
  const gate = new Gate(isCareful ? 1 : Number.POSITIVE_INFINITY);
  const inTurn = <Result>(work: () => Promise<Result>) => gate.run(work, signal);
  const linked = (module: string, field: string) => {
    const request = { module, criteria: [{ field, ids: accountIds }], links: [field] };
    return inTurn(() => deps.refused.orWithout(module, noRows(module), () => readRows(deps, request, signal)));
  };
  const [accounts, contacts, deals, ...customs] = await Promise.all([
    inTurn(() => readAccountRows(deps, accountIds, signal)),
    linked("Contacts", "Account_Name"),
    linked("Deals", "Account_Name"),
    ...deps.customModules.map(({ module, accountField }) => linked(module, accountField)),
  ]);
  const present = new Set(accounts.rows.map((row) => row.id));
  const family: Family = {
    present,
    contacts: underOf(contacts.rows, "Account_Name", present),
    deals: underOf(deals.rows, "Account_Name", present),
  };
  const [notes, ...activities] = await Promise.all([
    inTurn(() => deps.refused.orWithout("Notes", noRows("Notes"), () => readNotes(deps, family, signal))),
    ...ACTIVITY_MODULES.map((module) => {
      const without = { ...noRows(module), under: withIn(family) };
      const read = () => readActivities(deps, { module, family }, signal);
      return inTurn(() => deps.refused.orWithout(module, without, read));
    }),
  ]);
  const links = ["Account_Name", "Account_Name", ...deps.customModules.map((custom) => custom.accountField)];
  const direct = [contacts, deals, ...customs];
  const parts = await deps.names.completed([accounts, notes, ...direct, ...activities], signal);
  const [namedAccounts, namedNotes, ...named] = parts;
  assert(namedAccounts !== undefined && namedNotes !== undefined, "completing names keeps the parts");
  const children = new ChildrenByAccount(present);
  for (const [index, part] of named.entries()) {
    const link = links[index];
    const under = activities[index - links.length]?.under;
    children.add(part, (row) => {
      if (link !== undefined) return belongsBy(lookupId(row[link]));
      return under === undefined ? undefined : activityBelongsTo(row, under);
    });
  }
  const within = withIn(family);
  children.add(namedNotes, (row) => {
    const parentId = lookupId(row["Parent_Id"]);
    return parentId === undefined ? undefined : noteBelongsTo(parentId, undefined, within);
  });
  const rows = new Map(namedAccounts.rows.map((row) => [row.id, row]));
  return new Map(
    accountIds.map((id): [string, BatchRead] => {
      const row = rows.get(id);
      if (row === undefined) return [id, "absent"];
      const record = recordOf(row, accounts.columns);
      return [id, { snapshot: { account: accountKey(id), record, children: children.of(id), readAt } }];
    }),
  );
}

/** The accounts of a batch that exist, and which of them each contact and deal is under. */
interface Family {
  readonly present: ReadonlySet<string>;
  readonly contacts: ReadonlyMap<string, string>;
  readonly deals: ReadonlyMap<string, string>;
}

/** Collects the children of each account; a child is put under one account only. */
class ChildrenByAccount {
  readonly #byAccount: ReadonlyMap<string, ChildRecord[]>;

  constructor(accountIds: Iterable<string>) {
    this.#byAccount = new Map([...accountIds].map((id) => [id, []]));
  }

  add({ module, columns, rows }: ModuleRows, belongs: (row: WireRow) => Belonging | undefined): void {
    for (const row of rows) {
      const found = belongs(row);
      if (found === undefined) continue;
      const record = recordOf(row, columns);
      const child: ChildRecord = { ...record, module, ...(found.via === undefined ? {} : { parent: found.via }) };
      this.#byAccount.get(found.accountId)?.push(child); // An account outside the batch reads it for itself.
    }
  }

  of(accountId: string): readonly ChildRecord[] {
    return this.#byAccount.get(accountId) ?? [];
  }
}

/** An account missing from the answer may be gone or hidden from the query: only its id decides. */
async function readAccountRows(
  deps: ReadBatchDeps,
  accountIds: readonly string[],
  signal: AbortSignal,
): Promise<ModuleRows> {
  const request = { module: "Accounts", criteria: [{ field: "id", ids: accountIds }], rowsMax: 2 * IN_VALUES_MAX };
  const queried = await readRows(deps, request, signal);
  const found = new Set(queried.rows.map((row) => row.id));
  const missing = accountIds.filter((id) => !found.has(id));
  const singles = await Promise.all(
    missing.map((recordId) => recordById(deps.api, { module: "Accounts", recordId }, signal)),
  );
  const present = singles.filter((row) => row !== undefined);
  const whole = await deps.fullText.completed("Accounts", present, signal);
  return { ...queried, rows: [...queried.rows, ...whole] };
}

async function readActivities(
  deps: ReadBatchDeps,
  request: { readonly module: string; readonly family: Family },
  signal: AbortSignal,
): Promise<ModuleRows & { readonly under: Under }> {
  const { module, family } = request;
  const inside = withIn(family);
  if (family.present.size === 0) return { module, columns: [], rows: [], under: inside };
  const criteria = [
    { field: "What_Id", ids: [...family.present, ...family.deals.keys()] },
    { field: "Who_Id", ids: [...family.contacts.keys()] },
  ];
  const read = await readRows(deps, { module, criteria }, signal);
  return { ...read, under: { ...inside, deals: await dealsBeyond(deps, { family, rows: read.rows }, signal) } };
}

/**
 * A contact's activity may be on a deal outside the batch: it then goes to that deal's account, and to the contact's only
 * if the deal has none. Rare, so it costs a call only when it happens.
 */
async function dealsBeyond(
  deps: ReadBatchDeps,
  request: { readonly family: Family; readonly rows: readonly WireRow[] },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | null>> {
  const { family, rows } = request;
  const unknown = new Set<string>();
  for (const row of rows) {
    const whatId = lookupId(row["What_Id"]);
    const module = seModule(row);
    if (whatId === undefined || (module !== undefined && module !== "Deals")) continue;
    if (!family.deals.has(whatId) && !family.present.has(whatId)) unknown.add(whatId);
  }
  if (unknown.size === 0) return family.deals;
  const criteria = [{ field: "id", ids: [...unknown] }];
  const columns = ["Account_Name"];
  const read = () => readBareRows(deps.api, { module: "Deals", columns, criteria }, signal);
  const found = await deps.refused.orWithout("Deals", [], read);
  const beyond = found.map((row): [string, string | null] => [row.id, lookupId(row["Account_Name"]) ?? null]);
  return new Map<string, string | null>([...family.deals, ...beyond]);
}

async function readNotes(deps: ReadBatchDeps, family: Family, signal: AbortSignal): Promise<ModuleRows> {
  const parents = [
    ...[...family.present].map((recordId) => ({ module: "Accounts", recordId })),
    ...[...family.deals.keys()].map((recordId) => ({ module: "Deals", recordId })),
    ...[...family.contacts.keys()].map((recordId) => ({ module: "Contacts", recordId })),
  ];
  const { columns, rows } = await deps.notes.of(parents, signal);
  return { module: "Notes", columns, rows: await deps.fullText.completed("Notes", rows, signal) };
}

function underOf(rows: readonly WireRow[], link: string, present: ReadonlySet<string>): ReadonlyMap<string, string> {
  const under = new Map<string, string>();
  for (const row of rows) {
    const accountId = lookupId(row[link]);
    if (accountId !== undefined && present.has(accountId)) under.set(row.id, accountId);
  }
  return under;
}

function withIn(family: Family): Under {
  return { isAccount: (id) => family.present.has(id), deals: family.deals, contacts: family.contacts };
}

function noRows(module: string): ModuleRows {
  return { module, columns: [], rows: [] };
}

function belongsBy(accountId: string | undefined): Belonging | undefined {
  return accountId === undefined ? undefined : { accountId };
}
