/** Tells whether a field of a module is meant. */
export type FieldMatcher = (module: string, field: string) => boolean;

/** Matches names as configured: `Industry` is a field of Accounts, `Deals.Stage` one of the module named. */
export function fieldMatcher(names: readonly string[]): FieldMatcher {
  const fieldsByModule = new Map<string, Set<string>>();
  for (const name of names) {
    const dot = name.indexOf(".");
    const module = dot === -1 ? "Accounts" : name.slice(0, dot);
    const fields = fieldsByModule.get(module) ?? new Set();
    fieldsByModule.set(module, fields.add(name.slice(dot + 1)));
  }
  return (module, field) => fieldsByModule.get(module)?.has(field) === true;
}
