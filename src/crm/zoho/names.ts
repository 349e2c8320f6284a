import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import { lookupId } from "./record.ts";
import type { RefusedModules } from "./refused-modules.ts";
import { type ModuleRows, readBareRows } from "./rows.ts";
import { parseReply, usersReply, type WireRow } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";

/** How long the list of users is believed; an unknown user asks anew, once a minute at most. */
const KEEP_MS = 3_600_000;
const RENEW_MS_MIN = 60_000;
const PER_PAGE = 200;
/** Pages of users that are read: 10,000 users. */
const PAGES_MAX = 50;
const DOING = "reading the names of users";

/** Columns that name a user. */
const USER_COLUMNS: ReadonlySet<string> = new Set(["Owner", "Created_By", "Modified_By"]);
/** Columns that may name a record outside the batch, and its module; other lookups point into the batch. */
const RECORD_COLUMNS: Readonly<Record<string, NamedModule>> = {
  Parent_Account: "Accounts",
  Contact_Name: "Contacts",
  Reporting_To: "Contacts",
};
/** The columns that make a record's name. */
const NAME_COLUMNS = {
  Accounts: ["Account_Name"],
  Contacts: ["Full_Name", "First_Name", "Last_Name"],
  Deals: ["Deal_Name"],
} as const;
type NamedModule = keyof typeof NAME_COLUMNS;

/** What completing names needs. */
export interface NamesDeps {
  readonly api: ZohoApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly refused: RefusedModules;
}

/**
 * Gives lookups their display names. Replies to queries were seen with and without them; with them nothing is asked, so
 * that a document reads the same either way.
 */
export class Names {
  readonly #deps: NamesDeps;
  #users: { readonly readAt: number; readonly byId: ReadonlyMap<string, string> } | undefined;

  constructor(deps: NamesDeps) {
    this.#deps = deps;
  }

  /** The same rows with every name that can be found. Throws a Fault (CRM_…). */
  async completed(parts: readonly ModuleRows[], signal: AbortSignal): Promise<readonly ModuleRows[]> {
    const missing = parts.flatMap(({ rows }) => rows.flatMap(namelessLookups));
    if (missing.length === 0) return parts;
    const names = new Map(
      parts.flatMap(({ module, rows }) => rows.map((row) => [row.id, nameOf(module, row)] as const)),
    );
    const users = new Set(missing.filter(({ column }) => USER_COLUMNS.has(column)).map(({ id }) => id));
    const beyond = missing.filter(({ id }) => !names.has(id));
    const [userNames, ...recordNames] = await Promise.all([
      users.size === 0 ? new Map<string, string>() : this.#userNames(users, signal),
      ...(["Accounts", "Contacts"] as const).map((module) => {
        const ids = beyond.filter(({ column }) => RECORD_COLUMNS[column] === module).map(({ id }) => id);
        return this.#recordNames(module, [...new Set(ids)], signal);
      }),
    ]);
    for (const [id, name] of [userNames, ...recordNames].flatMap((found) => [...found])) names.set(id, name);
    return parts.map((part) => ({ ...part, rows: part.rows.map((row) => named(row, names)) }));
  }

  async #recordNames(module: NamedModule, ids: readonly string[], signal: AbortSignal) {
    const columns = NAME_COLUMNS[module];
    const request = { module, columns, criteria: [{ field: "id", ids }] };
    const rows = await this.#deps.refused.orWithout(module, [], () => readBareRows(this.#deps.api, request, signal));
    return new Map(rows.map((row) => [row.id, nameOf(module, row)]));
  }

  async #userNames(wanted: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const age = this.#users === undefined ? Infinity : this.#deps.clock.now() - this.#users.readAt;
    const isKnown = this.#users !== undefined && [...wanted].every((id) => this.#users?.byId.has(id));
    if (this.#users !== undefined && age < (isKnown ? KEEP_MS : RENEW_MS_MIN)) return this.#users.byId;
    const readAt = this.#deps.clock.now();
    const byId = await this.#readUsers(signal);
    this.#users = { readAt, byId };
    return byId;
  }

  async #readUsers(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    try {
      for (let page = 1; page <= PAGES_MAX; page += 1) {
        const query = { type: "AllUsers", page: String(page), per_page: String(PER_PAGE) };
        const reply = await this.#deps.api.call(
          { method: "GET", path: "/users", query, kind: "users", doing: DOING, isRead: true },
          signal,
        );
        if (reply.body === undefined) break;
        const { users, info } = parseReply(usersReply, reply.body, DOING);
        for (const user of users) names.set(user.id, user.full_name ?? joined(user.first_name, user.last_name));
        if (info?.more_records !== true) break;
      }
    } catch (error) {
      if (!(error instanceof Fault) || !REFUSALS.has(error.code)) throw error;
      this.#deps.log.warn({ error }, "users cannot be read; owners are shown without names");
    }
    return names;
  }
}

const REFUSALS: ReadonlySet<string> = new Set(["CRM_SCOPE_MISSING", "CRM_FORBIDDEN", "CRM_REQUEST_REFUSED"]);

interface Nameless {
  readonly column: string;
  readonly id: string;
}

function namelessLookups(row: WireRow): readonly Nameless[] {
  return Object.keys(row).flatMap((column) => {
    const value = row[column];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    if ("name" in value && typeof value.name === "string") return [];
    const id = lookupId(value);
    return id === undefined ? [] : [{ column, id }];
  });
}

function named(row: WireRow, names: ReadonlyMap<string, string>): WireRow {
  const changes = namelessLookups(row).flatMap(({ column, id }): [string, unknown][] => {
    const name = names.get(id);
    return name === undefined ? [] : [[column, { ...Object(row[column]), id, name }]];
  });
  return changes.length === 0 ? row : { ...row, ...Object.fromEntries(changes) };
}

function nameOf(module: string, row: WireRow): string {
  if (module === "Contacts") {
    const full = row["Full_Name"];
    return typeof full === "string" && full !== "" ? full : joined(row["First_Name"], row["Last_Name"]);
  }
  const name = row[module === "Accounts" ? "Account_Name" : module === "Deals" ? "Deal_Name" : "Name"];
  return typeof name === "string" ? name : "";
}

function joined(...parts: readonly unknown[]): string {
  return parts.filter((part) => typeof part === "string" && part !== "").join(" ");
}
