import { type FieldPolicy, type Treatment, treatmentOf } from "./field-policy.ts";
import { CONTACT_NAME_PARTS, type FieldKind, type KnownModule, knownModule } from "./module-fields.ts";

/** One field to write, with everything decided that does not depend on the record. */
export interface PlannedField {
  readonly field: string;
  /** The start of its line: `- Title:`. */
  readonly start: string;
  readonly kind: FieldKind;
  readonly treatment: Treatment;
  readonly linksTo: string | undefined;
}

/** How the records of one module are written under one policy. */
export interface ModulePlan {
  readonly module: string;
  readonly known: KnownModule;
  readonly name: Treatment | undefined;
  /** First and last name, where the whole name may not be shown. */
  readonly nameParts: readonly PlannedField[];
  readonly fields: readonly PlannedField[];
  /** Fields that are written, or left out, by plan; every other one is "other". */
  readonly settled: ReadonlySet<string>;
  /** False when no field outside the plan can be written. */
  readonly hasOthers: boolean;
  /** Treatment of a field that stands in no plan; remembered, as records of a module share their fields. */
  other(field: string): Treatment | undefined;
}

/** Modules, and other fields of one module, that are remembered; beyond it the plan is worked out each time. */
const REMEMBERED_MAX = 1_000;

const plans = new WeakMap<FieldPolicy, Map<string, ModulePlan>>();

/** The plan of a module under a policy, made once. */
export function planOf(policy: FieldPolicy, module: string): ModulePlan {
  let ofPolicy = plans.get(policy);
  if (ofPolicy === undefined) {
    ofPolicy = new Map();
    plans.set(policy, ofPolicy);
  }
  const known = ofPolicy.get(module);
  if (known !== undefined) return known;
  const plan = makePlan(policy, module);
  if (ofPolicy.size < REMEMBERED_MAX) ofPolicy.set(module, plan);
  return plan;
}

function makePlan(policy: FieldPolicy, module: string): ModulePlan {
  const known = knownModule(module);
  const fields: PlannedField[] = [];
  const settled = new Set<string>([known.nameField, "Account_Name"]);
  for (const [field, label, kind = "line", linksTo] of known.fields) {
    settled.add(field);
    const treatment = treatmentOf(policy, module, field);
    if (treatment !== undefined) fields.push({ field, start: `- ${label}:`, kind, treatment, linksTo });
  }
  if (module === "Contacts") for (const part of CONTACT_NAME_PARTS) settled.add(part);
  const name = treatmentOf(policy, module, known.nameField);
  const remembered = new Map<string, Treatment | undefined>();
  return {
    module,
    known,
    name,
    nameParts: module === "Contacts" ? nameParts(policy) : [],
    fields,
    settled,
    hasOthers: known.isOpen || policy.rules.has(module),
    other: (field) => {
      if (remembered.has(field)) return remembered.get(field);
      const treatment = treatmentOf(policy, module, field);
      if (remembered.size < REMEMBERED_MAX) remembered.set(field, treatment);
      return treatment;
    },
  };
}

function nameParts(policy: FieldPolicy): readonly PlannedField[] {
  return CONTACT_NAME_PARTS.flatMap((field) => {
    const treatment = treatmentOf(policy, "Contacts", field);
    return treatment === undefined ? [] : [{ field, start: "", kind: "line", treatment, linksTo: undefined }];
  });
}
