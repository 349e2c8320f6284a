import { createHmac } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Courier } from "./courier.ts";
import { orgTime } from "./org-time.ts";
import type { RecordChange } from "./record.ts";

/** Where the signed function posts, and the secret that it signs with. */
export interface SignedNotes {
  readonly url: string;
  readonly secret: string;
}

const EVENT_TYPES = { insert: "create", update: "update", delete: "delete" } as const;

/**
 * The org's own Deluge function: Notes have no push, so a workflow on the parent's side runs a function that posts a signed body.
 * The signature covers `<timestamp>.<body>` exactly as sent, in hexadecimal.
 */
export function sendSignedNote(
  deps: { clock: Clock; courier: Courier },
  target: SignedNotes,
  change: RecordChange,
): void {
  const parentId = change.record.fields["Parent_Id"];
  const isOnAccount = change.record.fields["$se_module"] === "Accounts" && typeof parentId === "string";
  const body = JSON.stringify({
    module: "Notes",
    record_id: change.id,
    event_type: EVENT_TYPES[change.operation],
    ...(isOnAccount ? { account_id: parentId } : {}),
    ...(change.operation === "update" ? { modified_fields: change.fields } : {}),
    timestamp: orgTime(change.at),
  });
  const timestamp = String(deps.clock.now());
  deps.courier.send({
    url: target.url,
    body,
    headers: {
      "content-type": "application/json",
      "X-Zoho-Timestamp": timestamp,
      "X-Zoho-Signature": createHmac("sha256", target.secret).update(`${timestamp}.${body}`).digest("hex"),
    },
  });
}
