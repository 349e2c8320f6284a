import type { RecordRef } from "../../account.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import { chunked, conditions, queryRows } from "./coql.ts";
import type { FieldCatalogue } from "./field-catalogue.ts";
import { lookupId } from "./record.ts";
import { isIdUnknown, recordById } from "./record-by-id.ts";
import { uniqueRows } from "./rows.ts";
import { parseReply, rowsReply, type WireRow } from "./wire.ts";
import type { ZohoApi } from "./zoho-api.ts";
import { faultOfReply } from "./zoho-faults.ts";

/** How long a refused way of reading notes is remembered. */
const REFUSED_MS = 3_600_000;
/** Rows of one reply: a note has up to 65,535 characters, and a reply must fit into memory. */
const NOTE_ROWS_MAX = 1_000;
/** The documented most of a related list's page. */
const PER_PAGE = 200;
/** Pages of one related list: Zoho pages to 2,000 rows by number. */
const PAGES_MAX = 10;
/** Ids in one `ids=`: the specification bounds the parameter to 1,024 characters. */
const IDS_MAX = 50;

/**
 * Ways of reading notes, best first. Zoho's documents do not say whether a query may read Notes; others were seen
 * doing so with `=`. Related lists, one call per record, are documented and always there.
 */
const WAYS = ["in", "equals", "related"] as const;
type Way = (typeof WAYS)[number];

/** What reading notes needs. */
export interface NotesDeps {
  readonly api: ZohoApi;
  readonly catalogue: FieldCatalogue;
  readonly clock: Clock;
  readonly log: Log;
}

/** A note's row, and the record it hangs on; `module` is undefined when the reply did not say. */
export interface NoteParent {
  readonly noteId: string;
  readonly parentId: string;
  readonly module: string | undefined;
}

/** Reads notes by their parents, and the parents of notes. */
export class Notes {
  readonly #deps: NotesDeps;
  readonly #refusedUntil = new Map<Way, number>();

  constructor(deps: NotesDeps) {
    this.#deps = deps;
  }

  /** All notes that hang on these records. Each row has a `Parent_Id`. Throws a Fault (CRM_…). */
  async of(parents: readonly RecordRef[], signal: AbortSignal) {
    const columns = await this.#deps.catalogue.columns("Notes");
    if (parents.length === 0) return { columns, rows: [] };
    const rows = await this.#firstWay((way) =>
      way === "related"
        ? this.#related({ parents, columns }, signal)
        : this.#queried({ ids: parents.map((parent) => parent.recordId), columns, way }, signal),
    );
    return { columns, rows: uniqueRows(rows) };
  }

  /** The parents of notes; a note that is gone is missing from the answer. Throws a Fault (CRM_…). */
  async parentsOf(noteIds: readonly string[], signal: AbortSignal): Promise<readonly NoteParent[]> {
    const doing = "reading the parents of notes";
    const rows = await this.#firstWay(async (way) => {
      if (way === "related") return await this.#listed(noteIds, signal);
      const queries = conditions([{ field: "id", ids: noteIds }], way).map((where) =>
        queryRows(this.#deps.api, { module: "Notes", columns: ["Parent_Id"], where, doing, rowsMax: PER_PAGE }, signal),
      );
      return (await Promise.all(queries)).flat();
    });
    return rows.flatMap((row) => {
      const parentId = lookupId(row["Parent_Id"]);
      return parentId === undefined ? [] : [{ noteId: row.id, parentId, module: parentModule(row) }];
    });
  }

  /** Tries the ways in turn, from the first that was not refused of late. The last one's refusal is a fault. */
  async #firstWay(read: (way: Way) => Promise<readonly WireRow[]>): Promise<readonly WireRow[]> {
    for (const way of WAYS) {
      if (this.#deps.clock.now() < (this.#refusedUntil.get(way) ?? 0)) continue;
      try {
        return await read(way);
      } catch (error) {
        if (way === "related" || !(error instanceof Fault) || !isRefused(error)) throw error;
        this.#refusedUntil.set(way, this.#deps.clock.now() + REFUSED_MS);
        this.#deps.log.info({ way, error }, "notes cannot be read this way; trying the next for an hour");
      }
    }
    throw new Fault("CRM_FORBIDDEN", "reading notes"); // Not reached: "related" is never marked as refused.
  }

  async #queried(
    request: { readonly ids: readonly string[]; readonly columns: readonly string[]; readonly way: "in" | "equals" },
    signal: AbortSignal,
  ): Promise<readonly WireRow[]> {
    const { ids, columns, way } = request;
    const queries = conditions([{ field: "Parent_Id", ids }], way).map((where) =>
      queryRows(
        this.#deps.api,
        { module: "Notes", columns, where, doing: "reading Notes", rowsMax: NOTE_ROWS_MAX },
        signal,
      ),
    );
    return (await Promise.all(queries)).flat();
  }

  async #related(
    request: { readonly parents: readonly RecordRef[]; readonly columns: readonly string[] },
    signal: AbortSignal,
  ): Promise<readonly WireRow[]> {
    const fields = request.columns.join(",");
    const lists = await Promise.all(
      request.parents.map(async (parent) => {
        const path = `/${parent.module}/${parent.recordId}/Notes`;
        const rows = await this.#pages({ path, query: { fields }, mayBeGone: true }, signal);
        // A related list may leave the parent out or name it without its module: it is known here.
        return rows.map((row) => ({ ...row, Parent_Id: { id: parent.recordId, module: { api_name: parent.module } } }));
      }),
    );
    return lists.flat();
  }

  /** For administrators there is a list of all notes; for others only each note by itself. */
  async #listed(noteIds: readonly string[], signal: AbortSignal): Promise<readonly WireRow[]> {
    try {
      const lists = chunked(noteIds, IDS_MAX).map((part) =>
        this.#pages({ path: "/Notes", query: { ids: part.join(","), fields: "Parent_Id" }, mayBeGone: false }, signal),
      );
      return (await Promise.all(lists)).flat();
    } catch (error) {
      if (!(error instanceof Fault) || !isRefused(error)) throw error;
    }
    const singles = noteIds.map((recordId) => recordById(this.#deps.api, { module: "Notes", recordId }, signal));
    return (await Promise.all(singles)).filter((row) => row !== undefined);
  }

  async #pages(
    list: { readonly path: string; readonly query: Readonly<Record<string, string>>; readonly mayBeGone: boolean },
    signal: AbortSignal,
  ): Promise<readonly WireRow[]> {
    const rows: WireRow[] = [];
    const doing = "reading Notes";
    for (let page = 1; page <= PAGES_MAX; page += 1) {
      const query = { ...list.query, page: String(page), per_page: String(PER_PAGE) };
      const accept = list.mayBeGone ? [400] : [];
      const reply = await this.#deps.api.call(
        { method: "GET", path: list.path, query, kind: "notes", doing, isRead: true, accept },
        signal,
      );
      if (reply.body === undefined) return rows;
      if (reply.status === 400) {
        if (isIdUnknown(reply.body)) return rows;
        throw faultOfReply({ ...reply, retryAfterMs: undefined }, doing);
      }
      const parsed = parseReply(rowsReply, reply.body, doing);
      rows.push(...parsed.data);
      if (parsed.info?.more_records !== true) return rows;
    }
    throw new Fault("CRM_REPLY_INVALID", doing, { cause: new Error("more notes on one record than can be paged") });
  }
}

function isRefused(fault: Fault): boolean {
  return fault.code === "CRM_REQUEST_REFUSED" || fault.code === "CRM_FORBIDDEN" || fault.code === "CRM_SCOPE_MISSING";
}

function parentModule(row: WireRow): string | undefined {
  const parent = row["Parent_Id"];
  const module = typeof parent === "object" && parent !== null && "module" in parent ? parent.module : undefined;
  const named = typeof module === "object" && module !== null && "api_name" in module ? module.api_name : module;
  const name = named ?? row["$se_module"];
  return typeof name === "string" ? name : undefined;
}
