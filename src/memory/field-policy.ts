import { hash } from "node:crypto";
import { CONTACT_NAME_PARTS, isKnownField, KNOWN_MODULES, knownModule, NOISE_FIELDS } from "./module-fields.ts";

/**
 * What a policy does with a field: `include` writes it as it is, `drop` never writes it, `mask` keeps its last two
 * characters, `hash` writes a keyed digest, so that equal values stay recognisable.
 */
export const FIELD_VERBS = ["include", "drop", "mask", "hash"] as const;
export type FieldVerb = (typeof FIELD_VERBS)[number];

/** How a field is written in the end; undefined = not at all. */
export type Treatment = "show" | "mask" | "hash";

/** Which fields of which modules reach a document, and how. Applied before anything is stored or sent. */
export interface FieldPolicy {
  /** Changes whenever the policy may change a document; part of every fingerprint. */
  readonly version: string;
  /** Key of `hash`. */
  readonly salt: string;
  /** Module → field → verb, where the policy differs from the default. */
  readonly rules: ReadonlyMap<string, ReadonlyMap<string, FieldVerb>>;
}

/** The policy that is read, or everything that is wrong with it. Problems name rules, which are no secrets. */
export type FieldPolicyRead =
  | { readonly outcome: "read"; readonly policy: FieldPolicy }
  | { readonly outcome: "invalid"; readonly problems: readonly string[] };

/** Rules in one policy; more than any CRM has sensitive fields. */
export const POLICY_RULES_MAX = 500;

/** Nothing masked; private fields (see `module-fields.ts`) and noise left out. */
export const defaultFieldPolicy: FieldPolicy = { version: "default", salt: "", rules: new Map() };

const RULE_PATTERN = /^([A-Za-z]+):([A-Za-z][A-Za-z0-9_]{0,59})\.([A-Za-z][A-Za-z0-9_]{0,59})$/;

/**
 * Reads a policy such as `drop:Contacts.Phone, mask:Contacts.Mobile, hash:Contacts.Email`. Rules are separated by commas,
 * semicolons or white space. All problems are reported at once, each with what was expected.
 */
export function parseFieldPolicy(
  text: string,
  options: { readonly salt: string; readonly customModules?: readonly string[] },
): FieldPolicyRead {
  const words = text.split(/[\s,;]+/).filter((word) => word !== "");
  if (words.length === 0) return { outcome: "read", policy: defaultFieldPolicy };
  const modules = [...Object.keys(KNOWN_MODULES), ...(options.customModules ?? [])];
  const problems: string[] = [];
  const rules = new Map<string, Map<string, FieldVerb>>();
  if (words.length > POLICY_RULES_MAX) problems.push(`${words.length} rules, expected at most ${POLICY_RULES_MAX}`);
  for (const word of words.slice(0, POLICY_RULES_MAX)) {
    const read = readRule(word, modules);
    if (typeof read === "string") {
      problems.push(read);
      continue;
    }
    const ofModule = rules.get(read.module) ?? new Map<string, FieldVerb>();
    const earlier = ofModule.get(read.field);
    if (earlier !== undefined && earlier !== read.verb) {
      problems.push(`"${word}" contradicts "${earlier}:${read.module}.${read.field}", expected one rule a field`);
    }
    if (read.verb === "hash" && options.salt === "") problems.push(`"${word}" needs a salt, which is empty`);
    rules.set(read.module, ofModule.set(read.field, read.verb));
  }
  if (problems.length > 0) return { outcome: "invalid", problems };
  spreadContactNames(rules);
  return { outcome: "read", policy: { version: versionOf(rules, options.salt), salt: options.salt, rules } };
}

/** How a policy has a field written; undefined = not at all. */
export function treatmentOf(policy: FieldPolicy, module: string, field: string): Treatment | undefined {
  if (field.startsWith("$")) return undefined;
  const verb = policy.rules.get(module)?.get(field);
  if (verb === "drop") return undefined;
  if (verb === "mask" || verb === "hash") return verb;
  if (verb === "include") return "show";
  if (isKnownField(module, field)) return "show";
  const known = knownModule(module);
  if (known.private.includes(field) || NOISE_FIELDS.has(field)) return undefined;
  return known.isOpen ? "show" : undefined;
}

/**
 * Fields that the policy asks for, by module: what the CRM client has to read besides what it reads anyway. A field that
 * documents know is named only if the policy includes it, since a client need not read all that a document could show.
 */
export function policyFields(policy: FieldPolicy): Readonly<Record<string, readonly string[]>> {
  const wanted: Record<string, string[]> = {};
  for (const [module, rules] of policy.rules) {
    const asked = [...rules].filter(
      ([field, verb]) => verb === "include" || (verb !== "drop" && !isKnownField(module, field)),
    );
    if (asked.length > 0) wanted[module] = asked.map(([field]) => field).sort();
  }
  return wanted;
}

function readRule(word: string, modules: readonly string[]): Rule | string {
  const [, verbText = "", module = "", field = ""] = RULE_PATTERN.exec(word) ?? [];
  if (module === "") return `"${word.slice(0, 80)}" is no rule, expected verb:Module.Field_API_Name`;
  const verb = FIELD_VERBS.find((candidate) => candidate === verbText);
  if (verb === undefined) return `"${word}" has no known verb, expected one of ${FIELD_VERBS.join(", ")}`;
  if (!modules.includes(module)) return `"${word}" has no known module, expected one of ${modules.join(", ")}`;
  const known = knownModule(module);
  const names = [known.nameField, ...known.fields.map(([name]) => name), ...known.private];
  const spelled = names.find((name) => name.toLowerCase() === field.toLowerCase());
  if (spelled !== undefined && spelled !== field) return `"${word}" is misspelled, expected ${module}.${spelled}`;
  return { verb, module, field };
}

interface Rule {
  readonly verb: FieldVerb;
  readonly module: string;
  readonly field: string;
}

/**
 * A contact's name stands in three fields. A rule on the whole holds for the parts, and a rule on a part takes the whole
 * away (the parts are then written one by one), or else the other field would tell what the rule hides.
 */
function spreadContactNames(rules: Map<string, Map<string, FieldVerb>>): void {
  const contacts = rules.get("Contacts");
  if (contacts === undefined) return;
  const whole = contacts.get("Full_Name");
  if (whole !== undefined && whole !== "include") {
    for (const part of CONTACT_NAME_PARTS) if (!contacts.has(part)) contacts.set(part, whole);
  } else if (CONTACT_NAME_PARTS.some((part) => contacts.has(part) && contacts.get(part) !== "include")) {
    contacts.set("Full_Name", "drop");
  }
}

function versionOf(rules: ReadonlyMap<string, ReadonlyMap<string, FieldVerb>>, salt: string): string {
  const lines = [...rules].flatMap(([module, fields]) =>
    [...fields].map(([field, verb]) => `${verb}:${module}.${field}`),
  );
  return hash("sha256", `${salt}\n${lines.sort().join("\n")}`, "hex").slice(0, 16);
}
