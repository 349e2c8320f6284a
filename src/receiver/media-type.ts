import type { IncomingHttpHeaders } from "node:http";

/** `application/json` or a `+json` type, with any parameters. */
const JSON_TYPE = /^application\/(?:json|[a-z0-9!#$&^_.+-]{1,100}\+json)$/;

/**
 * True for plain JSON in UTF-8. No content type at all is taken as JSON, because Zoho's own client libraries send bodies
 * without one and what its callbacks carry is not documented (facts/zoho-api.md §4.10, §1.4). Compressed bodies are refused:
 * their size would not be bounded by what was read.
 */
export function isJsonRequest(headers: IncomingHttpHeaders): boolean {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity") return false;
  const contentType = headers["content-type"];
  if (contentType === undefined || contentType === "application/json") return true;
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  if (!JSON_TYPE.test(type.trim())) return false;
  return parameters.every((parameter) => {
    const [name = "", value = ""] = parameter.split("=");
    return name.trim() !== "charset" || /^"?utf-?8"?$/.test(value.trim());
  });
}
