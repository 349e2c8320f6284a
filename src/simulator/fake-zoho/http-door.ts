import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../clock.ts";
import { orgTime } from "./org-time.ts";
import { chance } from "./pick.ts";
import { Refusal, refused, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { Zoho } from "./zoho.ts";

/** Calls by path class, as in `GET /crm/v8/Accounts/:id`. */
export type CallCounts = Record<string, number>;

/** Headers that every reply of the real API was seen with. */
const USUAL_HEADERS = {
  Server: "ZGS",
  clientVersion: "3180251",
  clientsubVersion: "54d0c1a8f3b54bb9ad7c2b2c5f4d8a6e",
  "Cache-Control": "no-store, no-cache, must-revalidate, private",
  Pragma: "no-cache",
};

const JSON_HEADERS = {
  "Content-Type": "application/json;charset=UTF-8",
  "Content-Disposition": "attachment; filename=response.json",
};

/** Puts the stand-in behind a server: `/oauth/v2/token`, `/crm/v8/…`, `/crm/bulk/v8/…`. */
export function openDoor(
  app: FastifyInstance,
  deps: { readonly zoho: Zoho; readonly clock: Clock; readonly origin: () => string; readonly calls: CallCounts },
): void {
  const { zoho, calls } = deps;
  const count = (name: string) => {
    calls[name] = (calls[name] ?? 0) + 1;
  };

  app.post("/oauth/v2/token", async (request, reply) => {
    count("POST /oauth/v2/token");
    if (isOut(zoho, request, reply)) return reply;
    return send(reply, zoho.oauth.token(formOf(request), deps.origin()));
  });
  app.post("/oauth/v2/token/revoke", async (request, reply) => {
    count("POST /oauth/v2/token/revoke");
    return send(reply, zoho.oauth.revoke(formOf(request).get("token")));
  });
  app.all("/crm/*", async (request, reply) => {
    const call = callOf(request);
    if (call !== undefined) count(className(call.request, call.isBulk));
    if (isOut(zoho, request, reply)) return reply;
    if (call === undefined) return send(reply, refused(notFound()));
    return send(reply, await answer(deps, call));
  });
}

/** One call: sign-in, limits, mischief, the endpoint. */
async function answer(
  deps: { readonly zoho: Zoho; readonly clock: Clock },
  call: { readonly request: ZohoRequest; readonly isBulk: boolean },
): Promise<ZohoReply> {
  const { zoho, clock } = deps;
  const headers: Record<string, string> = {};
  try {
    const endpoint = zoho.endpoint(call.request, call.isBulk);
    const expiresAt = zoho.oauth.authorize(call.request.header("authorization"), [endpoint.scope]);
    headers["X-ACCESSTOKEN-RESET"] = orgTime(expiresAt);
    const place = zoho.limits.enter(call.request);
    try {
      if (zoho.mischief.latencyMs > 0) await clock.sleep(zoho.mischief.latencyMs);
      if (chance(zoho.random, zoho.mischief.serverErrors)) throw serverError(chance(zoho.random, 0.5));
      const reply = endpoint.run(call.request);
      zoho.limits.spend(reply.credits ?? 1);
      return { ...reply, headers: { ...headers, ...zoho.limits.headers(), ...reply.headers } };
    } finally {
      place.leave();
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...refused(error), headers: { ...headers, ...zoho.limits.headers() } };
  }
}

function serverError(isInternal: boolean): Refusal {
  return isInternal
    ? new Refusal(500, "INTERNAL_ERROR", { message: "Internal Server Error" })
    : new Refusal(503, "SERVICE_UNAVAILABLE", { message: "Service Unavailable" });
}

/** An outage answers 503 with a page that is no JSON, or cuts the connection. */
function isOut(zoho: Zoho, request: FastifyRequest, reply: FastifyReply): boolean {
  if (zoho.mischief.outage === "none") return false;
  if (zoho.mischief.outage === "cut") {
    reply.hijack();
    request.raw.socket.destroy();
    return true;
  }
  void reply
    .code(503)
    .header("Content-Type", "text/html")
    .send("<html><body>Service Temporarily Unavailable</body></html>");
  return true;
}

function callOf(request: FastifyRequest): { request: ZohoRequest; isBulk: boolean } | undefined {
  const url = new URL(request.url, "http://simulator.invalid");
  const [, bulk, version = "", rest = ""] = /^\/crm\/(bulk\/)?v(2|2\.1|[3-8])\/(.*)$/.exec(url.pathname) ?? [];
  if (rest === "") return undefined;
  const zohoRequest: ZohoRequest = {
    method: request.method,
    version: Number(version),
    path: rest
      .split("/")
      .filter((segment) => segment !== "")
      .map(decode),
    query: url.searchParams,
    body: bodyOf(request),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
  return { request: zohoRequest, isBulk: bulk !== undefined };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment; // no such module or id: refused further on
    throw error;
  }
}

/** The path with ids and the like taken out, so that calls can be counted by what they are. */
function className({ method, path, version }: ZohoRequest, isBulk: boolean): string {
  const shown = path.map((segment) => (/^\d+$/.test(segment) ? ":id" : segment)).join("/");
  return `${method} /crm/${isBulk ? "bulk/" : ""}v${version}/${shown}`;
}

function send(reply: FastifyReply, answered: ZohoReply): FastifyReply {
  void reply.code(answered.status).headers({ ...USUAL_HEADERS, ...answered.headers });
  if (answered.bytes !== undefined) return reply.send(answered.bytes);
  if (answered.body === undefined) return reply.send();
  return reply.headers(JSON_HEADERS).send(JSON.stringify(answered.body));
}

function notFound(): Refusal {
  return new Refusal(404, "INVALID_URL_PATTERN", {
    message: "Please check if the URL trying to access is a correct one",
  });
}

/** The bytes of a body; the server keeps every kind of body as they came. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

/** Token parameters, from the query, an urlencoded body or a multipart form: clients send all three. */
function formOf(request: FastifyRequest): URLSearchParams {
  const form = new URLSearchParams(new URL(request.url, "http://simulator.invalid").searchParams);
  const text = bodyOf(request).toString();
  const boundary = /boundary="?([^";]+)"?/.exec(request.headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) {
    for (const [name, value] of new URLSearchParams(text)) form.set(name, value);
    return form;
  }
  for (const part of text.split(`--${boundary}`)) {
    const [head = "", ...rest] = part.split("\r\n\r\n");
    const name = /name="([^"]+)"/.exec(head)?.[1];
    if (name !== undefined) form.set(name, rest.join("\r\n\r\n").replace(/\r\n$/, ""));
  }
  return form;
}
