import { hash } from "node:crypto";

/** The shape of documents. Raising it makes every account's document be written again. */
export const DOCUMENT_FORMAT = 1;

/** Hash of all that decides what a sink is given: format, policy, title and text. Equal = nothing to write. */
export function fingerprint(document: {
  readonly title: string;
  readonly text: string;
  readonly policyVersion: string;
}): string {
  const { title, text, policyVersion } = document;
  return hash("sha256", `${DOCUMENT_FORMAT}\n${policyVersion}\n${title}\n${text}`, "base64url");
}
