import { Fault } from "../../faults.ts";
import { parseReply, refusalIn, rowsReply, type WireRow } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";
import { faultOfReply } from "./zoho-faults.ts";

/**
 * One record by its id; undefined when there is none. The only answer from which "gone" may be concluded: 204, or 400
 * INVALID_DATA for the id. Throws a Fault (CRM_…).
 */
export async function recordById(
  api: ZohoApi,
  ref: { readonly module: string; readonly recordId: string },
  signal: AbortSignal,
): Promise<WireRow | undefined> {
  const doing = `reading ${ref.module} by id`;
  const reply = await api.call(
    { method: "GET", path: `/${ref.module}/${ref.recordId}`, kind: "record", doing, isRead: true, accept: [400] },
    signal,
  );
  if (reply.status === 400) {
    if (isIdUnknown(reply.body)) return undefined;
    throw faultOfReply({ ...reply, retryAfterMs: undefined }, doing);
  }
  if (reply.status === 204) return undefined;
  const row = parseReply(rowsReply, reply.body, doing).data[0];
  if (row === undefined || row.id !== ref.recordId) {
    throw new Fault("CRM_REPLY_INVALID", doing, { cause: new Error("the reply is about another record or none") });
  }
  return row;
}

/** True when a 400 says that the id in the path is unknown, and not what stands behind it (a hidden related list). */
export function isIdUnknown(body: unknown): boolean {
  const refusal = refusalIn(body);
  if (refusal?.code !== "INVALID_DATA") return false;
  const index = refusal.details?.["resource_path_index"];
  const isAboutRelation = typeof refusal["message"] === "string" && /relation/i.test(refusal["message"]);
  return !isAboutRelation && (typeof index !== "number" || index <= 1);
}
