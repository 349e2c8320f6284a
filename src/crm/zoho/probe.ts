import { Fault } from "../../faults.ts";
import type { ZohoApi } from "./zoho-api.ts";

/** A query, because that is what reads are made of; a list where the query itself is refused as wrong. Throws a Fault (CRM_…). */
export async function probe(api: ZohoApi, signal: AbortSignal): Promise<void> {
  const shared = { kind: "probe", doing: "asking whether the CRM answers", isRead: false } as const;
  const body = { select_query: "select id from Accounts where id is not null limit 1" };
  try {
    await api.call({ ...shared, method: "POST", path: "/coql", body }, signal);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "CRM_REQUEST_REFUSED") throw error;
    await api.call({ ...shared, method: "GET", path: "/Accounts", query: { fields: "id", per_page: "1" } }, signal);
  }
}
