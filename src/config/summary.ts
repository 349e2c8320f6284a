import { type Group, variables } from "./schema.ts";

/** Where a variable's value comes from. */
export type Origin = "environment" | ".env" | "default" | "unset";

/** One variable as it is in effect. */
export interface SummaryRow {
  readonly name: string;
  readonly group: Group;
  /** As written; `set` or `unset` for a secret; undefined when a plain one is unset. */
  readonly value: string | undefined;
  readonly origin: Origin;
}

/** The variables as they are in effect, secrets only as `set` or `unset`. */
export function summarise(
  values: Readonly<Record<string, string | undefined>>,
  originOf: (name: string) => "environment" | ".env",
): readonly SummaryRow[] {
  return variables().map(({ name, group, isSecret, default: fallback }) => {
    const value = values[name];
    const origin = value !== undefined ? originOf(name) : fallback !== undefined ? "default" : "unset";
    const shown = isSecret ? (value === undefined ? "unset" : "set") : (value ?? fallback);
    return { name, group, value: shown, origin };
  });
}

/** The summary as fields of one log line: what was set, and every secret's state. */
export function summaryFields(rows: readonly SummaryRow[]): Readonly<Record<string, string>> {
  const told = rows.filter((row) => row.origin === "environment" || row.origin === ".env" || row.value === "unset");
  return Object.fromEntries(told.map((row) => [row.name, row.value ?? "unset"]));
}
