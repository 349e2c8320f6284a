import { accountKey } from "../account.ts";
import type { Ledger } from "../memory/ledger.ts";
import type { Receipt, Receipts } from "../memory/receipts.ts";
import { checkedAccountIds } from "./account-ids.ts";
import { isoTime } from "./event-view.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";

/** `memory receipt`: the proof that an account was forgotten. Without one: exit 1. */
export async function showReceipt(
  io: CommandIo,
  { receipts, ledger }: { readonly receipts: Pick<Receipts, "read">; readonly ledger: Pick<Ledger, "read"> },
  accountId: string,
): Promise<ExitCode> {
  checkedAccountIds([accountId]);
  const account = accountKey(accountId);
  const [receipt, entries] = await Promise.all([receipts.read(account), ledger.read([account])]);
  const entry = entries.get(account);
  const writtenAt = entry === undefined || /^remov/.test(entry.state) ? undefined : entry.writtenAt;
  if (io.terminal.isJson) io.terminal.json(receipt === undefined ? null : viewOf(receipt, accountId, writtenAt));
  else if (receipt === undefined) io.terminal.line(`account ${accountId} was not forgotten: no receipt`);
  else {
    for (const line of linesOf(receipt, accountId)) io.terminal.line(line);
    if (writtenAt !== undefined)
      io.terminal.line(`back: the account came back, and was written again at ${isoTime(writtenAt)}`);
  }
  return receipt === undefined ? EXIT.failed : EXIT.done;
}

function viewOf({ at, sink, events, looked, repaired, left }: Receipt, accountId: string, writtenAt?: number) {
  return {
    account_id: accountId,
    forgotten_at: isoTime(at),
    why: WHY,
    sink,
    event_ids: events,
    looked_at: looked,
    repaired,
    left,
    written_again_at: writtenAt === undefined ? null : isoTime(writtenAt),
  };
}

/** The only reason there is today. */
const WHY = "the CRM no longer has the account: verified by its id";

function linesOf({ at, sink, events, looked, repaired, left }: Receipt, accountId: string): readonly string[] {
  return [
    `account ${accountId} was forgotten by the ${sink} memory at ${isoTime(at)}`,
    `why: ${WHY}${events.length === 0 ? "" : ` (events ${events.join(", ")})`}`,
    ...looked.map(({ place, found }) => `looked at ${place}: ${found === 0 ? "nothing of it" : `${found} found`}`),
    ...repaired.map((deed) => `repaired: ${deed}`),
    ...left.map((what) => `left: ${what}`),
  ];
}
