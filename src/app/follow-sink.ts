import { DEFAULT_CONNECTION } from "../account.ts";
import type { LedgerEntry } from "../memory/ledger.ts";
import type { AppDeps, Parts } from "./parts.ts";

/** Name under which the engine remembers which sink its ledger speaks of. */
const SINK_IDENTITY = `${DEFAULT_CONNECTION}:sink-identity`;
/** Accounts enqueued in one step. */
const PAGE = 500;

/**
 * Compares the sink with the one that the ledger speaks of. A sink that was made anew (a lost or replaced file) has none of
 * the documents, so what the ledger knows of it is forgotten and every account is synced again, behind live work. Survives a
 * crash at any point: the new sink is remembered last. Throws Fault STORE_UNAVAILABLE or SINK_….
 */
export async function followSink(
  parts: Pick<Parts, "engine" | "memory">,
  deps: Pick<AppDeps, "clock" | "log">,
  signal: AbortSignal,
): Promise<void> {
  const { sealed, ledger, queue } = parts.engine;
  const identity = await parts.memory.identity(signal);
  const known = await sealed.read(SINK_IDENTITY);
  if (identity === known) return;

  if (known !== undefined) {
    const forgotten = await ledger.forgetWritten();
    deps.log.warn({ accounts: forgotten }, "the memory was made anew: every account is written again");
    let page: readonly LedgerEntry[] = await ledger.list({ limit: PAGE });
    while (page.length > 0) {
      const present = page.filter(({ state }) => state !== "removed");
      await queue.enqueue(
        present.map(({ account }) => ({
          lane: "sync",
          key: account,
          rank: "background",
          delayMs: 0,
          reason: { note: "the memory was made anew", receivedAt: deps.clock.now() },
        })),
      );
      const after = page.at(-1)?.account;
      page = after === undefined ? [] : await ledger.list({ after, limit: PAGE });
    }
  }
  await sealed.write(SINK_IDENTITY, identity);
}
