import { accountKey, RECORD_ID_PATTERN } from "../account.ts";
import type { DeadLetter, DeadLetterSelection, QueueView } from "../queue/queue-view.ts";
import { accountIdAt, isoTime, reasonView } from "./event-view.ts";
import { EXIT, type ExitCode, Misuse } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";

/** Dead letters listed unless `--limit` says otherwise; programs that want all say so. */
export const LIST_LIMIT_DEFAULT = 1_000;
/** Most ids of one call: a command line holds no more. */
const IDS_MAX = 10_000;

/** Which dead letters a person named. */
export interface DeadLetterChoice {
  readonly ids: readonly string[];
  readonly isAll: boolean;
  readonly limit?: number;
}

/** `dead-letters list`: one entry per account, newest first. */
export async function listDeadLetters(
  io: CommandIo,
  view: Pick<QueueView, "deadLetters">,
  options: { readonly limit: number },
): Promise<ExitCode> {
  const letters = await view.deadLetters(options);
  if (io.terminal.isJson) {
    io.terminal.json(letters.map(entry));
    return EXIT.done;
  }
  if (letters.length === 0) io.terminal.line("no dead letters");
  else io.terminal.table(["id", "account", "cause", "attempts", "failed at", "message"], letters.map(row));
  return EXIT.done;
}

/** `dead-letters show`: one in full, with its failures and reasons. */
export async function showDeadLetter(
  io: CommandIo,
  view: Pick<QueueView, "deadLetter">,
  idOrAccount: string,
): Promise<ExitCode> {
  const letter = await view.deadLetter(addressed(idOrAccount));
  if (letter === undefined) return unknown(io, [idOrAccount]);
  if (io.terminal.isJson) {
    io.terminal.json(entry(letter));
    return EXIT.done;
  }
  const { terminal } = io;
  terminal.table(["id", "account", "cause", "attempts", "failed at", "message"], [row(letter)]);
  terminal.line("");
  terminal.table(
    ["attempt", "failed at", "code", "message"],
    letter.failures.map((failure) => [
      String(failure.attempt),
      isoTime(failure.failedAt),
      failure.code,
      failure.message,
    ]),
  );
  terminal.line("");
  terminal.table(
    ["event", "record", "operation", "fields", "received at"],
    letter.reasons.map(reasonView).map(reasonRow),
  );
  const hidden = letter.reasonCount - letter.reasons.length;
  if (hidden > 0) terminal.line(`and ${hidden} more`);
  return EXIT.done;
}

/** `dead-letters redrive`: back to ready, attempts reset, reasons kept. */
export async function redriveDeadLetters(
  io: CommandIo,
  view: Pick<QueueView, "deadLetter" | "redrive">,
  choice: DeadLetterChoice,
): Promise<ExitCode> {
  return onChosen(io, view, { choice, verb: "redriven", act: (selection) => view.redrive(selection) });
}

/** `dead-letters purge`: gone for good. Asks nothing, but wants to be told which. */
export async function purgeDeadLetters(
  io: CommandIo,
  view: Pick<QueueView, "deadLetter" | "purge">,
  choice: DeadLetterChoice,
): Promise<ExitCode> {
  return onChosen(io, view, { choice, verb: "purged", act: (selection) => view.purge(selection) });
}

/** Acts on what was chosen, or on nothing when one of the ids is unknown: a typing error must not pass for success. */
async function onChosen(
  io: CommandIo,
  view: Pick<QueueView, "deadLetter">,
  what: {
    readonly choice: DeadLetterChoice;
    readonly verb: "redriven" | "purged";
    readonly act: (selection: DeadLetterSelection) => Promise<number>;
  },
): Promise<ExitCode> {
  const { ids, isAll, limit } = what.choice;
  if (isAll === ids.length > 0) throw new Misuse("give ids (or account ids), or --all");
  if (ids.length > IDS_MAX) throw new Misuse(`at most ${IDS_MAX} ids at once`);

  const only: string[] = [];
  const missing: string[] = [];
  for (const id of new Set(ids)) {
    const letter = await view.deadLetter(addressed(id));
    if (letter === undefined) missing.push(id);
    else only.push(letter.id);
  }
  if (missing.length > 0) return unknown(io, missing);

  const count = await what.act({ ...(isAll ? {} : { only }), ...(limit === undefined ? {} : { limit }) });
  if (io.terminal.isJson) io.terminal.json({ [what.verb]: count });
  else io.terminal.line(`${what.verb}: ${count}`);
  return EXIT.done;
}

/** What the queue knows it by: a bare number is an account's id, everything else an id or a key already. */
function addressed(idOrAccount: string): string {
  return RECORD_ID_PATTERN.test(idOrAccount) ? accountKey(idOrAccount) : idOrAccount;
}

function unknown(io: CommandIo, ids: readonly string[]): ExitCode {
  io.terminal.error("UNKNOWN_DEAD_LETTER", `no dead letter of ${ids.join(", ")}`, { ids });
  return EXIT.failed;
}

function entry(letter: DeadLetter) {
  return {
    id: letter.id,
    account_id: accountIdAt(letter),
    cause: letter.cause,
    attempts: letter.attempts,
    failed_at: isoTime(letter.failedAt),
    reasons: letter.reasons.map(reasonView),
    message: letter.message,
    lane: letter.lane,
    key: letter.key,
    first_received_at: isoTime(letter.firstReceivedAt),
    reason_count: letter.reasonCount,
    failures: letter.failures.map((failure) => ({
      attempt: failure.attempt,
      code: failure.code,
      message: failure.message,
      failed_at: isoTime(failure.failedAt),
    })),
  };
}

function row(letter: DeadLetter): readonly string[] {
  const whose = accountIdAt(letter) ?? letter.key;
  return [letter.id, whose, letter.cause, String(letter.attempts), isoTime(letter.failedAt), letter.message];
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
