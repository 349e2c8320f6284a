import type { FurtherCheck } from "../config/load.ts";
import { parseFieldPolicy } from "../memory/field-policy.ts";

/** What is wrong with FIELD_POLICY: the memory room reads it, and the configuration names it with all the rest. */
export const checkFieldPolicy: FurtherCheck = (values) => {
  const text = values["FIELD_POLICY"];
  if (text === undefined) return [];
  if (/\bhash:/.test(text) && values["FIELD_POLICY_SALT"] === undefined) {
    return [{ name: "FIELD_POLICY_SALT", expected: "a value, because FIELD_POLICY has a hash rule" }];
  }
  const modules = (values["CUSTOM_MODULES"] ?? "").split(",").map((entry) => entry.split(":")[0]?.trim() ?? "");
  const read = parseFieldPolicy(text, {
    salt: values["FIELD_POLICY_SALT"] ?? "",
    customModules: modules.filter((module) => module !== ""),
  });
  if (read.outcome === "read") return [];
  return read.problems.map((problem) => ({ name: "FIELD_POLICY", expected: `rules that fit: ${problem}` }));
};
