import { accountKey, type RecordRef, recordKey } from "../../account.ts";
import { Fault } from "../../faults.ts";
import type { ParentRead } from "../crm.ts";
import { activityBelongsTo, type Belonging, noteBelongsTo, seModule, type Under } from "./account-of.ts";
import { IN_VALUES_MAX } from "./coql.ts";
import { ACTIVITY_MODULES } from "./fields.ts";
import type { Notes } from "./notes.ts";
import type { CustomModule } from "./read-batch.ts";
import { lookupId } from "./record.ts";
import type { RefusedModules } from "./refused-modules.ts";
import { readBareRows } from "./rows.ts";
import type { WireRow } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";

/** What reading parents needs. */
export interface ReadParentsDeps {
  readonly api: ZohoApi;
  readonly notes: Notes;
  readonly customModules: readonly CustomModule[];
  readonly refused: RefusedModules;
}

/** True for modules whose records are known to lead to an account. */
export function leadsToAccount(module: string, customModules: readonly CustomModule[]): boolean {
  const known = ["Accounts", "Contacts", "Deals", "Notes", ...ACTIVITY_MODULES];
  return known.includes(module) || customModules.some((custom) => custom.module === module);
}

/**
 * The accounts of records of one module, keyed by `recordKey`: one call for a hundred, and for activities and notes two
 * more for the deals and contacts in between. A record without a row is absent; one of a module that Zoho refuses has failed.
 * Throws a Fault (CRM_…).
 */
export async function readParentsOf(
  deps: ReadParentsDeps,
  records: readonly RecordRef[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ParentRead>> {
  const module = records[0]?.module;
  if (module === undefined) return new Map();
  const ids = [...new Set(records.map((record) => record.recordId))];
  const accountOf = await accountsOf(deps, { module, ids }, signal);
  if (deps.refused.has(module)) {
    const fault = new Fault("CRM_REQUEST_REFUSED", `reading parents of ${module}`, { detail: "module refused" });
    return new Map(ids.map((recordId) => [recordKey({ module, recordId }), { outcome: "failed", fault }]));
  }
  return new Map(
    ids.map((recordId): [string, ParentRead] => {
      const accountId = accountOf.get(recordId);
      const key = recordKey({ module, recordId });
      if (accountId === undefined) return [key, { outcome: "absent" }];
      return [key, { outcome: "found", accounts: accountId === null ? [] : [accountKey(accountId)] }];
    }),
  );
}

interface OfModule {
  readonly module: string;
  readonly ids: readonly string[];
}

/** Record → account; null when it is under none; missing when it does not exist. */
type AccountOf = ReadonlyMap<string, string | null>;

async function accountsOf(deps: ReadParentsDeps, of: OfModule, signal: AbortSignal): Promise<AccountOf> {
  if (of.module === "Accounts") return new Map(of.ids.map((id) => [id, id]));
  if (of.module === "Notes") return await accountsOfNotes(deps, of.ids, signal);
  if (ACTIVITY_MODULES.some((module) => module === of.module)) return await accountsOfActivities(deps, of, signal);
  const field = deps.customModules.find((custom) => custom.module === of.module)?.accountField ?? "Account_Name";
  return await linkedAccounts(deps, { ...of, field }, signal);
}

async function linkedAccounts(
  deps: ReadParentsDeps,
  of: OfModule & { readonly field: string },
  signal: AbortSignal,
): Promise<AccountOf> {
  const rows = await bareRows(deps, { ...of, columns: [of.field] }, signal);
  return new Map(rows.map((row) => [row.id, lookupId(row[of.field]) ?? null]));
}

async function accountsOfActivities(deps: ReadParentsDeps, of: OfModule, signal: AbortSignal): Promise<AccountOf> {
  const rows = await bareRows(deps, { ...of, columns: ["What_Id", "Who_Id", "$se_module"] }, signal);
  const whats = rows.flatMap((row) => named(row["What_Id"], seModule(row)));
  const whos = rows.flatMap((row) => named(row["Who_Id"], "Contacts"));
  const under = await underOf(deps, [...whats, ...whos], signal);
  return new Map(rows.map((row) => [row.id, accountIn(activityBelongsTo(row, under))]));
}

async function accountsOfNotes(deps: ReadParentsDeps, ids: readonly string[], signal: AbortSignal): Promise<AccountOf> {
  const notes = await deps.refused.orWithout("Notes", [], () => deps.notes.parentsOf(ids, signal));
  const parents = notes.map(({ parentId, module }) => ({ id: parentId, module }));
  const under = await underOf(deps, parents, signal);
  return new Map(notes.map((note) => [note.noteId, accountIn(noteBelongsTo(note.parentId, note.module, under))]));
}

interface Named {
  readonly id: string;
  readonly module: string | undefined;
}

/** Reads the accounts of the deals and contacts named. An id of unnamed module that is neither is taken for an account. */
async function underOf(deps: ReadParentsDeps, names: readonly Named[], signal: AbortSignal): Promise<Under> {
  const idsOf = (module: string) => [
    ...new Set(names.filter((name) => (name.module ?? module) === module).map((name) => name.id)),
  ];
  const [deals, contacts] = await Promise.all([
    linkedAccounts(deps, { module: "Deals", ids: idsOf("Deals"), field: "Account_Name" }, signal),
    linkedAccounts(deps, { module: "Contacts", ids: idsOf("Contacts"), field: "Account_Name" }, signal),
  ]);
  return { isAccount: (id) => !deals.has(id) && !contacts.has(id), deals, contacts };
}

async function bareRows(
  deps: ReadParentsDeps,
  of: OfModule & { readonly columns: readonly string[] },
  signal: AbortSignal,
): Promise<readonly WireRow[]> {
  const { module, columns, ids } = of;
  const criteria = [{ field: "id", ids }];
  // Ten lists of ids at most in one query, one row each; the least credits are taken for up to 200 rows.
  const rowsMax = ids.length <= 2 * IN_VALUES_MAX ? 2 * IN_VALUES_MAX : 10 * IN_VALUES_MAX;
  const read = () => readBareRows(deps.api, { module, columns, criteria, rowsMax }, signal);
  return await deps.refused.orWithout(module, [], read);
}

function named(value: unknown, module: string | undefined): readonly Named[] {
  const id = lookupId(value);
  return id === undefined ? [] : [{ id, module }];
}

function accountIn(belonging: Belonging | undefined): string | null {
  return belonging?.accountId ?? null;
}
