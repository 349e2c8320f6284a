import type { FastifyInstance, FastifyRequest } from "fastify";
import { bodyOf } from "./fake-zoho/http-door.ts";
import { idOf, isObject, type JsonObject, parseJson } from "./fake-zoho/json-body.ts";
import type { StoredFields } from "./fake-zoho/record.ts";
import type { Zoho } from "./fake-zoho/zoho.ts";

/** The control interface, as `GET /__simulator` tells it. */
const MANUAL = `The control interface, for test programs in other processes. Loopback only; JSON in and out, whatever the Content-Type.

GET  /__simulator                    this text
GET  /__simulator/stats              calls by path class, credits, tokens issued, callbacks sent, answered, failed, pending
GET  /__simulator/mischief           the trouble made on purpose (mischief.ts);   PUT changes the given ones
GET  /__simulator/behaviour          what documents leave open and limits (behaviour.ts); PUT changes the given ones.
       A client that restarts often needs more than the 10 access tokens in ten minutes which Zoho gives:
       curl -X PUT …/__simulator/behaviour -d '{"tokensPerWindow": 100000}'
PUT  /__simulator/signed-notes       {"url", "secret"}, or null: off
POST /__simulator/changes            one change, or an array of them; answers {"results": […]}:
       {"do":"create",  "module", "fields"}              → {"id"}; lookups are ids or {"id"}, polymorphic ones with "$se_module" beside
       {"do":"update",  "module", "id", "fields"}        → {"done"}
       {"do":"delete" | "restore" | "purge", "module", "id"} → {"done"}
       {"do":"merge",   "module", "id", "losers": [id…]} → {"done"}
       {"do":"note",    "module", "id", "content", "title"?} → {"id"}; module and id are the parent's
       {"do":"move",    "module": "Contacts"|"Deals", "id", "account": id|null} → {"done"}
       {"do":"workday", "count": n}                      → {"lines": […]}
       {"do":"expire_tokens"}                            → {"done"}; kills all access tokens
GET  /__simulator/channels           live channels with their expiry
GET  /__simulator/ids/:module        all ids of a module
GET  /__simulator/records/:module/:id  one record in full, 404 when there is none
GET  /__simulator/truth/:accountId   the account with all that belongs to it, 404 when there is none
`;

/** Changes of one call. */
const CHANGES_MAX = 10_000;

const LOOPBACK = ["127.0.0.1", "::1", "::ffff:127.0.0.1"];

/** Adds the control interface to the server. `stats` gives what `GET stats` answers. */
export function openControl(app: FastifyInstance, deps: { readonly zoho: Zoho; readonly stats: () => unknown }): void {
  const { zoho } = deps;
  const base = "/__simulator";
  app.addHook("onRequest", async (request, reply) => {
    if (!request.url.startsWith(base) || LOOPBACK.includes(request.ip)) return;
    await reply.code(403).send({ error: "the control interface answers loopback only" });
  });
  for (const path of [base, `${base}/`])
    app.get(path, async (_request, reply) => reply.type("text/plain; charset=utf-8").send(MANUAL));
  app.get(`${base}/stats`, async () => deps.stats());
  app.get(`${base}/mischief`, async () => zoho.mischief);
  app.put(`${base}/mischief`, async (request) => assign(zoho.mischief, jsonOf(request)));
  app.get(`${base}/behaviour`, async () => zoho.behaviour);
  app.put(`${base}/behaviour`, async (request) => assign(zoho.behaviour, jsonOf(request)));
  app.put(`${base}/signed-notes`, async (request) => {
    const target = jsonOf(request);
    const isOn = isObject(target);
    zoho.crm.setSignedNotes(isOn ? { url: String(target["url"]), secret: String(target["secret"]) } : null);
    return { on: isOn };
  });
  app.post(`${base}/changes`, async (request, reply) => {
    const given = jsonOf(request);
    const changes: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (changes.length > CHANGES_MAX || !changes.every(isObject))
      return reply.code(400).send({ error: `expected 1 to ${CHANGES_MAX} changes` });
    return { results: changes.map((change) => apply(zoho, change)) };
  });
  app.get(`${base}/channels`, async () =>
    zoho.channels.live().map((channel) => ({
      channel_id: channel.id,
      expires_at: new Date(channel.expiresAt).toISOString(),
      notify_url: channel.notifyUrl,
      modules: [...channel.events.keys()],
    })),
  );
  app.get<{ Params: { module: string } }>(`${base}/ids/:module`, async (request) =>
    zoho.crm.ids(request.params.module),
  );
  app.get<{ Params: { module: string; id: string } }>(`${base}/records/:module/:id`, async (request, reply) => {
    const found = zoho.crm.read(request.params.module, request.params.id);
    return found ?? reply.code(404).send({ error: "no such record" });
  });
  app.get<{ Params: { accountId: string } }>(`${base}/truth/:accountId`, async (request, reply) => {
    const found = zoho.crm.truth(request.params.accountId);
    return found ?? reply.code(404).send({ error: "no such account" });
  });
}

function jsonOf(request: FastifyRequest): unknown {
  return parseJson(bodyOf(request));
}

/** Changes the given settings; names that do not exist are passed over. */
function assign<T extends object>(settings: T, given: unknown): T {
  if (isObject(given))
    for (const [name, value] of Object.entries(given)) if (name in settings) Object.assign(settings, { [name]: value });
  return settings;
}

function apply(zoho: Zoho, change: JsonObject): Record<string, unknown> {
  const { crm } = zoho;
  const text = (name: string) => String(change[name] ?? "");
  const module = text("module");
  const id = text("id");
  switch (change["do"]) {
    case "create":
      return { id: crm.create(module, fieldsOf(change)) };
    case "update":
      return { done: crm.update(module, id, fieldsOf(change)) };
    case "delete":
      return { done: crm.delete(module, id) };
    case "restore":
      return { done: crm.restore(module, id) };
    case "purge":
      return { done: crm.purge(module, id) };
    case "merge":
      return { done: crm.merge(module, id, Array.isArray(change["losers"]) ? change["losers"].map(String) : []) };
    case "note":
      return {
        id: crm.addNote({ module, id }, text("content"), change["title"] === undefined ? undefined : text("title")),
      };
    case "move": {
      const account = change["account"];
      const target = module === "Deals" ? "Deals" : "Contacts";
      return { done: crm.move(target, id, typeof account === "string" ? account : null) };
    }
    case "workday":
      return {
        lines: Array.from({ length: Math.min(CHANGES_MAX, Number(change["count"] ?? 1)) }, () => crm.workday()),
      };
    case "expire_tokens":
      zoho.oauth.expireAll();
      return { done: true };
    default:
      return { error: `unknown change ${text("do")}` };
  }
}

function fieldsOf(change: JsonObject): StoredFields {
  const fields: StoredFields = {};
  for (const [name, given] of Object.entries(isObject(change["fields"]) ? change["fields"] : {})) {
    const value = isObject(given) ? (idOf(given) ?? null) : given;
    if (value === null || ["string", "number", "boolean"].includes(typeof value))
      fields[name] = value as string | number | boolean | null; // the line above proves it
  }
  return fields;
}
