import type { AccountKey } from "../account.ts";
import type { Lease, NewJob } from "../queue/queue.ts";
import { syncJob } from "./attempt.ts";
import type { StageDeps } from "./processor-deps.ts";
import { untilAborted } from "./until-aborted.ts";

/** A write that was sent to the sink for one account. */
interface SentWrite {
  readonly account: AccountKey;
  readonly lease: Lease;
  /** Settles when the sink has answered or was given up. */
  readonly call: Promise<unknown>;
  hasEnded: boolean;
}

/** What a batch has sent to the sink, by job. */
export type SentWrites = Map<string, SentWrite>;

/**
 * Accounts that this process may have written after it lost the right to, each with the sync that puts it right. At most a
 * batch of each worker: nobody claims before the store knows of them.
 */
export type LateWrites = Map<AccountKey, NewJob>;

/** Remembers a call of the sink, in the turn that makes it. */
export function noteSent(
  sent: SentWrites,
  subjects: readonly Pick<SentWrite, "account" | "lease">[],
  call: Promise<unknown>,
): void {
  for (const { account, lease } of subjects) {
    const write: SentWrite = { account, lease, call, hasEnded: false };
    sent.set(lease.jobId, write);
    const end = () => {
      write.hasEnded = true;
    };
    call.then(end, end);
  }
}

/** The lease has held until now. If it outlasted its write, whoever has the account next writes after it. */
export function noteHeld(sent: SentWrites, { jobId }: Lease): void {
  if (sent.get(jobId)?.hasEnded) sent.delete(jobId);
}

/**
 * Notes the writes that may have come too late. No check keeps a worker that is stopped right before the sink from putting
 * an older document over a newer one, of which the ledger then knows only the newer. Waits until they have ended, or the
 * signal is aborted: what is written before that could still be overwritten.
 */
export async function noteLate({ late }: StageDeps, sent: SentWrites, signal: AbortSignal): Promise<void> {
  const ended = Promise.allSettled([...sent.values()].map(({ call }) => call));
  await untilAborted(ended, signal).catch(() => undefined); // The drain's deadline.
  for (const { account, lease } of sent.values()) late.set(account, syncJob(lease, account, "written too late"));
}

/** Has the noted accounts written anew, whatever the ledger says. Throws a Fault (STORE_UNAVAILABLE); they stay noted then. */
export async function repairLate({ late, ledger, queue, log }: StageDeps): Promise<void> {
  if (late.size === 0) return;
  const told = [...late];
  late.clear(); // Whatever is noted meanwhile has to be told again.
  const accounts = told.map(([account]) => account);
  try {
    await ledger.distrust(accounts);
    // Behind it: a sync that ended in between would have believed the ledger.
    await queue.enqueue(told.map(([, job]) => job));
  } catch (error) {
    for (const [account, job] of told) late.set(account, job);
    throw error;
  }
  log.warn({ accounts }, "perhaps written after the lease was lost: to be written anew");
}
