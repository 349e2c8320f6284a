import type { PageTokens } from "./page-tokens.ts";
import { badRequest, invalidData, type ZohoRequest } from "./reply.ts";

/** Rows of one page, and the default. */
const PER_PAGE_MAX = 200;

/** `page` reaches this many rows; beyond it a page token is needed. */
const DISCRETE_ROWS_MAX = 2000;

/** Page tokens reach this many rows. */
const TOKEN_ROWS_MAX = 100_000;

/** Page tokens came with v3. */
const TOKEN_VERSION_MIN = 3;

/** One page of rows with Zoho's `info` block. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly info: Readonly<Record<string, unknown>>;
}

/** Parameters that a page token is not bound to. */
const UNBOUND = new Set(["page", "page_token"]);

/** Cuts the page that the request asks for out of all rows. `more` are further members of `info`. */
export function cutPage<Row>(
  request: ZohoRequest,
  rows: readonly Row[],
  options: { readonly tokens?: PageTokens; readonly more?: Readonly<Record<string, unknown>> },
): Page<Row> {
  const { query, version } = request;
  const perPage = wholeNumber(query, "per_page", PER_PAGE_MAX);
  if (perPage > PER_PAGE_MAX)
    throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", { limit: PER_PAGE_MAX, param_name: "per_page" });
  const page = wholeNumber(query, "page", 1);
  const parameters = boundParameters(request);
  const token = version >= TOKEN_VERSION_MIN ? query.get("page_token") : null;
  if (token !== null && query.has("page"))
    throw badRequest("AMBIGUITY_DURING_PROCESSING", "page and page_token given at once", {
      ambiguity_due_to: [{ param_name: "page" }, { param_name: "page_token" }],
    });

  const offset =
    token === null || options.tokens === undefined ? (page - 1) * perPage : options.tokens.read(token, parameters);
  if (token === null && offset + perPage > DISCRETE_ROWS_MAX && offset >= DISCRETE_ROWS_MAX)
    throw badRequest("DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token for more than 2000 records", {
      limit: DISCRETE_ROWS_MAX,
      param_name: "page",
    });
  if (offset >= TOKEN_ROWS_MAX)
    throw badRequest("PAGINATION_LIMIT_EXCEEDED", "the limit of pagination is reached", { limit: TOKEN_ROWS_MAX });

  const cut = rows.slice(offset, offset + perPage);
  const hasMore = offset + perPage < rows.length;
  const base = { per_page: perPage, count: cut.length, page: Math.floor(offset / perPage) + 1, more_records: hasMore };
  if (version < TOKEN_VERSION_MIN) return { rows: cut, info: base };
  const next = hasMore ? options.tokens?.make(parameters, offset + perPage) : undefined;
  const previous = offset > 0 ? options.tokens?.make(parameters, Math.max(0, offset - perPage)) : undefined;
  const paged = {
    next_page_token: next?.token ?? null,
    previous_page_token: previous?.token ?? null,
    page_token_expiry: next?.expiry ?? previous?.expiry ?? null,
  };
  return { rows: cut, info: { ...base, ...options.more, ...(options.tokens === undefined ? {} : paged) } };
}

function boundParameters({ path, query, header }: ZohoRequest): string {
  const bound = [...query].filter(([name]) => !UNBOUND.has(name)).sort();
  return JSON.stringify([path, bound, header("if-modified-since") ?? null]);
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalidData({ param_name: name, expected_data_type: "integer" });
  return Number(text);
}
