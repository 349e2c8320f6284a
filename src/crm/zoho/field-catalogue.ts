import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import { columnsOf, type KnownField } from "./fields.ts";
import { fieldsReply, parseReply } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";
import { refusalOf } from "./zoho-faults.ts";

/** How long an org's metadata is believed: fields change a few times a year, and a refused query asks anew at once. */
const KEEP_MS = 3_600_000;
/** A refused query asks for the metadata anew at most this often a module. */
const RENEW_MS_MIN = 60_000;
const DOING = "reading which fields exist";

/** What the catalogue is built with. */
export interface FieldCatalogueDeps {
  readonly api: ZohoApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly extraFields: Readonly<Record<string, readonly string[]>>;
  /** Ends with the client: one reading serves many callers, so none of them may abort it. */
  readonly signal: AbortSignal;
}

interface Entry {
  readonly readAt: number;
  readonly columns: Promise<readonly string[]>;
}

/** Knows which columns of a module a query may name, from the org's metadata, read once an hour. */
export class FieldCatalogue {
  readonly #deps: FieldCatalogueDeps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: FieldCatalogueDeps) {
    this.#deps = deps;
  }

  /** The columns to select. Throws a Fault when the CRM cannot be used; a missing settings scope is none. */
  columns(module: string): Promise<readonly string[]> {
    const now = this.#deps.clock.now();
    const entry = this.#entries.get(module);
    if (entry !== undefined && now - entry.readAt < KEEP_MS) return entry.columns;
    const columns = this.#read(module);
    this.#entries.set(module, { readAt: now, columns });
    columns.catch(() => this.#entries.delete(module)); // The caller gets the fault; the next one asks again.
    return columns;
  }

  /** After a query was refused: the columns now, or undefined when the metadata was read just before. */
  async renewed(module: string): Promise<readonly string[] | undefined> {
    const entry = this.#entries.get(module);
    if (entry === undefined || this.#deps.clock.now() - entry.readAt < RENEW_MS_MIN) return undefined;
    this.#entries.delete(module);
    const [before, after] = [await entry.columns, await this.columns(module)];
    return before.join() === after.join() ? undefined : after;
  }

  async #read(module: string): Promise<readonly string[]> {
    const extra = this.#deps.extraFields[module] ?? [];
    // Notes have the same fields everywhere, so that asking is worth a call only if more are wanted.
    if (module === "Notes" && extra.length === 0) return columnsOf(module, extra);
    return columnsOf(module, extra, await this.#known(module));
  }

  async #known(module: string): Promise<readonly KnownField[] | undefined> {
    try {
      const reply = await this.#deps.api.call(
        { method: "GET", path: "/settings/fields", query: { module }, kind: "fields", doing: DOING, isRead: true },
        this.#deps.signal,
      );
      return reply.body === undefined ? undefined : parseReply(fieldsReply, reply.body, DOING).fields;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // No account is in this question, so none of them is the one that hangs.
      if (error.code === "CRM_UNREACHABLE") throw new Fault("CRM_UNREACHABLE", DOING, { cause: error });
      if (!isRefused(error) || (module !== "Accounts" && isUnknownModule(error))) throw error;
      this.#deps.log.warn({ module, error }, "the field metadata cannot be read; reading the standard fields only");
      return undefined;
    }
  }
}

function isRefused(fault: Fault): boolean {
  return fault.code === "CRM_SCOPE_MISSING" || fault.code === "CRM_FORBIDDEN" || fault.code === "CRM_REQUEST_REFUSED";
}

/** Then a query on it would fail as well, with words that name no module. */
function isUnknownModule(fault: Fault): boolean {
  const code = refusalOf(fault)?.code;
  return code === "INVALID_MODULE" || code === "NOT_SUPPORTED";
}
