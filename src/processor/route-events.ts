import { type AccountKey, accountKey, type RecordRef, recordKey } from "../account.ts";
import type { ParentRead } from "../crm/crm.ts";
import type { CrmEvent } from "../crm/event.ts";
import { Fault } from "../faults.ts";
import type { Lease } from "../queue/queue.ts";
import { type Attempt, failed, syncJob } from "./attempt.ts";
import { recordOfKey } from "./job-key.ts";
import type { StageDeps, WorkRight } from "./processor-deps.ts";
import { readNote } from "./read-note.ts";
import type { RoutingRules } from "./routing-rules.ts";

/** One job of the route lane with what is known before anything is looked up. */
interface Route {
  readonly lease: Lease;
  readonly record: RecordRef & { readonly connection: string };
  /** The events shown; undefined in the list for work of memhook's own and for notes that cannot be read. */
  readonly events: readonly (CrmEvent | undefined)[];
  readonly hinted: readonly AccountKey[];
  /** The debounce: spent here, where the account is known, so that its records' events wait for each other. */
  readonly delayMs: number;
}

type Parents = ReadonlyMap<string, AccountKey>;
type Lookups = ReadonlyMap<string, ParentRead>;

/**
 * Finds the accounts that changed records concern: the one the ledger remembers, the ones the events name, and the one
 * that the CRM says now. All lookups of a claim are one batched read; where nothing can have moved, there is none.
 */
export async function routeEvents(
  deps: StageDeps,
  leases: readonly Lease[],
  right: WorkRight,
): Promise<readonly Attempt[]> {
  const routes = leases.map((lease) => routeOf(deps, lease));
  const known = routes.filter((route) => route !== undefined);
  const parents = await deps.ledger.parents(known.map((route) => route.record));
  const unsure = known.filter((route) => needsLookup(route, parents, deps.options.routes));
  const lookups: Lookups =
    unsure.length === 0
      ? new Map()
      : await deps.crm.readParents(
          unsure.map(({ record: { module, recordId } }) => ({ module, recordId })),
          right.signal,
        );
  const lookedUp = new Set(unsure);
  return leases.map((lease, index) => {
    const route = routes[index];
    if (route === undefined) return failed(lease, new Fault("REASON_INVALID", "reading a job's key"));
    const lookup = lookups.get(recordKey(route.record));
    if (lookedUp.has(route) && lookup === undefined) {
      return failed(lease, new Fault("CRM_REPLY_INVALID", "looking up a record's account"));
    }
    return routed(route, parents, lookup);
  });
}

function routeOf({ options }: StageDeps, lease: Lease): Route | undefined {
  const record = recordOfKey(lease.key);
  if (record === undefined) return undefined;
  const events = lease.reasons.map((reason) => readNote(reason.note));
  const hinted = events.flatMap((event) => (event?.accountId ? [accountKey(event.accountId, record.connection)] : []));
  return { lease, record, events, hinted, delayMs: lease.rank === "urgent" ? 0 : options.debounceMs };
}

function needsLookup({ lease, record, events, hinted }: Route, parents: Parents, rules: RoutingRules): boolean {
  if (record.module === "Accounts") return false;
  const isRemembered = parents.has(recordKey(record));
  if (events.length < lease.reasonCount || events.length === 0) return true;
  const rule = rules.get(record.module);
  return events.some((event) => {
    if (event === undefined) return true;
    if (event.operation === "delete") return !isRemembered && hinted.length === 0;
    const fields = event.fields;
    const mayHaveMoved =
      event.operation !== "update" ||
      rule === undefined ||
      fields === undefined ||
      fields.length === 0 ||
      fields.some((field) => rule.linkFields.has(field));
    return mayHaveMoved || !isRemembered;
  });
}

function routed(route: Route, parents: Parents, lookup: ParentRead | undefined): Attempt {
  const { lease, record, hinted, delayMs } = route;
  if (lookup?.outcome === "failed") return failed(lease, lookup.fault);
  const present = lookup?.outcome === "found" ? lookup.accounts : [];
  const previous = parents.get(recordKey(record));
  const own = record.module === "Accounts" ? [accountKey(record.recordId, record.connection)] : [];
  const accounts = new Set([...own, ...present, ...(previous === undefined ? [] : [previous]), ...hinted]);
  const [first, ...others] = accounts;
  if (first === undefined) {
    return { outcome: "done", lease, deed: "no_account", settlement: { verb: "complete", lease } };
  }
  const to = { lane: "sync", key: first, rank: lease.rank, delayMs } as const;
  const also = others.map((account) => ({
    ...syncJob(lease, account, `also concerned: ${recordKey(record)}`),
    delayMs,
  }));
  return { outcome: "done", lease, deed: "routed", settlement: { verb: "pass", lease, to, also } };
}
