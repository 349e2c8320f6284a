import type { Comparator, Condition } from "./coql-parse.ts";
import { isObject } from "./json-body.ts";
import { badRequest } from "./reply.ts";

/** Bulk read's names of comparators. */
const COMPARATORS: Readonly<Record<string, Comparator>> = {
  equal: "=",
  not_equal: "!=",
  less_than: "<",
  less_equal: "<=",
  greater_than: ">",
  greater_equal: ">=",
  in: "in",
  not_in: "not in",
  between: "between",
  like: "like",
};

/** Reads the criteria of a bulk job: one comparison, or a group of them. */
export function readCriteria(value: unknown): Condition {
  if (!isObject(value)) throw badRequest("INVALID_CRITERIA", "invalid criteria");
  const operator = value["group_operator"];
  if (operator !== undefined) {
    const group = value["group"];
    if ((operator !== "and" && operator !== "or") || !Array.isArray(group) || group.length === 0)
      throw badRequest("INVALID_CRITERIA", "invalid criteria", { api_name: "group_operator" });
    return group.map(readCriteria).reduce((left, right) => ({ kind: operator, left, right }));
  }
  const field = value["field"];
  const column = isObject(field) ? field["api_name"] : value["api_name"];
  const comparator = COMPARATORS[String(value["comparator"])];
  if (typeof column !== "string" || comparator === undefined)
    throw badRequest("INVALID_CRITERIA", "invalid criteria", { api_name: "comparator" });
  const given = value["value"];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how Zoho spells an empty value.
  if (comparator === "=" && given === "${EMPTY}")
    return { kind: "criterion", column, comparator: "is null", values: [] };
  const values = (Array.isArray(given) ? given : [given]).map((one: unknown) =>
    typeof one === "boolean" ? one : String(one),
  );
  return { kind: "criterion", column, comparator, values };
}
