import type { RecordRef } from "../../src/account.ts";
import type { ShownRecord, SimulatedCrm } from "../../src/simulator/fake-zoho/crm.ts";

const ACTIVITY_MODULES = ["Tasks", "Events", "Calls"];

/**
 * Activities that may have changed their account without a word. When an account is deleted, Zoho empties the links to it
 * and announces nothing, so an activity on it falls to the account of its contact, if that one has another. No webhook can
 * tell; in life a full comparison finds it. Here it is announced, so that what the judge finds wrong is the work of a kill.
 */
export function silentlyMoved(crm: SimulatedCrm, workdayLine: string): readonly RecordRef[] {
  if (!/^Accounts .* deleted$/.test(workdayLine)) return [];
  return ACTIVITY_MODULES.flatMap((module) =>
    crm
      .ids(module)
      .filter((id) => hasOnlyContact(crm, crm.read(module, id)))
      .map((recordId) => ({ module, recordId })),
  );
}

/** True when an activity has a contact, and no account or deal that leads to an account. */
function hasOnlyContact(crm: SimulatedCrm, activity: ShownRecord | undefined): boolean {
  if (activity === undefined || activity["Who_Id"] == null) return false;
  const whatId = idOf(activity["What_Id"]);
  if (whatId === undefined) return true;
  return activity["$se_module"] === "Deals" && idOf(crm.read("Deals", whatId)?.["Account_Name"]) === undefined;
}

function idOf(lookup: unknown): string | undefined {
  return typeof lookup === "object" && lookup !== null && "id" in lookup ? String(lookup.id) : undefined;
}
