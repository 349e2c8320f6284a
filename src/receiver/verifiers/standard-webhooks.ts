import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { hmacSha256 } from "./hmac.ts";
import type { ReadySecret, SecretName } from "./secrets.ts";
import { decodeBase64Digest, isRecent, type SignedRequest } from "./signature.ts";

/** Most signatures tried in one header: senders list two while they rotate. */
const SIGNATURES_MAX = 16;

/** True when the sender claims a Standard Webhooks signature. */
export function hasStandardSignature(headers: IncomingHttpHeaders): boolean {
  return headers["webhook-signature"] !== undefined;
}

/**
 * Verifies a delivery after the Standard Webhooks specification: `v1,<base64>` of HMAC-SHA256 over
 * `<webhook-id>.<webhook-timestamp>.<raw body>`, several separated by spaces. Returns the secret that matched.
 */
export function verifyStandardWebhook(
  request: SignedRequest,
  secrets: readonly ReadySecret[],
): { readonly secret: SecretName; readonly webhookId: string } | undefined {
  const webhookId = request.headers["webhook-id"];
  const timestamp = request.headers["webhook-timestamp"];
  const header = request.headers["webhook-signature"];
  if (typeof webhookId !== "string" || typeof timestamp !== "string" || typeof header !== "string") return undefined;
  // Seconds only: the specification knows no milliseconds, so more digits are some other time.
  if (webhookId === "" || timestamp.length > 11 || !isRecent(timestamp, request.nowMs)) return undefined;
  const signatures = readSignatures(header);
  if (signatures === undefined) return undefined;

  for (const secret of secrets) {
    if (request.nowMs > secret.until) continue;
    const expected = hmacSha256(secret.standardKey, `${webhookId}.${timestamp}.`, request.body);
    let isMatch = false;
    for (const signature of signatures) isMatch = timingSafeEqual(signature, expected) || isMatch;
    if (isMatch) return { secret: secret.name, webhookId };
  }
  return undefined;
}

/** The digests of version 1; other versions are passed over, as the specification asks. */
function readSignatures(header: string): readonly Buffer[] | undefined {
  const entries = header.split(" ");
  if (entries.length > SIGNATURES_MAX) return undefined;
  const signatures: Buffer[] = [];
  for (const entry of entries) {
    const signature = entry.startsWith("v1,") ? decodeBase64Digest(entry.slice(3)) : undefined;
    if (signature !== undefined) signatures.push(signature);
  }
  return signatures;
}
