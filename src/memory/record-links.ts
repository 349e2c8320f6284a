import type { ChildRecord, CrmRecord, Lookup } from "../account.ts";
import { type ModulePlan, type PlannedField, planOf } from "./document-plan.ts";
import { type FieldPolicy, type Treatment, treatmentOf } from "./field-policy.ts";
import { isLookup, treated, valueLine } from "./field-text.ts";
import { knownModule } from "./module-fields.ts";
import { safeLine } from "./text-safety.ts";

/** Module and name, as the policy lets it be shown, of the records that others refer to; by record id. */
export type Names = ReadonlyMap<string, { readonly module: string; readonly name: string }>;

/** Modules whose records are referred to from others. */
const TARGETS = ["Accounts", "Contacts", "Deals"] as const;

/** Names of an account's contacts and deals, so that a reference reads the same whether or not the CRM named its target. */
export function namesOf(account: CrmRecord, children: readonly ChildRecord[], policy: FieldPolicy): Names {
  const names = new Map<string, { readonly module: string; readonly name: string }>();
  names.set(account.id, { module: "Accounts", name: "" });
  for (const child of children) {
    if (child.module !== "Contacts" && child.module !== "Deals") continue;
    names.set(child.id, { module: child.module, name: recordName(child, planOf(policy, child.module), policy) });
  }
  return names;
}

/** A record's name as the policy lets it be shown; empty when it has none. */
export function recordName(record: CrmRecord, plan: ModulePlan, policy: FieldPolicy): string {
  const whole = plan.name === undefined ? "" : valueLine(record.fields[plan.known.nameField]);
  if (plan.name !== undefined && whole !== "") return treated(whole, plan.name, policy.salt);
  const parts = plan.nameParts.map((part) =>
    treated(valueLine(record.fields[part.field]), part.treatment, policy.salt),
  );
  return parts.filter((part) => part !== "").join(" ");
}

/**
 * What a record refers to: `Jane Doe (contact 487…)`. Empty for no reference and for one to the account itself.
 * The name falls under the rule of the target's own name field, or a link would tell what the policy hides there.
 */
export function linkText(
  scene: { readonly accountId: string; readonly policy: FieldPolicy; readonly names: Names },
  planned: PlannedField,
  record: CrmRecord | ChildRecord,
): string {
  const lookup = lookupOf(planned.field, record);
  if (lookup === undefined || lookup.id === scene.accountId) return "";
  const named = scene.names.get(lookup.id);
  const module = named?.module ?? planned.linksTo ?? targetModule(planned.field, record);
  const ownName = named?.name ?? "";
  const name = ownName !== "" ? ownName : foreignName(scene.policy, module, named === undefined ? lookup.name : "");
  const id = safeLine(lookup.id);
  const target = module === undefined ? id : `${knownModule(module).word} ${id}`;
  if (planned.treatment !== "show") return treated(name || id, planned.treatment, scene.policy.salt);
  return name === "" ? target : `${name} (${target})`;
}

/** The reference in the field, or else the parent under which the record was read. */
function lookupOf(field: string, record: CrmRecord | ChildRecord): Lookup | undefined {
  const value = record.fields[field];
  if (isLookup(value)) return value;
  const parent = "parent" in record ? record.parent : undefined;
  if (parent === undefined) return undefined;
  // A contact that an activity hangs on stands in Who_Id, not in What_Id.
  const isParentField = field === "Parent_Id" || field === (parent.module === "Contacts" ? "Who_Id" : "What_Id");
  return isParentField ? { id: parent.recordId, name: "" } : undefined;
}

function targetModule(field: string, record: CrmRecord | ChildRecord): string | undefined {
  const parent = "parent" in record ? record.parent : undefined;
  const lookup = record.fields[field];
  if (parent !== undefined && isLookup(lookup) && parent.recordId === lookup.id) return parent.module;
  const said = field === "What_Id" ? record.fields["$se_module"] : undefined;
  return typeof said === "string" && said !== "" ? said : undefined;
}

/** A name that the CRM gave with the reference. Of a target of unknown kind it is shown only if no kind's name is hidden. */
function foreignName(policy: FieldPolicy, module: string | undefined, name: string): string {
  const treatments: readonly (Treatment | undefined)[] = (module === undefined ? TARGETS : [module]).map((target) =>
    treatmentOf(policy, target, knownModule(target).nameField),
  );
  const [first] = treatments;
  if (first === undefined || treatments.some((treatment) => treatment !== first)) return "";
  return treated(valueLine(name), first, policy.salt);
}
