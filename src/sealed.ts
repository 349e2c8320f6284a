import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** First characters of a sealed text: the way it was sealed. */
const VERSION = "v1.";
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
/** GCM's own length; random, since a key seals a text an hour and the limit for random ones is four thousand million. */
const NONCE_BYTES = 12;
/** GCM's longest tag. */
const TAG_BYTES = 16;

/** What a text is sealed under. */
export interface SealKeys {
  /** High-entropy secrets that are configured, and stored nowhere else; all of them are needed to open. */
  readonly secrets: readonly string[];
  /** What the text is for: a text sealed for one purpose does not open for another. */
  readonly purpose: string;
}

/** Seals a text with AES-256-GCM under a key derived from the secrets by HKDF-SHA256. */
export function sealText(text: string, keys: SealKeys): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(keys), nonce, { authTagLength: TAG_BYTES });
  const hidden = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), hidden]).toString("base64url");
}

/** The text, or undefined when it was sealed under other keys, is torn, or is no sealed text. */
export function openSealed(sealed: string, keys: SealKeys): string | undefined {
  if (!sealed.startsWith(VERSION)) return undefined;
  const bytes = Buffer.from(sealed.slice(VERSION.length), "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, keyOf(keys), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const start = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([start, decipher.final()]).toString("utf8");
  } catch {
    return undefined; // The one thing that `final` throws for: the tag does not fit.
  }
}

/** JSON keeps the secrets apart, so that no two lists of them read the same. */
function keyOf({ secrets, purpose }: SealKeys): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", JSON.stringify(secrets), "", purpose, KEY_BYTES));
}
