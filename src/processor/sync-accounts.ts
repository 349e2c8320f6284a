import type { AccountKey, RecordRef } from "../account.ts";
import type { AccountRead } from "../crm/crm.ts";
import { Fault } from "../faults.ts";
import type { LedgerIntent } from "../memory/ledger.ts";
import type { PutResult, RemoveResult } from "../memory/memory.ts";
import { RECEIPT_EVENTS_MAX } from "../memory/receipts.ts";
import type { Lease } from "../queue/queue.ts";
import { type Attempt, failed } from "./attempt.ts";
import { changedAtOf } from "./change-time.ts";
import { displacedBy } from "./displaced.ts";
import { indexJob } from "./index-memory.ts";
import { accountOfKey } from "./job-key.ts";
import { noteSent } from "./late-writes.ts";
import { formerChildren, leftBehind } from "./left-behind.ts";
import { type Found, laterThan, type Plan, planFor, type Subject } from "./plan-sync.ts";
import type { StageDeps, WorkRight } from "./processor-deps.ts";

type Put = Extract<Plan, { step: "put" }>;
type Keep = Extract<Plan, { step: "keep" }>;
type Remove = Extract<Plan, { step: "remove" }>;
type Owners = ReadonlyMap<string, AccountKey>;
type Orphans = ReadonlyMap<string, readonly RecordRef[]>;

/**
 * Brings the claimed accounts up to date: one batched read, then one batched write of the documents that differ from
 * what the ledger says was last written. The ledger hears of a write before the sink does, so that after a crash the
 * sink is asked and not trusted. An account that fails does not hinder its neighbours.
 */
export async function syncAccounts(
  deps: StageDeps,
  leases: readonly Lease[],
  right: WorkRight,
): Promise<readonly Attempt[]> {
  const plans = await readAndPlan(deps, leases, right);
  const [stale, owners, orphans] = await Promise.all([
    announce(deps, plans),
    presentOwners(deps, plans),
    orphansOf(deps, plans.filter(isRemove)),
  ]);
  const going = plans.filter((plan) => plan.step === "none" || !stale.has(plan.subject.lease.jobId));
  // One after the other: if one throws, the other must not still be under way when the batch is tried in halves.
  const puts = await putAll(deps, going.filter(isPut), right);
  const removals = await removeAll(deps, going.filter(isRemove), right);

  return plans.map((plan) => attemptOf(deps, plan, { stale, owners, orphans, puts, removals }));
}

/** What the sink and the ledger answered, by job id. */
interface Answers {
  readonly stale: ReadonlySet<string>;
  readonly owners: Owners;
  readonly orphans: Orphans;
  readonly puts: ReadonlyMap<string, PutResult>;
  readonly removals: ReadonlyMap<string, RemoveResult>;
}

function attemptOf(deps: StageDeps, plan: Plan, answers: Answers): Attempt {
  if (plan.step === "none") return plan.attempt;
  const { lease } = plan.subject;
  if (answers.stale.has(lease.jobId)) return { outcome: "interrupted", lease };
  switch (plan.step) {
    case "put":
      return written(deps, plan, answers);
    case "keep":
      return unchanged(deps, plan, answers);
    case "remove":
      return removed(deps, plan, answers);
  }
}

async function readAndPlan(deps: StageDeps, leases: readonly Lease[], right: WorkRight): Promise<readonly Plan[]> {
  const accounts = leases.map((lease) => accountOfKey(lease.key));
  const valid = accounts.filter((account) => account !== undefined);
  const startedAt = deps.clock.now();
  const [{ entries, isWhole }, reads] = await Promise.all([
    readLedger(deps, valid),
    valid.length === 0 ? new Map<AccountKey, AccountRead>() : deps.crm.readAccounts(valid, right.signal),
  ]);
  return leases.map((lease, index): Plan => {
    const account = accounts[index];
    if (account === undefined) {
      return { step: "none", attempt: failed(lease, new Fault("REASON_INVALID", "reading a job's key")) };
    }
    const entry = entries.get(account);
    const isUncertain = entry === undefined ? !isWhole : entry.state === "intended" || entry.state === "removing";
    const subject = { lease, account, entry, isUncertain, readAt: laterThan(entry, startedAt) };
    return planFor(deps, subject, reads.get(account));
  });
}

/**
 * What the ledger knows of the accounts, and whether that is all that was ever written. Asked before the read, which may be
 * overtaken by the end of a rebuilding, and after it, as a loss may have come first.
 */
async function readLedger({ ledger, knowsSink }: StageDeps, accounts: readonly AccountKey[]) {
  const didKnow = (await knowsSink?.()) ?? true;
  const entries = await ledger.read(accounts);
  const isComplete = entries.size === new Set(accounts).size;
  const isWhole = isComplete || (didKnow && ((await knowsSink?.()) ?? true));
  return { entries, isWhole };
}

/** Tells the ledger what is about to be written. Returns the jobs whose lease no longer allows it. */
async function announce(deps: StageDeps, plans: readonly Plan[]): Promise<ReadonlySet<string>> {
  const changing = plans.filter((plan) => plan.step === "put" || plan.step === "remove");
  if (changing.length === 0) return new Set();
  const answers = await deps.ledger.intend(
    changing.map((plan): LedgerIntent => {
      const { lease, account, entry, readAt } = plan.subject;
      const title = plan.step === "put" ? plan.found.document.title : (entry?.title ?? "");
      const fingerprint = plan.step === "put" ? plan.found.document.fingerprint : "";
      return { right: rightOf(lease), account, verb: plan.step, fingerprint, title, readAt };
    }),
  );
  return new Set(changing.filter((_, index) => answers[index] === "stale").map((plan) => plan.subject.lease.jobId));
}

/** Which account the ledger has each child under now: asked before it is overwritten, so that a crash loses no move. */
function presentOwners(deps: StageDeps, plans: readonly Plan[]): Promise<Owners> | Owners {
  const children = plans.flatMap((plan) => (isPut(plan) || isKeep(plan) ? plan.found.children : []));
  return children.length === 0 ? new Map() : deps.ledger.parents(children);
}

/** By job: what each account that is gone had in the ledger, asked before the ledger forgets it. */
async function orphansOf(deps: StageDeps, plans: readonly Remove[]): Promise<Orphans> {
  const found = plans.map(async ({ subject: { lease, account } }) => {
    return [lease.jobId, await formerChildren(deps, account)] as const;
  });
  return new Map(await Promise.all(found));
}

async function putAll(
  deps: StageDeps,
  plans: readonly Put[],
  right: WorkRight,
): Promise<ReadonlyMap<string, PutResult>> {
  if (plans.length === 0) return new Map();
  right.mustHold();
  const requests = plans.map(({ found: { document }, subject: { entry, isUncertain } }) => ({
    document,
    isUncertain,
    ...(entry?.sinkRef === undefined ? {} : { sinkRef: entry.sinkRef }),
  }));
  const call = deps.memory.put(requests, right.signal);
  noteSent(
    right.sent,
    plans.map(({ subject }) => subject),
    call,
  );
  return byJob(plans, await withinBudget(plans, call));
}

/** A spent budget is the outcome of the documents: the removals beside them go on. */
async function withinBudget(plans: readonly Put[], call: Promise<readonly PutResult[]>): Promise<readonly PutResult[]> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "SINK_OVER_BUDGET") throw error;
    return plans.map(() => ({ outcome: "failed", fault: error }));
  }
}

async function removeAll(
  deps: StageDeps,
  plans: readonly Remove[],
  right: WorkRight,
): Promise<ReadonlyMap<string, RemoveResult>> {
  if (plans.length === 0) return new Map();
  // A sink may take others out of its index to repair them, and be killed before they are in it again.
  if ((deps.options.gatherMs ?? 0) > 0) await deps.queue.enqueue([indexJob(deps.options, deps.clock.now())]);
  right.mustHold();
  const requests = plans.map(({ subject: { account, entry } }) => ({
    account,
    ...(entry?.sinkRef === undefined ? {} : { sinkRef: entry.sinkRef }),
  }));
  const call = deps.memory.remove(requests, right.signal);
  noteSent(
    right.sent,
    plans.map(({ subject }) => subject),
    call,
  );
  const results = byJob(plans, await call);
  await Promise.all(plans.map((plan) => writeReceipt(deps, plan, results)));
  return results;
}

/** Before the removal is recorded: a receipt too many does no harm, a forgotten account without one does. */
async function writeReceipt(deps: StageDeps, { subject }: Remove, results: ReadonlyMap<string, RemoveResult>) {
  const { lease, account } = subject;
  const result = results.get(lease.jobId);
  if (result?.outcome !== "removed") return;
  const events = lease.reasons.flatMap(({ eventId }) => eventId ?? []).slice(-RECEIPT_EVENTS_MAX);
  await deps.receipts.write({ account, at: deps.clock.now(), sink: deps.memory.kind, events, ...result.forgetting });
}

function written(deps: StageDeps, { subject, found }: Put, { owners, puts }: Answers): Attempt {
  const { lease } = subject;
  const result = puts.get(lease.jobId);
  if (result === undefined) return failed(lease, new Fault("UNEXPECTED", "writing a document: no result"));
  if (result.outcome === "failed") return failed(lease, result.fault);
  const changedAt = changedAtOf(lease, { now: found.document.modifiedAt, before: subject.entry?.modifiedAt });
  return {
    outcome: "done",
    lease,
    deed: "written",
    settlement: complete(deps, lease, !result.isIndexed),
    record: { ...outcomeOf(subject, found), sinkRef: result.sinkRef, isIndexed: result.isIndexed },
    displaced: displacedBy({ ...subject, children: found.children }, owners),
    ...(changedAt === undefined ? {} : { changedAt }),
  };
}

/** Nothing to write for the sink; but the ledger learns of children that the document does not show. */
function unchanged(deps: StageDeps, { subject, found, entry }: Keep, { owners }: Answers): Attempt {
  const isIndexed = entry.state === "indexed";
  return {
    outcome: "done",
    lease: subject.lease,
    deed: "unchanged",
    // An index run may have marked the account since it was read, and `record` takes that back: ask for one more.
    settlement: complete(deps, subject.lease, !isIndexed),
    record: {
      ...outcomeOf(subject, found),
      isIndexed,
      ...(entry.sinkRef === undefined ? {} : { sinkRef: entry.sinkRef }),
    },
    displaced: displacedBy({ ...subject, children: found.children }, owners),
  };
}

function removed(deps: StageDeps, { subject }: Remove, { orphans, removals }: Answers): Attempt {
  const { lease, account, entry, readAt } = subject;
  const result = removals.get(lease.jobId);
  if (result === undefined) return failed(lease, new Fault("UNEXPECTED", "forgetting an account: no result"));
  if (result.outcome === "failed") return failed(lease, result.fault);
  const title = entry?.title ?? "";
  return {
    outcome: "done",
    lease,
    deed: "removed",
    settlement: complete(deps, lease, true),
    record: {
      right: rightOf(lease),
      account,
      verb: "remove",
      fingerprint: "",
      title,
      readAt,
      children: [],
      isIndexed: true,
    },
    displaced: leftBehind(lease, account, orphans.get(lease.jobId)),
  };
}

function complete(deps: StageDeps, lease: Lease, needsIndex: boolean) {
  if (!needsIndex) return { verb: "complete", lease } as const;
  return { verb: "complete", lease, also: [indexJob(deps.options, deps.clock.now())] } as const;
}

function outcomeOf({ lease, account, readAt }: Subject, { document, children }: Found) {
  const { fingerprint, title, modifiedAt } = document;
  const base = { right: rightOf(lease), account, verb: "put", fingerprint, title, readAt, children } as const;
  return modifiedAt === undefined ? base : { ...base, modifiedAt };
}

function byJob<Result>(plans: readonly (Put | Remove)[], results: readonly Result[]): ReadonlyMap<string, Result> {
  return new Map(
    plans.flatMap((plan, index) => {
      const result = results[index];
      return result === undefined ? [] : [[plan.subject.lease.jobId, result] as const];
    }),
  );
}

function rightOf(lease: Lease) {
  return { jobId: lease.jobId, token: lease.token };
}

function isPut(plan: Plan): plan is Put {
  return plan.step === "put";
}

function isKeep(plan: Plan): plan is Keep {
  return plan.step === "keep";
}

function isRemove(plan: Plan): plan is Remove {
  return plan.step === "remove";
}
