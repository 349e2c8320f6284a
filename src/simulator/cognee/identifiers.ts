import { createHash, randomUUID } from "node:crypto";

/** The namespace of RFC 9562 for object ids. */
const NAMESPACE = Buffer.from("6ba7b8129dad11d180b400c04fd430c8", "hex");

const UUID_PATTERN = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** A name-based id (version 5): equal names, equal ids. A dataset made anew under its old name has its old id. */
export function nameUuid(name: string): string {
  const hash = createHash("sha1").update(NAMESPACE).update(name).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return dashed(hash.toString("hex"));
}

/** A random id (version 4), as documents have it. */
export function newUuid(): string {
  return randomUUID();
}

/** The id in its usual spelling; undefined when the text is no UUID. */
export function parseUuid(text: string): string | undefined {
  return UUID_PATTERN.test(text) ? dashed(text.replaceAll("-", "").toLowerCase()) : undefined;
}

/** md5 of the uploaded bytes: what Cognee recognises a document by. */
export function contentHash(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
