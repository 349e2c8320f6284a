import { accountKey, RECORD_ID_PATTERN } from "../account.ts";
import type { DeadLetterSelection, QueueView } from "../queue/queue-view.ts";
import { countDead, type DeadEntry, readEntries, singleEntry } from "./dead-letter-entries.ts";
import { isoTime, reasonView } from "./event-view.ts";
import { EXIT, type ExitCode, Misuse } from "./exit-code.ts";
import type { CommandIo, Parts } from "./parts.ts";

/** Rows of a table unless `--limit` says otherwise: more are not read by a person. Programs get all there are. */
export const LIST_LIMIT_DEFAULT = 1_000;
/** Newest reasons and failures of an entry that are shown: an account with very many children may have a letter for each. */
const REASONS_MAX = 1_000;
const FAILURES_SHOWN_MAX = 100;
/** Most ids of one call: a command line holds no more. */
const IDS_MAX = 10_000;

/** Which dead letters a person named. */
export interface DeadLetterChoice {
  readonly ids: readonly string[];
  readonly isAll: boolean;
  readonly limit?: number;
}

/** What the commands read. */
type Sources = Pick<Parts, "ledger"> & { readonly view: Pick<QueueView, "deadLetter" | "deadLetters" | "stats"> };

/**
 * `dead-letters list`: one entry per account, newest first. JSON is cut only where `limit` asks for it; a table that is cut
 * says so. A record that failed on its way counts to the account it was last seen under; where none is known, it has an entry
 * of its own without an account id, and so has a dataset.
 */
export async function listDeadLetters(
  io: CommandIo,
  sources: Sources,
  { limit }: { readonly limit?: number },
): Promise<ExitCode> {
  const { terminal } = io;
  const dead = await countDead(sources.view);
  const most = limit ?? (terminal.isJson ? Math.max(1, dead.all) : LIST_LIMIT_DEFAULT);
  // To put together what belongs together, all have to be read.
  const grouped = dead.route > 0 ? await readEntries(sources) : undefined;
  const entries = grouped?.slice(0, most) ?? (await sources.view.deadLetters({ limit: most })).map(singleEntry);
  const all = grouped?.length ?? dead.all;
  if (terminal.isJson) terminal.json(entries.map(entryView));
  else if (entries.length === 0) terminal.line("no dead letters");
  else {
    terminal.table(["id", "account", "cause", "attempts", "failed at", "message"], entries.map(row));
    if (all > entries.length) terminal.line(`${all - entries.length} more: --limit ${all} shows all`);
  }
  return EXIT.done;
}

/** `dead-letters show`: one entry in full, with its failures and reasons. */
export async function showDeadLetter(io: CommandIo, sources: Sources, idOrAccount: string): Promise<ExitCode> {
  const [entry] = (await entriesNamed(sources, [idOrAccount])).values();
  if (entry === undefined) return unknown(io, [idOrAccount]);
  const view = entryView(entry);
  if (io.terminal.isJson) {
    io.terminal.json(view);
    return EXIT.done;
  }
  const { terminal } = io;
  terminal.table(["id", "account", "cause", "attempts", "failed at", "message"], [row(entry)]);
  terminal.line("");
  terminal.table(
    ["attempt", "failed at", "code", "message"],
    view.failures.map((failure) => [String(failure.attempt), failure.failed_at, failure.code, failure.message]),
  );
  terminal.line("");
  terminal.table(["event", "record", "operation", "fields", "received at"], view.reasons.map(reasonRow));
  const hidden = view.reason_count - view.reasons.length;
  if (hidden > 0) terminal.line(`and ${hidden} more`);
  return EXIT.done;
}

/** `dead-letters redrive`: back to ready, attempts reset, reasons kept. A limit without ids means all, up to it. */
export async function redriveDeadLetters(
  io: CommandIo,
  sources: Sources & { readonly view: Pick<QueueView, "redrive"> },
  choice: DeadLetterChoice,
): Promise<ExitCode> {
  const isAll = choice.isAll || (choice.ids.length === 0 && choice.limit !== undefined);
  return onChosen(io, sources, {
    choice: { ...choice, isAll },
    verb: "redriven",
    act: (selection) => sources.view.redrive(selection),
  });
}

/** `dead-letters purge`: gone for good. Asks nothing, but wants to be told which. */
export async function purgeDeadLetters(
  io: CommandIo,
  sources: Sources & { readonly view: Pick<QueueView, "purge"> },
  choice: DeadLetterChoice,
): Promise<ExitCode> {
  return onChosen(io, sources, { choice, verb: "purged", act: (selection) => sources.view.purge(selection) });
}

/**
 * Acts on all letters of the chosen entries, or on nothing when one of the ids is unknown: a typing error must not pass for
 * success.
 */
async function onChosen(
  io: CommandIo,
  sources: Sources,
  what: {
    readonly choice: DeadLetterChoice;
    readonly verb: "redriven" | "purged";
    readonly act: (selection: DeadLetterSelection) => Promise<number>;
  },
): Promise<ExitCode> {
  const { ids, isAll, limit } = what.choice;
  if (isAll === ids.length > 0) throw new Misuse("give ids (or account ids), or --all");
  if (ids.length > IDS_MAX) throw new Misuse(`at most ${IDS_MAX} ids at once`);

  const entries = await entriesNamed(sources, ids);
  const missing = ids.filter((id) => !entries.has(id));
  if (missing.length > 0) return unknown(io, missing);
  const only = [...new Set([...entries.values()].flatMap(({ letters }) => letters.map(({ id }) => id)))];

  const count = await what.act({ ...(isAll ? {} : { only }), ...(limit === undefined ? {} : { limit }) });
  if (io.terminal.isJson) io.terminal.json({ [what.verb]: count });
  else io.terminal.line(`${what.verb}: ${count}`);
  return EXIT.done;
}

/** The entries that ids name: by the account's id, or by the id or key of any letter of the entry. Unknown ones are absent. */
export async function entriesNamed(
  { view, ledger }: Sources,
  names: readonly string[],
): Promise<ReadonlyMap<string, DeadEntry>> {
  const named = new Map<string, DeadEntry>();
  if (names.length === 0) return named;
  const { route } = await countDead(view);
  if (route === 0) {
    for (const name of new Set(names)) {
      const letter = await view.deadLetter(RECORD_ID_PATTERN.test(name) ? accountKey(name) : name);
      if (letter !== undefined) named.set(name, singleEntry(letter));
    }
    return named;
  }
  const byName = new Map<string, DeadEntry>();
  for (const entry of await readEntries({ view, ledger })) {
    for (const { id, key } of entry.letters) byName.set(id, entry).set(key, entry);
    if (entry.accountId !== null) byName.set(entry.accountId, entry);
  }
  for (const name of names) {
    const entry = byName.get(name);
    if (entry !== undefined) named.set(name, entry);
  }
  return named;
}

function unknown(io: CommandIo, ids: readonly string[]): ExitCode {
  io.terminal.error("UNKNOWN_DEAD_LETTER", `no dead letter of ${ids.join(", ")}`, { ids });
  return EXIT.failed;
}

/** An entry as `--json` shows it. Reasons and failures are those of all its letters. */
export function entryView({ accountId, first, letters }: DeadEntry) {
  const reasons = letters.flatMap((letter) => letter.reasons);
  const failures = letters.flatMap((letter) => letter.failures);
  return {
    id: first.id,
    account_id: accountId,
    cause: first.cause,
    attempts: first.attempts,
    failed_at: isoTime(first.failedAt),
    reasons: reasons
      .toSorted((one, other) => one.receivedAt - other.receivedAt)
      .slice(-REASONS_MAX)
      .map(reasonView),
    message: first.message,
    lane: first.lane,
    key: first.key,
    letters: letters.map(({ id }) => id),
    first_received_at: isoTime(Math.min(...letters.map(({ firstReceivedAt }) => firstReceivedAt))),
    reason_count: letters.reduce((sum, { reasonCount }) => sum + reasonCount, 0),
    failures: failures
      .toSorted((one, other) => one.failedAt - other.failedAt)
      .slice(-FAILURES_SHOWN_MAX)
      .map(({ attempt, code, message, failedAt }) => ({ attempt, code, message, failed_at: isoTime(failedAt) })),
  };
}

function row({ accountId, first }: DeadEntry): readonly string[] {
  const { id, key, cause, attempts, failedAt, message } = first;
  return [id, accountId ?? key, cause, String(attempts), isoTime(failedAt), message];
}

function reasonRow(reason: ReturnType<typeof reasonView>): readonly string[] {
  const record = reason.module === null ? "–" : `${reason.module}/${reason.record_id}`;
  return [
    reason.event_id ?? "–",
    record,
    reason.operation ?? "–",
    reason.fields?.join(", ") ?? "–",
    reason.received_at,
  ];
}
