import { type AccountKey, type RecordRef, recordKey, recordOf } from "../../account.ts";
import type {
  AdoptedEntry,
  Ledger,
  LedgerEntry,
  LedgerIntent,
  LedgerOutcome,
  LedgerState,
  LedgerWritten,
  WriteRight,
} from "../../memory/ledger.ts";
import { type AccountRow, type AccountTable, type AccountWrite, entryOf } from "./account-table.ts";
import { type ChildrenTable, childrenHash } from "./children-table.ts";
import { heal } from "./dead-letters.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { QueueTables } from "./queue-tables.ts";
import type { Step } from "./step.ts";
import type { TotalsTable } from "./totals.ts";

/** What the ledger works on. */
export interface LedgerDeps {
  readonly group: GroupCommit;
  readonly queue: QueueTables;
  readonly accounts: AccountTable;
  readonly children: ChildrenTable;
  readonly totals: TotalsTable;
}

/** The ledger in the engine's store. Rights are checked in the transaction that writes. */
export function createLedger(deps: LedgerDeps): Ledger {
  const { group, accounts } = deps;
  return {
    read: (keys) =>
      group.read(() => {
        const found = new Map<AccountKey, LedgerEntry>();
        for (const key of keys) {
          const row = accounts.find(key);
          if (row !== undefined) found.set(key, entryOf(row));
        }
        return found;
      }),
    intend: (intents) => group.runUnsynced((step) => intents.map((intent) => intend(deps, step, intent))),
    record: (outcomes) => group.runUnsynced((step) => outcomes.map((outcome) => record(deps, step, outcome))),
    markIndexed: (keys) =>
      group.runUnsynced((step) => {
        for (const key of keys) {
          const row = accounts.find(key);
          if (row?.state !== "stored") continue;
          accounts.setState(row.id, "indexed");
          recount(step, "stored", "indexed");
        }
      }),
    adopt: (entries) => group.runUnsynced((step) => entries.filter((candidate) => adopt(deps, step, candidate)).length),
    forgetWritten: () => group.run(() => accounts.forgetFingerprints()),
    distrust: (keys) =>
      group.run((step) => {
        for (const key of keys) distrust(deps, step, key);
      }),
    inState: (state, limit) => group.read(() => accounts.inState(state, limit).map(entryOf)),
    parents: (records) => group.read(() => parents(deps, records)),
    children: (account, limit) =>
      group.read(() => {
        const row = accounts.find(account);
        return row === undefined ? [] : deps.children.ofAccount(row.id, limit).map(recordOf);
      }),
    list: ({ after, limit }) => group.read(() => accounts.after(after ?? "", limit).map(entryOf)),
    totals: () => group.read(() => deps.totals.load().accounts),
  };
}

function intend(deps: LedgerDeps, step: Step, intent: LedgerIntent): "written" | "stale" {
  if (!mayWrite(deps, step, intent)) return "stale";
  const before = deps.accounts.find(intent.account);
  if (isOlderRead(before, intent)) return "stale";
  write(deps, step, {
    before,
    after: {
      ...kept(before),
      account: intent.account,
      state: intent.verb === "put" ? "intended" : "removing",
      fingerprint: intent.fingerprint,
      title: intent.title,
      readAt: intent.readAt,
      writtenAt: step.now,
      token: intent.right.token,
    },
  });
  return "written";
}

function record(deps: LedgerDeps, step: Step, outcome: LedgerOutcome): LedgerWritten {
  if (!mayWrite(deps, step, outcome)) return { outcome: "stale" };
  const before = deps.accounts.find(outcome.account);
  if (isOlderRead(before, outcome)) return { outcome: "stale" };
  if (outcome.verb === "remove") {
    const id = write(deps, step, { before, after: tombstone(step, outcome) });
    deps.children.removeAll(id);
    return { outcome: "written", displaced: [] };
  }
  const records = new Set(outcome.children.map(recordKey));
  healRouted(deps, step, { account: outcome.account, records });
  const hash = childrenHash(records);
  const id = write(deps, step, { before, after: stored(step, { before, outcome, records, hash }) });
  if (before?.childrenHash === hash) return { outcome: "written", displaced: [] };
  return {
    outcome: "written",
    displaced: displace(deps, deps.children.replace(id, records, (before?.childCount ?? 0) > 0)),
  };
}

/** Takes over what the sink has, unless something is known of the account. Token 0 and read time 0: any write is newer. */
function adopt(deps: LedgerDeps, step: Step, { isIndexed, ...known }: AdoptedEntry): boolean {
  if (deps.accounts.find(known.account) !== undefined) return false;
  write(deps, step, {
    before: undefined,
    after: {
      ...known,
      state: isIndexed ? "indexed" : "stored",
      readAt: 0,
      writtenAt: step.now,
      childCount: 0,
      childrenHash: undefined,
      token: 0,
    },
  });
  return true;
}

/** Makes an entry that says nothing, in the name of the next token: older ones cannot end it. */
function distrust(deps: LedgerDeps, step: Step, account: AccountKey): void {
  const before = deps.accounts.find(account);
  write(deps, step, {
    before,
    after: {
      ...kept(before),
      ...{ account, state: "intended", fingerprint: "", title: before?.title ?? "" },
      ...{ readAt: before?.readAt ?? 0, writtenAt: step.now, token: step.totals.token + 1 },
    },
  });
}

/** A record that was read under its account needs no routing any more: its dead letter in that lane closes. */
function healRouted(
  { queue }: LedgerDeps,
  step: Step,
  { account, records }: { readonly account: AccountKey; readonly records: ReadonlySet<string> },
): void {
  if (step.totals.lanes.route.dead === 0) return;
  const connection = account.slice(0, account.indexOf("/"));
  for (const record of records) heal(queue, step, { lane: "route", key: `${connection}/${record}` });
}

/** The right is the lease on the account's own job, and it must hold at this very moment. */
function mayWrite(
  { queue }: LedgerDeps,
  step: Step,
  { right, account }: { readonly right: WriteRight; readonly account: AccountKey },
): boolean {
  return queue.jobs.holds({ id: Number(right.jobId), token: right.token, key: account }, step.now);
}

/**
 * A snapshot read before the one last written must not replace it. Within one lease the read times tell; a later lease
 * has read later by construction, whatever a clock that was set back says.
 */
function isOlderRead(
  before: AccountRow | undefined,
  { right, readAt }: { readonly right: WriteRight; readonly readAt: number },
): boolean {
  return before !== undefined && readAt < before.readAt && right.token <= before.token;
}

function tombstone(step: Step, outcome: LedgerOutcome): AccountWrite {
  return {
    account: outcome.account,
    state: "removed",
    fingerprint: "",
    title: outcome.title,
    readAt: outcome.readAt,
    writtenAt: step.now,
    childCount: 0,
    childrenHash: undefined,
    token: outcome.right.token,
  };
}

function stored(
  step: Step,
  {
    before,
    outcome,
    records,
    hash,
  }: {
    readonly before: AccountRow | undefined;
    readonly outcome: LedgerOutcome;
    readonly records: ReadonlySet<string>;
    readonly hash: string;
  },
): AccountWrite {
  const isUnchanged = before?.fingerprint === outcome.fingerprint;
  const isIndexed = outcome.isIndexed || (isUnchanged && before.state === "indexed");
  const sinkRef = outcome.sinkRef ?? before?.sinkRef;
  const modifiedAt = outcome.modifiedAt ?? (isUnchanged ? before.modifiedAt : undefined);
  return {
    account: outcome.account,
    state: isIndexed ? "indexed" : "stored",
    fingerprint: outcome.fingerprint,
    ...(sinkRef === undefined ? {} : { sinkRef }),
    readAt: outcome.readAt,
    writtenAt: step.now,
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    title: outcome.title,
    childCount: records.size,
    childrenHash: hash,
    token: outcome.right.token,
  };
}

/** What an intent leaves as it was: the sink's id above all, without which a second document would come to be. */
function kept(before: AccountRow | undefined) {
  return {
    ...(before?.sinkRef === undefined ? {} : { sinkRef: before.sinkRef }),
    ...(before?.modifiedAt === undefined ? {} : { modifiedAt: before.modifiedAt }),
    childCount: before?.childCount ?? 0,
    childrenHash: before?.childrenHash,
  };
}

function write(
  { accounts }: LedgerDeps,
  step: Step,
  { before, after }: { readonly before: AccountRow | undefined; readonly after: AccountWrite },
): number {
  const isDistrusted = before !== undefined && after.token < before.token; // `distrust` came after this lease was given.
  const trusted: AccountWrite = isDistrusted
    ? { ...after, state: "intended", fingerprint: "", token: before.token }
    : after;
  recount(step, before?.state, trusted.state);
  return accounts.write(before?.id, trusted);
}

function recount(step: Step, from: LedgerState | undefined, to: LedgerState): void {
  if (from !== undefined) step.totals.accounts[from] -= 1;
  step.totals.accounts[to] += 1;
}

/** The keys of accounts that lost a child; their stored sets no longer say what they last had. */
function displace({ accounts }: LedgerDeps, ids: ReadonlySet<number>): readonly AccountKey[] {
  return [...ids].flatMap((id) => {
    accounts.forgetChildrenHash(id);
    return accounts.keyOf(id) ?? [];
  });
}

function parents({ accounts, children }: LedgerDeps, records: readonly RecordRef[]): ReadonlyMap<string, AccountKey> {
  const found = new Map<string, AccountKey>();
  for (const record of records) {
    const key = recordKey(record);
    const owner = children.ownerOf(key);
    const account = owner === undefined ? undefined : accounts.keyOf(owner);
    if (account !== undefined) found.set(key, account);
  }
  return found;
}
