import { arrayOf, isObject, type JsonObject, parseObject } from "./json-body.ts";
import { badRequest, invalidData, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";

/** Calls in one composite request. */
const PARTS_MAX = 5;

/** Records that a read inside a composite request returns. */
const PART_ROWS_MAX = 25;

const VERSION_MIN = 3;

/** `POST /__composite_requests`: each part is run like a call of its own, in order. */
export function runComposite(
  request: ZohoRequest,
  run: (uri: string, part: { method: string; query: URLSearchParams; headers: JsonObject; body: Buffer }) => ZohoReply,
): ZohoReply {
  if (request.version < VERSION_MIN)
    throw badRequest("API_NOT_SUPPORTED", "the API is not supported in this version", {
      supported_version: VERSION_MIN,
    });
  const parts = arrayOf(parseObject(request.body), "__composite_requests");
  if (parts.length > PARTS_MAX)
    throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", { limit: PARTS_MAX, api_name: "__composite_requests" });
  const answers = new Map<string, unknown>();
  const done = parts.map((part, index) => {
    if (!isObject(part)) throw invalidData({ json_path: `$.__composite_requests[${index}]` });
    const id = String(part["sub_request_id"] ?? index + 1);
    const method = String(part["method"] ?? "GET");
    const filled = (value: unknown): string =>
      fillReferences(typeof value === "string" ? value : JSON.stringify(value), answers);
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(isObject(part["params"]) ? part["params"] : {}))
      query.set(name, filled(value));
    if (method === "GET" && Number(query.get("per_page") ?? PART_ROWS_MAX) >= PART_ROWS_MAX)
      query.set("per_page", String(PART_ROWS_MAX));
    const body = part["body"] === undefined ? Buffer.alloc(0) : Buffer.from(filled(part["body"]));
    const headers = isObject(part["headers"]) ? part["headers"] : {};
    const reply = run(filled(part["uri"] ?? ""), { method, query, headers, body });
    answers.set(id, reply.body);
    return {
      code: reply.status < 400 ? "SUCCESS" : "FAILED",
      status: reply.status < 400 ? "success" : "error",
      message: reply.status < 400 ? "composite request executed" : "composite request failed",
      details: {
        sub_request_id: id,
        response: { status_code: reply.status, headers: reply.headers ?? {}, body: reply.body ?? null },
      },
    };
  });
  return ok({ __composite_requests: done });
}

/** Puts in what an earlier part answered: `@{1:$.data[0].id}`. */
function fillReferences(text: string, answers: ReadonlyMap<string, unknown>): string {
  return text.replace(/@\{(\w+):\$([^}]*)\}/g, (_whole, id: string, path: string) => {
    let value: unknown = answers.get(id);
    for (const [step] of path.matchAll(/[A-Za-z_$][\w$]*|\d+/g)) {
      if (Array.isArray(value)) value = value[Number(step)];
      else value = isObject(value) ? value[step] : undefined;
    }
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  });
}
