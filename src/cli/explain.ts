import { accountKey } from "../account.ts";
import type { LedgerEntry } from "../memory/ledger.ts";
import type { JobRecord } from "../queue/queue-view.ts";
import { checkedAccountIds } from "./account-ids.ts";
import { entriesNamed, entryView } from "./dead-letters.ts";
import { isoTime } from "./event-view.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo, Parts } from "./parts.ts";

/** `explain`: what memhook knows of one account: what it last wrote, what waits, what failed. Nothing is an answer too. */
export async function explainAccount(
  io: CommandIo,
  parts: Pick<Parts, "ledger" | "view">,
  accountId: string,
): Promise<ExitCode> {
  checkedAccountIds([accountId]);
  const key = accountKey(accountId);
  const [ledger, jobs, entries] = await Promise.all([
    parts.ledger.read([key]),
    parts.view.jobs(key),
    entriesNamed(parts, [accountId]),
  ]);
  const dead = entries.get(accountId);
  const entry = ledger.get(key);
  const live = jobs.filter((job) => job.state !== "dead");
  const report = {
    account_id: accountId,
    memory: entry === undefined ? null : memoryView(entry),
    jobs: live.map(jobView),
    dead_letter: dead === undefined ? null : entryView(dead),
  };
  if (io.terminal.isJson) io.terminal.json(report);
  else for (const line of sentences(report)) io.terminal.line(line);
  return EXIT.done;
}

function memoryView(entry: LedgerEntry) {
  return {
    state: entry.state,
    title: entry.title,
    fingerprint: entry.fingerprint,
    read_at: isoTime(entry.readAt),
    written_at: isoTime(entry.writtenAt),
    modified_at: entry.modifiedAt === undefined ? null : isoTime(entry.modifiedAt),
    children: entry.childCount,
    sink_ref: entry.sinkRef ?? null,
  };
}

function jobView(job: JobRecord) {
  return {
    lane: job.lane,
    state: job.state,
    rank: job.rank,
    attempt: job.attempt,
    due_at: isoTime(job.dueAt),
    lease_expires_at: job.leaseExpiresAt === undefined ? null : isoTime(job.leaseExpiresAt),
    reasons: job.reasonCount,
    last_failure: job.failures.at(-1)?.message ?? null,
  };
}

interface Report {
  readonly account_id: string;
  readonly memory: ReturnType<typeof memoryView> | null;
  readonly jobs: readonly ReturnType<typeof jobView>[];
  readonly dead_letter: {
    readonly id: string;
    readonly cause: string;
    readonly message: string;
    readonly failed_at: string;
  } | null;
}

/** What each state of the ledger says about the memory. */
const MEANING: Readonly<Record<LedgerEntry["state"], string>> = {
  intended: "a write was begun and its end is not known yet",
  stored: "written, not searchable yet",
  indexed: "written and searchable",
  removing: "is being forgotten",
  removed: "was deleted in the CRM and is forgotten",
};

function sentences(report: Report): readonly string[] {
  const { memory, jobs, dead_letter: letter } = report;
  const lines = [
    memory === null
      ? `account ${report.account_id}: memhook has never written it`
      : `account ${report.account_id} (${memory.title}): ${MEANING[memory.state]}`,
  ];
  if (memory !== null) {
    lines.push(`  read ${memory.read_at}, written ${memory.written_at}, ${memory.children} child records`);
    lines.push(
      `  newest change in it: ${memory.modified_at ?? "not told by the CRM"}; fingerprint ${memory.fingerprint}`,
    );
  }
  if (jobs.length === 0) lines.push("  nothing waits for it");
  for (const job of jobs) {
    const failure = job.last_failure === null ? "" : `; last failure: ${job.last_failure}`;
    lines.push(
      `  ${job.lane} job ${job.state}, due ${job.due_at}, attempt ${job.attempt}, ${job.reasons} reasons${failure}`,
    );
  }
  if (letter !== null)
    lines.push(`  dead letter ${letter.id} since ${letter.failed_at}: ${letter.cause}: ${letter.message}`);
  return lines;
}
