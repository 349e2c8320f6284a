import type { RecordRef } from "../../account.ts";
import { lookupId } from "./record.ts";
import type { WireRow } from "./wire.ts";

/** Where an activity or note leads: the account, and the record in between if there is one. */
export interface Belonging {
  readonly accountId: string;
  readonly via?: RecordRef;
}

/** Which account each deal and contact is under; `deals` holds null for one that is under none. */
export interface Under {
  readonly isAccount: (id: string) => boolean;
  readonly deals: ReadonlyMap<string, string | null>;
  readonly contacts: ReadonlyMap<string, string | null>;
}

/** Modules of records that `What_Id` and `Parent_Id` may name and that lead to an account. */
type LinkedModule = "Accounts" | "Deals" | "Contacts";

/**
 * The account of an activity: `What_Id` if it is an account, or a deal under one, else `Who_Id`'s account. An activity
 * on a deal without an account therefore stays with its contact's account.
 */
export function activityBelongsTo(row: WireRow, under: Under): Belonging | undefined {
  const whatId = lookupId(row["What_Id"]);
  const whoId = lookupId(row["Who_Id"]);
  const byWhat = whatId === undefined ? undefined : belonging(seModule(row), whatId, under);
  return byWhat ?? (whoId === undefined ? undefined : belonging("Contacts", whoId, under));
}

/** The account of a note, by what it hangs on. */
export function noteBelongsTo(parentId: string, module: string | undefined, under: Under): Belonging | undefined {
  return belonging(module, parentId, under);
}

/** `$se_module`, if the row has one. */
export function seModule(row: WireRow): string | undefined {
  const module = row["$se_module"];
  return typeof module === "string" ? module : undefined;
}

/** A module that the reply did not name is found by the id, which no two modules of an org share. */
function belonging(module: string | undefined, id: string, under: Under): Belonging | undefined {
  if (module === "Accounts" || (module === undefined && under.isAccount(id))) return { accountId: id };
  const via = viaOf(module, id, under);
  if (via === undefined) return undefined;
  const accountId = (via === "Deals" ? under.deals : under.contacts).get(id);
  return accountId == null ? undefined : { accountId, via: { module: via, recordId: id } };
}

function viaOf(module: string | undefined, id: string, under: Under): Exclude<LinkedModule, "Accounts"> | undefined {
  if (module === "Deals" || module === "Contacts") return module;
  if (module !== undefined) return undefined;
  if (under.deals.has(id)) return "Deals";
  return under.contacts.has(id) ? "Contacts" : undefined;
}
