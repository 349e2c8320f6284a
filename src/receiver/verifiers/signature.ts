import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { DIGEST_BYTES, hmacSha256 } from "./hmac.ts";
import type { ReadySecret, SecretName } from "./secrets.ts";

/** Headers that carry a signature of the raw body. */
const SIGNATURE_HEADERS = ["x-zoho-signature", "x-webhook-signature", "x-signature"] as const;
/** Headers that carry the time that was signed with it. */
const TIMESTAMP_HEADERS = ["x-zoho-timestamp", "x-timestamp"] as const;
/** How far a signed time may lie from ours, either way: a replay older than this is refused. */
export const TOLERANCE_MS = 300_000;
/** Epoch times from here on are milliseconds; in seconds it would be the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000;

const HEX_DIGEST = /^[0-9a-f]{64}$/i;
const BASE64_DIGEST = /^(?:[A-Za-z0-9+/]{43}|[A-Za-z0-9_-]{43})=?$/;

/** A request as the verifiers see it. */
export interface SignedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly nowMs: number;
}

/** True when the sender claims a signature, be it empty or wrong: then nothing else may vouch for the delivery. */
export function hasSignature(headers: IncomingHttpHeaders): boolean {
  return SIGNATURE_HEADERS.some((name) => headers[name] !== undefined);
}

/**
 * Verifies `HMAC-SHA256(raw body)`, or of `<timestamp>.<raw body>` as soon as a timestamp header is there: a signature
 * without the time would let anyone replay the delivery under a new one. Every signature header that is present must be
 * right. Returns the secret that matched.
 */
export function verifySignature(request: SignedRequest, secrets: readonly ReadySecret[]): SecretName | undefined {
  const prefix = signedPrefix(request);
  if (prefix === undefined) return undefined;
  const signatures: Buffer[] = [];
  for (const name of SIGNATURE_HEADERS) {
    const header = request.headers[name];
    if (header === undefined) continue;
    const signature = typeof header === "string" ? decodeSignature(header) : undefined;
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  if (signatures.length === 0) return undefined;

  for (const secret of secrets) {
    if (request.nowMs > secret.until) continue;
    for (const key of secret.signatureKeys) {
      const expected = hmacSha256(key, prefix, request.body);
      if (signatures.every((signature) => timingSafeEqual(signature, expected))) return secret.name;
    }
  }
  return undefined;
}

/** `""` without a timestamp, `<timestamp>.` with a good one, undefined with a bad or contradictory one. */
function signedPrefix(request: SignedRequest): string | undefined {
  let timestamp: string | undefined;
  for (const name of TIMESTAMP_HEADERS) {
    const header = request.headers[name];
    if (header === undefined) continue;
    if (typeof header !== "string" || (timestamp !== undefined && timestamp !== header)) return undefined;
    timestamp = header;
  }
  if (timestamp === undefined) return "";
  return isRecent(timestamp, request.nowMs) ? `${timestamp}.` : undefined;
}

/** True for an epoch time in whole seconds or milliseconds within the tolerance. */
export function isRecent(timestamp: string, nowMs: number): boolean {
  if (!/^\d{1,16}$/.test(timestamp)) return false;
  const value = Number(timestamp);
  const timestampMs = value < MILLISECONDS_FROM ? value * 1_000 : value;
  return Math.abs(nowMs - timestampMs) <= TOLERANCE_MS;
}

/** The 32 bytes of a signature in hexadecimal or base64 (either alphabet), with or without `sha256=`. */
function decodeSignature(header: string): Buffer | undefined {
  const text = /^sha256=/i.test(header) ? header.slice("sha256=".length) : header;
  if (HEX_DIGEST.test(text)) return Buffer.from(text, "hex");
  return decodeBase64Digest(text);
}

/** The 32 bytes of a digest in base64; undefined for anything else. */
export function decodeBase64Digest(text: string): Buffer | undefined {
  if (!BASE64_DIGEST.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length === DIGEST_BYTES ? bytes : undefined;
}
