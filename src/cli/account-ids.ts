import { RECORD_ID_PATTERN } from "../account.ts";
import { Misuse } from "./exit-code.ts";

/** Most accounts of one call; a whole CRM is the backfill's work. */
const ACCOUNT_IDS_MAX = 10_000;

/** The ids, each once. Throws Misuse for what is no CRM id. */
export function checkedAccountIds(ids: readonly string[]): readonly string[] {
  const wrong = ids.filter((id) => !RECORD_ID_PATTERN.test(id));
  if (wrong.length > 0)
    throw new Misuse(`an account id is 1 to 20 digits, not ${wrong.map((id) => `"${id}"`).join(", ")}`);
  if (ids.length > ACCOUNT_IDS_MAX) throw new Misuse(`at most ${ACCOUNT_IDS_MAX} account ids at once`);
  return [...new Set(ids)];
}
