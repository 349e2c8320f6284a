/** How records of one module lead to an account. */
export interface RoutingRule {
  /** Fields that can change the account: an update that touches none of them stays where the ledger says. */
  readonly linkFields: ReadonlySet<string>;
}

/** Rules by module API name. A module without a rule is looked up at every event. */
export type RoutingRules = ReadonlyMap<string, RoutingRule>;

/** Activities hang on an account or deal (`What_Id`, of the kind `$se_module`), else on a contact (`Who_Id`). */
const ACTIVITY_LINKS = ["What_Id", "Who_Id", "$se_module"];

const STANDARD_LINKS: Readonly<Record<string, readonly string[]>> = {
  Contacts: ["Account_Name"],
  Deals: ["Account_Name"],
  Tasks: ACTIVITY_LINKS,
  Events: ACTIVITY_LINKS,
  Calls: ACTIVITY_LINKS,
  Notes: ["Parent_Id"],
};

/** The rules of the standard modules, with those of custom modules that configuration names. */
export function routingRules(
  customModules: readonly { readonly module: string; readonly accountField: string }[] = [],
): RoutingRules {
  const custom = customModules.map(({ module, accountField }) => [module, [accountField]] as const);
  return new Map(
    [...Object.entries(STANDARD_LINKS), ...custom].map(([module, fields]) => [
      module,
      { linkFields: new Set<string>(fields) },
    ]),
  );
}
