import type { Clock } from "../../clock.ts";
import { randomSecret } from "../../random.ts";
import type { Behaviour } from "./behaviour.ts";
import { readCriteria } from "./bulk-criteria.ts";
import { type BoundColumn, bindColumn } from "./coql-columns.ts";
import { compileCondition } from "./coql-condition.ts";
import type { Courier } from "./courier.ts";
import { isObject, type JsonObject, parseObject } from "./json-body.ts";
import { orgTime } from "./org-time.ts";
import type { StoredRecord } from "./record.ts";
import { renderUser } from "./rendering.ts";
import { badRequest, ok, Refusal, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { Store } from "./store.ts";
import { zipOf } from "./zip-file.ts";

/** `/crm/bulk/v8/read`: a job is ordered, polled, and its zip fetched. */
export interface BulkRead {
  order(request: ZohoRequest): ZohoReply;
  status(request: ZohoRequest): ZohoReply;
  download(request: ZohoRequest): ZohoReply;
}

/** Modules that bulk read does not know. */
const UNSUPPORTED = ["Notes", "Attachments", "Emails", "Activities"];

/** Downloads of a minute. */
const DOWNLOADS_MAX = 10;
const MINUTE_MS = 60_000;

/** A token of a following job is good for a day. */
const TOKEN_LIFE_MS = 86_400_000;

/** Jobs and tokens remembered. */
const JOBS_MAX = 1000;

interface BulkOrder {
  readonly module: string;
  readonly fields: readonly string[];
  readonly criteria: unknown;
  readonly offset: number;
  readonly page: number;
}

interface Job {
  readonly id: string;
  /** API version that it was ordered on. */
  readonly version: number;
  readonly query: unknown;
  readonly order: BulkOrder;
  readonly rows: readonly StoredRecord[];
  readonly hasMore: boolean;
  readonly nextToken: string | null;
  readonly createdAt: number;
  pollsLeft: number;
  readonly callbackUrl: string | undefined;
}

/** Makes the bulk read. The rows are those of the moment of the order. */
export function createBulkRead(deps: {
  store: Store;
  clock: Clock;
  courier: Courier;
  behaviour: Behaviour;
  actorId: string;
}): BulkRead {
  const { store, clock, courier, behaviour, actorId } = deps;
  const jobs = new Map<string, Job>();
  const tokens = new Map<string, { order: BulkOrder; expiresAt: number }>();
  let lastJob = 4_876_876_000_000_900_000n;
  let downloads: number[] = [];

  const find = (request: ZohoRequest): Job => {
    const job = jobs.get(request.path[1] ?? "");
    if (job === undefined)
      throw new Refusal(404, "RESOURCE_NOT_FOUND", {
        message: "The resource given does not exist",
        details: { id: request.path[1] },
      });
    return job;
  };
  const stateOf = (job: Job) => (job.pollsLeft > 1 ? "ADDED" : job.pollsLeft === 1 ? "IN PROGRESS" : "COMPLETED");
  const user = () => {
    const { email: _email, ...short } = renderUser(store, actorId);
    return short;
  };

  function readOrder(body: JsonObject): BulkOrder {
    const query = body["query"];
    if (!isObject(query)) throw badRequest("MANDATORY_NOT_FOUND", "required field not found", { api_name: "query" });
    const token = query["page_token"];
    if (typeof token === "string") {
      const known = tokens.get(token);
      if (known === undefined || known.expiresAt <= clock.now())
        throw badRequest("EXPIRED_VALUE", "the page token has expired");
      if (Object.keys(query).length > 1)
        throw badRequest("AMBIGUITY_DURING_PROCESSING", "page_token stands alone in query");
      return known.order;
    }
    const module = isObject(query["module"]) ? query["module"]["api_name"] : query["module"];
    if (typeof module !== "string" || UNSUPPORTED.includes(module))
      throw badRequest("MODULE_NOT_SUPPORTED", "the module is not supported", { module });
    const meta = store.schema.module(module);
    if (meta === undefined) throw badRequest("MODULE_NOT_AVAILABLE", "the module is not available", { module });
    const page = query["page"] === undefined ? 1 : Number(query["page"]);
    if (!Number.isInteger(page) || page < 1) throw badRequest("PAGE_RANGE_EXCEEDED", "the page is out of range");
    const fields = Array.isArray(query["fields"]) ? query["fields"].map(String) : [...meta.fields.keys()];
    return { module, fields, criteria: query["criteria"], page, offset: (page - 1) * behaviour.bulkRowsMax };
  }

  function remember(order: BulkOrder): string {
    const token = randomSecret(32);
    tokens.set(token, { order, expiresAt: clock.now() + TOKEN_LIFE_MS });
    return token;
  }

  function show(job: Job): Record<string, unknown> {
    const state = stateOf(job);
    return {
      id: job.id,
      operation: "read",
      state,
      query: job.query,
      created_by: user(),
      created_time: orgTime(job.createdAt),
      file_type: "csv",
      ...(state === "COMPLETED"
        ? {
            result: {
              page: job.order.page,
              per_page: behaviour.bulkRowsMax,
              count: job.rows.length,
              download_url: `/crm/bulk/v${job.version}/read/${job.id}/result`,
              more_records: job.hasMore,
              next_page_token: job.nextToken,
            },
          }
        : {}),
    };
  }

  return {
    order: (request) => {
      assertBody(request);
      const body = parseObject(request.body);
      const order = readOrder(body);
      const bind = (name: string) => bindColumn(deps, order.module, name);
      const test =
        order.criteria === undefined ? () => true : compileCondition(bind, order.module, readCriteria(order.criteria));
      const all = [...store.all(order.module)].filter(test).sort((a, b) => (a.id < b.id ? -1 : 1));
      const end = order.offset + behaviour.bulkRowsMax;
      const hasMore = end < all.length;
      lastJob += 7n;
      const job: Job = {
        id: String(lastJob),
        version: request.version,
        query: body["query"],
        order,
        rows: all.slice(order.offset, end),
        hasMore,
        nextToken: hasMore ? remember({ ...order, offset: end, page: order.page + 1 }) : null,
        createdAt: clock.now(),
        pollsLeft: behaviour.bulkReadPolls,
        callbackUrl: callbackOf(body),
      };
      jobs.set(job.id, job);
      const oldest = jobs.keys().next();
      if (jobs.size > JOBS_MAX && oldest.done === false) jobs.delete(oldest.value);
      if (job.callbackUrl !== undefined) {
        job.pollsLeft = 0;
        const headers = { "content-type": "application/json" };
        courier.send({ url: job.callbackUrl, body: JSON.stringify({ data: [show(job)] }), headers });
      }
      const details = {
        id: job.id,
        operation: "read",
        state: "ADDED",
        created_by: user(),
        created_time: orgTime(job.createdAt),
      };
      const item = { status: "success", code: "ADDED_SUCCESSFULLY", message: "Added successfully.", details };
      return ok({ data: [item], info: {} }, 201);
    },
    status: (request) => {
      const job = find(request);
      const shown = show(job);
      job.pollsLeft = Math.max(0, job.pollsLeft - 1);
      return ok({ data: [shown] });
    },
    download: (request) => {
      const job = find(request);
      if (stateOf(job) !== "COMPLETED") throw badRequest("JOB_NOT_COMPLETED", "the job is not completed yet");
      downloads = downloads.filter((at) => clock.now() - at < MINUTE_MS);
      if (downloads.length >= DOWNLOADS_MAX)
        throw new Refusal(429, "TOO_MANY_REQUESTS", { message: "too many downloads" });
      downloads.push(clock.now());
      const csv = csvOf(job, (name) => bindColumn(deps, job.order.module, name), behaviour.bulkIdColumn);
      return {
        status: 200,
        bytes: zipOf(`${job.id}.csv`, Buffer.from(csv)),
        headers: {
          "Content-Type": "application/zip",
          // The official SDKs fail without it, and find the name only behind a quotation mark, single or double.
          "Content-Disposition": `attachment;filename*=UTF-8''${job.id}.zip`,
        },
      };
    },
  };
}

/** Bulk read alone insists on a Content-Type. */
function assertBody(request: ZohoRequest): void {
  if (request.header("content-type")?.startsWith("application/json") !== true)
    throw new Refusal(415, "MEDIA_TYPE_NOT_SUPPORTED", { message: "The media type is not supported" });
  if (request.body.length === 0) throw badRequest("REQUEST_BODY_IS_EMPTY", "the request body is empty");
}

function callbackOf(body: JsonObject): string | undefined {
  const callback = body["callback"];
  if (!isObject(callback)) return undefined;
  const url = callback["url"];
  if (typeof url !== "string" || !URL.canParse(url))
    throw badRequest("INVALID_CALLBACK_URL", "the callback url is invalid");
  return url;
}

function csvOf(job: Job, bind: (name: string) => BoundColumn, idColumn: string): string {
  const names = job.order.fields.filter((name) => name !== "id");
  const columns = names.map(bind);
  const lines = job.rows.map((record) =>
    [record.id, ...columns.map((column) => cell(column.shown(record)))].map(quote),
  );
  return [[idColumn, ...names], ...lines].map((line) => line.join(",")).join("\n");
}

/** Lookups are flattened to their id, lists are joined by comma. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(cell).join(",");
  if (isObject(value)) return cell(value["id"]);
  return String(value);
}

function quote(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
