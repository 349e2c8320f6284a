import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/**
 * A hand-written stand-in for Zoho, for the client's own tests: just the calls the client makes, each of them recorded
 * and each replaceable. The simulator is the thorough one; this one is small enough to be read beside a test.
 */
export interface ZohoStandIn {
  readonly url: string;
  /** Module → id → fields as Zoho sends them. */
  readonly records: Map<string, Map<string, Record<string, unknown>>>;
  readonly requests: StandInRequest[];
  readonly users: { readonly id: string; readonly full_name: string }[];
  /** Answers instead of the stand-in while it gives something; `hang` = takes the request and never answers. */
  intercept: (request: StandInRequest) => StandInReply | "hang" | undefined;
  put(module: string, id: string, fields: Record<string, unknown>): void;
  /** Calls to a path that begins so. */
  count(path: string): number;
  close(): Promise<void>;
}

/** A request as it came. `query` is the COQL text, if it is one. */
export interface StandInRequest {
  readonly method: string;
  readonly path: string;
  readonly search: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly query: string;
}

/** A reply; `body` is sent as it is when it is text, as JSON otherwise. */
export interface StandInReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const KNOWN_FIELDS: readonly string[] = ["Account_Name", "Account_Status", "Industry", "Description", "Modified_Time"];
/** Where the stand-in cuts text in a query's rows. */
const CUT = 500;

/** Starts the stand-in on a free port of the loopback. */
export async function startZohoStandIn(): Promise<ZohoStandIn> {
  const channels = new Map<string, Record<string, unknown>>();
  let tokens = 0;
  const server = createServer((message, response) => {
    handle(message, response).catch((error: unknown) => {
      response.writeHead(599).end(String(error));
    });
  });
  const handle = async (message: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(Buffer.from(chunk));
    const body = Buffer.concat(chunks).toString("utf8");
    const url = new URL(message.url ?? "/", "http://stand-in");
    const path = url.pathname.replace("/crm/v8", "");
    const query = path === "/coql" ? String(JSON.parse(body).select_query) : "";
    const request = {
      method: message.method ?? "",
      path,
      search: url.searchParams,
      headers: message.headers,
      body,
      query,
    };
    standIn.requests.push(request);
    const reply = standIn.intercept(request) ?? route(request);
    if (reply === "hang") return;
    const text = reply.body === undefined || typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
    response.writeHead(reply.status, { "content-type": "application/json;charset=UTF-8", ...reply.headers });
    response.end(text);
  };
  const route = (request: StandInRequest): StandInReply => {
    const { path, search } = request;
    if (path === "/oauth/v2/token") {
      tokens += 1;
      return {
        status: 200,
        body: { access_token: `access-${tokens}`, expires_in: 3600, api_domain: "https://www.zohoapis.com" },
      };
    }
    if (path === "/coql") return coql(request.query, standIn.records);
    if (path === "/settings/fields") {
      return { status: 200, body: { fields: fieldsOf(search.get("module") ?? "", standIn.records) } };
    }
    if (path === "/users") return { status: 200, body: { users: [...standIn.users], info: { more_records: false } } };
    if (path === "/actions/watch") return watch(request, channels);
    const [, module = "", id = "", list] = path.split("/");
    const rows = standIn.records.get(module) ?? new Map<string, Record<string, unknown>>();
    if (id === "actions" && list === "fetch_full_data") {
      const ids = (search.get("ids") ?? "").split(",");
      return rowsReply(ids.flatMap((one) => (rows.has(one) ? [{ id: one, ...rows.get(one) }] : [])));
    }
    if (list === "Notes") {
      const notes = [...(standIn.records.get("Notes") ?? [])].filter(([, note]) => idOf(note["Parent_Id"]) === id);
      return rowsReply(notes.map(([noteId, note]) => ({ ...note, id: noteId, Parent_Id: { id } })));
    }
    if (id === "") {
      const wanted = new Set((search.get("ids") ?? "").split(","));
      return rowsReply([...rows].filter(([one]) => wanted.has(one)).map(([one, fields]) => ({ ...fields, id: one })));
    }
    return rowsReply(rows.has(id) ? [{ id, ...rows.get(id) }] : []);
  };
  const standIn: ZohoStandIn = {
    url: "",
    records: new Map(),
    requests: [],
    users: [],
    intercept: () => undefined,
    put: (module, id, fields) => {
      const rows = standIn.records.get(module) ?? new Map<string, Record<string, unknown>>();
      standIn.records.set(module, rows.set(id, fields));
    },
    count: (path) => standIn.requests.filter((request) => request.path.startsWith(path)).length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return Object.assign(standIn, { url: `http://127.0.0.1:${port}` });
}

/** `select … from M where (A in (…)) or … order by id asc limit n offset m`: any `in` or `=` that holds is enough. */
function coql(query: string, records: ZohoStandIn["records"]): StandInReply {
  const parts = /^select (.+) from (\w+) where (.+?)(?: order by id asc)? limit (\d+)(?: offset (\d+))?$/.exec(query);
  if (parts === null)
    return { status: 400, body: { code: "SYNTAX_ERROR", message: query, status: "error", details: {} } };
  const [, select = "", module = "", where = "", limit = "0", offset = "0"] = parts;
  const columns = select.split(", ").map((column) => column.replaceAll("'", ""));
  const wanted = [...where.matchAll(/(\w+) (?:in \(([^)]*)\)|= ('\d+'))/g)].map(([, field = "", list, one]) => ({
    field,
    ids: new Set((list ?? one ?? "").replaceAll("'", "").split(",")),
  }));
  const rows = [...(records.get(module) ?? [])]
    .map(([id, fields]): Record<string, unknown> => ({ ...fields, id }))
    .filter((row) => wanted.length === 0 || wanted.some(({ field, ids }) => ids.has(idOf(row[field]) ?? "")))
    .sort((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1));
  const page = rows.slice(Number(offset), Number(offset) + Number(limit));
  const data = page.map((row) => Object.fromEntries(columns.map((column) => [column, cut(row[column])])));
  return rowsReply(data, Number(offset) + page.length < rows.length);
}

function rowsReply(data: readonly object[], more_records = false): StandInReply {
  return data.length === 0
    ? { status: 204 }
    : { status: 200, body: { data, info: { count: data.length, more_records } } };
}

function cut(value: unknown): unknown {
  return typeof value === "string" ? value.slice(0, CUT) : (value ?? null);
}

function idOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "object" && value !== null && "id" in value ? String(value.id) : undefined;
}

function fieldsOf(module: string, records: ZohoStandIn["records"]) {
  const names = [...(records.get(module)?.values() ?? [])].flatMap((fields) => Object.keys(fields));
  return [...new Set([...KNOWN_FIELDS, ...names])].map((api_name) => ({ api_name, data_type: "text" }));
}

function watch(request: StandInRequest, channels: Map<string, Record<string, unknown>>): StandInReply {
  const refused = { watch: [{ code: "NOT_SUBSCRIBED", details: {}, message: "not", status: "error" }] };
  if (request.method === "GET") {
    const rows = [...channels.values()].flatMap((channel) => {
      const events = Array.isArray(channel["events"]) ? channel["events"].map(String) : [];
      const modules = [...new Set(events.map((event) => event.split(".")[0] ?? ""))];
      return modules.map((module) => ({
        ...channel,
        resource_name: module,
        events: events.filter((event) => event.startsWith(`${module}.`)),
      }));
    });
    return rows.length === 0 ? { status: 204 } : { status: 200, body: { watch: rows, info: { more_records: false } } };
  }
  if (request.method === "DELETE") {
    const isThere = channels.delete(request.search.get("channel_ids") ?? "");
    return isThere
      ? { status: 200, body: { watch: [{ code: "SUCCESS", details: {} }] } }
      : { status: 400, body: refused };
  }
  const item: Record<string, unknown> = JSON.parse(request.body).watch[0];
  const channelId = String(item["channel_id"]);
  if (request.method === "PUT" && !channels.has(channelId)) return { status: 400, body: refused };
  channels.set(channelId, item);
  const expiry = String(item["channel_expiry"]);
  // Echoed in the organisation's time zone, as Zoho does.
  const local = new Date(Date.parse(expiry) - 8 * 3_600_000).toISOString().replace(/\.\d+Z$/, "-08:00");
  const events = [{ channel_id: channelId, channel_expiry: local, resource_name: "Accounts" }];
  const status = request.method === "POST" ? 201 : 200;
  return { status, body: { watch: [{ code: "SUCCESS", status: "success", details: { events } }] } };
}
