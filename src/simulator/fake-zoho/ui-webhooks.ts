import type { Clock } from "../../clock.ts";
import type { PostOutcome } from "./callback-post.ts";
import type { Courier } from "./courier.ts";
import { arrayOf, idOf, isObject, type JsonObject, parseObject } from "./json-body.ts";
import { orgTime, parseTime } from "./org-time.ts";
import { cutPage } from "./paging.ts";
import { idsOf } from "./parameters.ts";
import type { RecordChange } from "./record.ts";
import { displayName, renderField } from "./rendering.ts";
import { badRequest, batchStatus, invalidData, NO_CONTENT, ok, type ZohoReply, type ZohoRequest } from "./reply.ts";
import { ORG_ID_PREFIX } from "./schema.ts";
import type { Store } from "./store.ts";
import { readWebhook, type UiWebhook } from "./ui-webhook-input.ts";

/** `/settings/automation/webhooks`, and the sender. Each webhook counts as attached to a rule "on create or edit". */
export interface UiWebhooks {
  list(request: ZohoRequest): ZohoReply;
  create(request: ZohoRequest): ZohoReply;
  update(request: ZohoRequest): ZohoReply;
  remove(request: ZohoRequest): ZohoReply;
  failures(request: ZohoRequest): ZohoReply;
  changed(change: RecordChange): void;
}

/** Ids of one `DELETE`. */
const DELETE_MAX = 10;

/** Failures kept, and how far back the list reaches without `from`. */
const FAILURES_MAX = 1000;
const FAILURES_MS = 30 * 86_400_000;

type Failure = {
  readonly webhook: UiWebhook;
  readonly change: RecordChange;
  readonly reason: string;
  readonly at: number;
};

/** Makes an empty set of webhooks. */
export function createUiWebhooks(deps: { store: Store; courier: Courier; clock: Clock }): UiWebhooks {
  const { store, courier, clock } = deps;
  const kept = new Map<string, UiWebhook>();
  const failures: Failure[] = [];
  let lastId = 800_000;

  const item = (message: string, id: string) => ({ code: "SUCCESS", details: { id }, message, status: "success" });
  const unknown = (id: string) => invalidData({ id }, "the id given seems to be invalid");

  function send(webhook: UiWebhook, change: RecordChange): void {
    const fill = (text: string) => fillMerge(store, change, text);
    const address = fill(webhook.url);
    if (!URL.canParse(address)) return; // a merged value made no address of it
    const url = new URL(address);
    for (const [name, value] of Object.entries(webhook.urlParameters)) url.searchParams.set(name, fill(value));
    const headers = Object.fromEntries(webhook.headers.map(([name, value]) => [name, fill(value)]));
    courier.send({
      url: url.href,
      method: webhook.method,
      // Values go in as they are: quotes and line ends in them break raw JSON, as they do at Zoho.
      ...(webhook.method === "POST" || webhook.method === "PUT" ? { body: fill(webhook.body) } : { body: "" }),
      headers: { "content-type": webhook.contentType, ...headers },
      onOutcome: (outcome) => {
        const reason = failureReason(outcome);
        if (reason === undefined) return;
        failures.push({ webhook, change, reason, at: clock.now() });
        if (failures.length > FAILURES_MAX) failures.shift();
      },
    });
  }

  return {
    list: (request) => {
      const id = request.path[3];
      const module = request.query.get("module");
      const rows = [...kept.values()].filter(
        (webhook) => (id === undefined || webhook.id === id) && (module === null || webhook.module === module),
      );
      const page = cutPage(request, rows, {});
      if (page.rows.length === 0) return NO_CONTENT;
      return ok({ webhooks: page.rows.map((webhook) => ({ id: webhook.id, ...webhook.given })), info: page.info });
    },
    create: (request) => {
      const given = onlyOne(request);
      lastId += 3;
      const id = `${ORG_ID_PREFIX}${String(lastId).padStart(12, "0")}`;
      kept.set(id, readWebhook(store.schema, id, given));
      return ok({ webhooks: [item("webhook created successfully", id)] }, 201);
    },
    update: (request) => {
      const given = onlyOne(request);
      const id = request.path[3] ?? idOf(given["id"]) ?? "";
      const known = kept.get(id);
      if (known === undefined) throw unknown(id);
      const changed = readWebhook(store.schema, id, { ...known.given, ...given });
      if (changed.module !== known.module) throw invalidData({ api_name: "module", json_path: "$.webhooks[0].module" });
      kept.set(id, changed);
      return ok({ webhooks: [item("webhook updated successfully", id)] });
    },
    remove: (request) => {
      const inPath = request.path[3];
      const ids = inPath === undefined ? (idsOf(request, { name: "ids", max: DELETE_MAX }) ?? []) : [inPath];
      const done = ids.map((id) =>
        kept.delete(id) ? item("webhook deleted successfully", id) : { ...unknown(id).item(), status: "error" },
      );
      return ok({ webhooks: done }, batchStatus(done, 200));
    },
    failures: (request) => {
      const from = parseTime(`${request.query.get("from") ?? ""}T00:00:00+05:30`) ?? clock.now() - FAILURES_MS;
      const wanted = request.query.get("webhook_id");
      const rows = failures.filter(({ webhook, at }) => at >= from && (wanted === null || webhook.id === wanted));
      const page = cutPage(request, rows, {});
      if (page.rows.length === 0) return NO_CONTENT;
      return ok({ webhook_failures: page.rows.map((failure) => showFailure(store, failure)), info: page.info });
    },
    changed: (change) => {
      if (change.operation === "delete") return;
      for (const webhook of kept.values()) if (webhook.module === change.module) send(webhook, change);
    },
  };
}

function onlyOne(request: ZohoRequest): JsonObject {
  const [given, ...more] = arrayOf(parseObject(request.body), "webhooks");
  if (!isObject(given) || more.length > 0)
    throw badRequest("INVALID_DATA", "exactly one webhook is expected", { api_name: "webhooks", maximum_length: 1 });
  return given;
}

/** Puts in `${!Accounts.Id}` and `${!Accounts.Industry}` as plain text. */
function fillMerge(store: Store, change: RecordChange, text: string): string {
  const fields = store.schema.module(change.module)?.fields;
  return text.replace(/\$\{!(\w+)\.(\w+)\}/g, (whole, module: string, name: string) => {
    if (module !== change.module) return whole;
    if (name.toLowerCase() === "id") return change.id;
    const field = fields?.get(name);
    if (field === undefined) return "";
    const shown = renderField(store, change.record, { field, isCut: false });
    const value = isObject(shown) ? shown["name"] : shown;
    return value === null || value === undefined ? "" : String(value);
  });
}

function failureReason(outcome: PostOutcome): string | undefined {
  if (outcome === "failed") return "connection_failed";
  if (outcome === 404) return "page_notfound";
  return outcome >= 200 && outcome < 300 ? undefined : `http_${outcome}`;
}

function showFailure(store: Store, { webhook, change, reason, at }: Failure): Record<string, unknown> {
  return {
    id: `${change.id}-${at}`,
    failure_time: orgTime(at),
    failure_reason: reason,
    webhook: { id: webhook.id, name: webhook.name },
    workflow_rule: { id: webhook.id, name: `Rule of ${webhook.name}` },
    entity_details: {
      id: change.id,
      name: displayName(store, change.record),
      module: { api_name: change.module, id: store.schema.module(change.module)?.id ?? null },
    },
  };
}
