import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import { chunked } from "./coql.ts";
import { parseReply, rowsReply, type WireRow } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";
import { refusalOf } from "./zoho-faults.ts";

/** Lists and queries cut rich text here; a text of this length or more may have been cut. */
const CUT_LENGTH = 500;
/** Ids in one request: the specification bounds the parameter to 1,024 characters. */
const IDS_MAX = 50;
/** How long a module's refusal to give full text is remembered. */
const REFUSED_MS = 3_600_000;
/** Zoho's codes for "not in this module". */
const MODULE_REFUSALS: ReadonlySet<string> = new Set([
  "INVALID_MODULE",
  "NOT_SUPPORTED",
  "INVALID_URL_PATTERN",
  "INVALID_REQUEST_METHOD",
  "API_NOT_SUPPORTED",
]);

/** What reading full text needs. */
export interface FullTextDeps {
  readonly api: ZohoApi;
  readonly clock: Clock;
  readonly log: Log;
}

interface FullTextRequest {
  readonly module: string;
  readonly part: readonly WireRow[];
  readonly fields: readonly string[];
}

/** Replaces text that a query may have cut by the whole of it. */
export class FullText {
  readonly #deps: FullTextDeps;
  readonly #refusedUntil = new Map<string, number>();

  constructor(deps: FullTextDeps) {
    this.#deps = deps;
  }

  /** The rows with whole texts. Only records with a long text cost a call, 50 of them one. */
  async completed(module: string, rows: readonly WireRow[], signal: AbortSignal): Promise<readonly WireRow[]> {
    const long = rows.filter((row) => longFields(row).length > 0);
    if (long.length === 0 || this.#deps.clock.now() < (this.#refusedUntil.get(module) ?? 0)) return rows;
    const fields = [...new Set(long.flatMap(longFields))].sort();
    const whole = new Map<string, WireRow>();
    const parts = await Promise.all(chunked(long, IDS_MAX).map((part) => this.#read({ module, part, fields }, signal)));
    for (const row of parts.flat()) whole.set(row.id, row);
    return rows.map((row) => withTexts(row, whole.get(row.id)));
  }

  async #read(request: FullTextRequest, signal: AbortSignal): Promise<readonly WireRow[]> {
    const { module, part, fields } = request;
    const doing = `reading full text of ${module}`;
    const query = { ids: part.map((row) => row.id).join(","), fields: fields.join(",") };
    try {
      const reply = await this.#deps.api.call(
        { method: "GET", path: `/${module}/actions/fetch_full_data`, query, kind: "full_text", doing, isRead: true },
        signal,
      );
      return reply.body === undefined ? [] : parseReply(rowsReply, reply.body, doing).data;
    } catch (error) {
      if (!(error instanceof Fault) || (error.code !== "CRM_REQUEST_REFUSED" && error.code !== "CRM_FORBIDDEN"))
        throw error;
      return await this.#afterRefusal(request, error, signal);
    }
  }

  /** A refused module stays refused for a while; one bad record among many is found by halving. */
  async #afterRefusal(request: FullTextRequest, fault: Fault, signal: AbortSignal): Promise<readonly WireRow[]> {
    const { module, part } = request;
    const isOfModule = fault.code === "CRM_FORBIDDEN" || MODULE_REFUSALS.has(refusalOf(fault)?.code ?? "");
    if (!isOfModule && part.length > 1) {
      const halves = chunked(part, Math.ceil(part.length / 2));
      const rows = await Promise.all(halves.map((half) => this.#read({ ...request, part: half }, signal)));
      return rows.flat();
    }
    // Not every module has rich text; its long plain texts come whole in a query.
    if (isOfModule) this.#refusedUntil.set(module, this.#deps.clock.now() + REFUSED_MS);
    this.#deps.log.warn(
      { module, error: fault },
      "full text cannot be read; long rich text may be cut at 500 characters",
    );
    return [];
  }
}

function longFields(row: WireRow): readonly string[] {
  return Object.keys(row).filter((key) => {
    const value = row[key];
    return typeof value === "string" && value.length >= CUT_LENGTH && !key.startsWith("$");
  });
}

/** Takes only the texts that may have been cut, so that a record looks the same whichever way it was read. */
function withTexts(row: WireRow, whole: WireRow | undefined): WireRow {
  if (whole === undefined) return row;
  const texts: [string, string][] = [];
  for (const field of longFields(row)) {
    const text = whole[field];
    if (typeof text === "string") texts.push([field, text]);
  }
  return texts.length === 0 ? row : { ...row, ...Object.fromEntries(texts) };
}
