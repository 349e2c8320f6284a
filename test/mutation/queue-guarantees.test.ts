import { type Mutant, mutationTests } from "./mutants.ts";

/**
 * Breaks the embedded engine's guarantees one at a time, in a copy of its source, and demands that the contract suites
 * notice. A mutant that survives means that a promise could be broken without a red test.
 */

const ENGINE = "src/engines/embedded";
/** The engine's own tests and every contract suite on the engine as it is; the thread around it has no guarantees of its own. */
const SUITE = `
  import "./${ENGINE}/embedded-engine.test.ts";
  import { countersContract } from "./test/contracts/counters-contract.ts";
  import { startEmbedded } from "./test/contracts/embedded-harness.ts";
  import { leaseContract } from "./test/contracts/lease-contract.ts";
  import { ledgerContract } from "./test/contracts/ledger-contract.ts";
  import { queueContract } from "./test/contracts/queue-contract.ts";
  import { queueViewContract } from "./test/contracts/queue-view-contract.ts";
  for (const contract of [queueContract, leaseContract, queueViewContract, ledgerContract, countersContract]) {
    contract("mutant", startEmbedded);
  }
`;

const MUTANTS: readonly Mutant[] = [
  {
    name: "no dedup window: an event is a duplicate for ever",
    file: "dedup-memory.ts",
    find: "&& Math.abs(arrivedAt - receivedAt) < this.#windowMs",
    replace: "&& arrivedAt > 0",
  },
  {
    name: "no dedup",
    file: "dedup-memory.ts",
    find: "this.#added.get(prefix)?.some(isIt) === true || this.#table.some(prefix, isIt)",
    replace: "prefix < 0 && isIt(0)",
  },
  {
    name: "duplicates inside of one transaction are not seen",
    file: "dedup-memory.ts",
    find: "this.#added.get(prefix)?.some(isIt) === true || ",
    replace: "",
  },
  {
    name: "events of other processes are not known",
    file: "dedup-memory.ts",
    find: "if (this.#seen < step.committedSeq) this.#read(step);",
    replace: "if (this.#seen === 0) this.#read(step);",
  },
  {
    name: "own work hides the events of other processes",
    file: "dedup-memory.ts",
    find: "if (step !== this.#step) return; // Nothing",
    replace: "// Nothing",
  },
  {
    name: "a key that resembles another is taken for it",
    file: "reason-table.ts",
    find: "FROM reasons WHERE seq = ? AND hash = ?",
    replace: "FROM reasons WHERE seq = ? AND hash <> substr(?, 1, 1)",
  },
  {
    name: "the dedup memory forgets when it grows",
    file: "seq-table.ts",
    find: "if (isKept(this.#seqOf(before[at + 1]))) kept += 1;",
    replace: "if (isKept(-1)) kept += 1;",
  },
  {
    name: "a rolled back event counts as committed",
    file: "dedup-memory.ts",
    find: "    this.#date(seq, receivedAt);\n  }\n\n  /** Keeps what",
    replace: "    this.#date(seq, receivedAt);\n    this.#seen = seq;\n  }\n\n  /** Keeps what",
  },
  {
    name: "a refused delivery is remembered",
    file: "add-work.ts",
    find: 'return { outcome: "full" };',
    replace:
      'for (const event of events) deliverOne(tables, step, { ...event, event: { ...event.event, isFiltered: true } });\n    return { outcome: "full" };',
  },
  { name: "no capacity", file: "add-work.ts", find: "countNew(tables, events) > room", replace: "false" },
  {
    name: "part of a delivery is taken when there is room for a part",
    file: "add-work.ts",
    find: 'return { outcome: "full" };',
    replace: 'if (room <= 0) return { outcome: "full" };\n    events = events.slice(0, room);',
  },
  { name: "no fencing: any token settles", file: "settle-work.ts", find: "|| job.token !== lease.token", replace: "" },
  {
    name: "no expiry: a lease settles until it is reclaimed",
    file: "settle-work.ts",
    find: "(job.expiresAt ?? 0) > step.now",
    replace: "step.now > 0",
  },
  {
    name: "the ledger is not fenced",
    file: "embedded-ledger.ts",
    find: "return queue.jobs.holds(",
    replace: "return step.now > 0 || queue.jobs.holds(",
  },
  {
    name: "the ledger's fence ignores expiry",
    file: "job-table.ts",
    find: "AND expires_at > ?`",
    replace: "AND ? > 0`",
  },
  {
    name: "generations are ignored: an event during a run is settled by it",
    file: "reason-table.ts",
    find: 'const OPEN = "job_id = ? AND gen <= ?";',
    replace: 'const OPEN = "job_id = ? AND gen <= ? + 1";',
  },
  {
    name: "an event during a run causes no further run",
    file: "settle-work.ts",
    find: "if (job.next === undefined) {\n    tables.jobs.remove(job.id);\n    return;\n  }",
    replace: "tables.jobs.remove(job.id);\n  if (totals.leased >= 0) return;\n  if (job.next === undefined) return;",
  },
  {
    name: "a release spends the attempt",
    file: "settle-work.ts",
    find: "attempt: attempt - 1 }",
    replace: "attempt }",
  },
  {
    name: "a lost worker spends the attempt",
    file: "claim-work.ts",
    find: "attempt: job.attempt - 1,",
    replace: "attempt: job.attempt,",
  },
  {
    name: "a crash loop never ends",
    file: "claim-work.ts",
    find: "const losses = job.losses + 1;",
    replace: "const losses = job.losses;",
  },
  {
    name: "suspects take their neighbours along",
    file: "claim-work.ts",
    find: "job.losses >= LOSSES_ALONE",
    replace: "job.losses < 0",
  },
  { name: "urgent work waits in line", file: "add-work.ts", find: "rank: rankCode(job.rank),", replace: "rank: 1," },
  {
    name: "due times are ignored",
    file: "job-table.ts",
    find: "AND due_at <= ? ORDER BY due_at LIMIT ?",
    replace: "AND ? > 0 ORDER BY due_at LIMIT ?",
  },
  {
    name: "no maximum wait",
    file: "joining.ts",
    find: "Math.min(now + delayMs, firstAt + maxWaitMs)",
    replace: "now + delayMs + 0 * (firstAt + maxWaitMs)",
  },
  {
    name: "new events wait behind an old backoff",
    file: "joining.ts",
    find: "dueAt: mayPutOff ? due : Math.min(wait.dueAt, due),",
    replace: "dueAt: mayPutOff ? due : wait.dueAt,",
  },
  {
    name: "an expired lease is never reclaimed",
    file: "claim-work.ts",
    find: "reclaim(tables, step, tables.jobs.lapsed(step.now));",
    replace: "",
  },
  {
    name: "the leases of a dead process stay until they expire",
    file: "embedded-engine.ts",
    find: "group.runNow((step) => reclaimInherited(tables, step, step.totals.token));",
    replace: "",
  },
  {
    name: "acknowledged before it is committed",
    file: "group-commit.ts",
    find: 'database.exec("COMMIT");\n    return { step, touched };',
    replace: 'setImmediate(() => database.exec("COMMIT"));\n    return { step, touched };',
  },
  {
    name: "commits are not fsynced",
    file: "database.ts",
    find: "PRAGMA synchronous = FULL",
    replace: "PRAGMA synchronous = OFF",
  },
  { name: "dead letters do not heal", file: "settle-work.ts", find: "  heal(tables, step, job);\n", replace: "" },
  {
    name: "a redrive keeps the attempts",
    file: "dead-letters.ts",
    find: "gen: dead.gen,\n      attempt: 0,",
    replace: "gen: dead.gen,\n      attempt: dead.attempt,",
  },
  {
    name: "a clock that was set back strands work",
    file: "embedded-engine.ts",
    find: "    jobs.setBack(now, backMs);\n",
    replace: "    void jobs;\n",
  },
  {
    name: "a child that moved tells nobody",
    file: "children-table.ts",
    find: "if (owner !== undefined) displaced.add(owner);",
    replace: "",
  },
  {
    name: "a child set is taken for unchanged after a child moved away and back",
    file: "embedded-ledger.ts",
    find: "    accounts.forgetChildrenHash(id);\n",
    replace: "",
  },
  {
    name: "an older snapshot replaces a newer one",
    file: "embedded-ledger.ts",
    find: "return before !== undefined && readAt < before.readAt && right.token <= before.token;",
    replace: "return before !== undefined && readAt < 0 && right.token < 0;",
  },
  {
    name: "counters are lost at closing",
    file: "group-commit.ts",
    find: "    this.#commit([]); // Counts added since the last step.\n",
    replace: "",
  },
];

const UNWANTED = /(^|\/)(simulator|app|cli|receiver|processor|redis|spill)$/;

mutationTests(
  { engine: ENGINE, parts: ["src", "test/contracts"], unwanted: UNWANTED, suites: { every: () => SUITE } },
  [{ suite: "every", mutants: MUTANTS }],
);
