import { type HmacKey, hmacKey } from "./hmac.ts";

/** Standard Webhooks writes secrets as this prefix and the key's bytes in base64. */
const STANDARD_PREFIX = "whsec_";

/** Which of the two secrets vouched for a delivery; counted, so that an operator sees when the old one is unused. */
export type SecretName = "current" | "previous";

/** The secrets as configured. Without any, signed deliveries are refused. */
export interface ReceiverSecrets {
  readonly current?: string | undefined;
  readonly previous?: { readonly secret: string; readonly until?: number | undefined } | undefined;
}

/** A secret with its keys made ready. */
export interface ReadySecret {
  readonly name: SecretName;
  /** Accepted up to this instant, epoch milliseconds. */
  readonly until: number;
  /** Keys of a plain signature: the secret's UTF-8 bytes, and for `whsec_…` the decoded bytes as well. */
  readonly signatureKeys: readonly HmacKey[];
  /** Key of Standard Webhooks: the decoded bytes of `whsec_…`, else the UTF-8 bytes. */
  readonly standardKey: HmacKey;
}

/** Makes keys of the configured secrets, the current one first. Empty text is no secret. */
export function readySecrets(secrets: ReceiverSecrets): readonly ReadySecret[] {
  const ready: ReadySecret[] = [];
  if (secrets.current) ready.push(readySecret("current", secrets.current, Number.POSITIVE_INFINITY));
  const { previous } = secrets;
  if (previous?.secret) {
    ready.push(readySecret("previous", previous.secret, previous.until ?? Number.POSITIVE_INFINITY));
  }
  return ready;
}

/**
 * A `whsec_…` secret signs in either reading: Standard Webhooks means the decoded bytes, but Deluge's `hmacsha256` takes
 * text only, so a Zoho function can only key with the secret as it is written. Both are equally hard to guess.
 */
function readySecret(name: SecretName, secret: string, until: number): ReadySecret {
  const textKey = hmacKey(Buffer.from(secret, "utf8"));
  const decoded = secret.startsWith(STANDARD_PREFIX)
    ? Buffer.from(secret.slice(STANDARD_PREFIX.length), "base64")
    : Buffer.alloc(0);
  if (decoded.length === 0) return { name, until, signatureKeys: [textKey], standardKey: textKey };
  const decodedKey = hmacKey(decoded);
  return { name, until, signatureKeys: [decodedKey, textKey], standardKey: decodedKey };
}
