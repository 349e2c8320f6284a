import { type AccountKey, accountKey } from "../account.ts";
import { catalogue } from "../faults.ts";
import type { LedgerState } from "../memory/ledger.ts";
import { advice } from "./advice.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo, Obstacle, OwnWorker, Parts } from "./parts.ts";

/** Longest wait unless `--timeout` says otherwise: an outage should not hold a script for ever. */
export const SYNC_TIMEOUT_SECONDS_DEFAULT = 600;
/** How often the accounts are looked at. */
const LOOK_EVERY_MS = 200;
/** Looks between two tries to take over the work of a service that has ended meanwhile. */
const LOOKS_BETWEEN_TRIES = 25;

/**
 * How long a dependency may be away before a command that works by itself gives up: it holds the worker lock meanwhile, and a
 * service that starts now would wait better.
 */
const OBSTACLE_MS_MAX = 15_000;

/** What came of one account. `waiting` = not settled when the command ended; the work stays queued. */
type Outcome = "synced" | "forgotten" | "absent" | "dead" | "waiting";

/** What `sync` is asked to do. */
export interface SyncRequest {
  /** Checked, each once. */
  readonly ids: readonly string[];
  readonly isWaiting: boolean;
  readonly timeoutMs: number;
}

type SyncParts = Pick<Parts, "queue" | "view" | "ledger" | "startWorker">;

/** `sync`: makes accounts due at once, waits until they are settled, and does the work itself when no service runs. */
export async function syncAccounts(io: CommandIo, parts: SyncParts, request: SyncRequest): Promise<ExitCode> {
  const { ids } = request;
  const receivedAt = io.clock.now();
  await parts.queue.enqueue(
    ids.map((id) => ({
      lane: "sync" as const,
      key: accountKey(id),
      rank: "urgent" as const,
      delayMs: 0,
      reason: { note: "memhook sync", receivedAt },
    })),
  );
  if (!request.isWaiting) {
    if (io.terminal.isJson) io.terminal.json(ids.map((id) => ({ account_id: id, outcome: "queued" })));
    else io.terminal.line(`queued: ${ids.length}`);
    return EXIT.done;
  }
  const worker = await parts.startWorker();
  const waited = await settle(io, parts, { ids, worker, deadline: receivedAt + request.timeoutMs });
  return report(io, parts, { ids, ...waited });
}

/** Which accounts are settled, and what made the command give up on the others before its time. */
interface Waited {
  readonly settled: ReadonlySet<string>;
  readonly obstacle: Obstacle | undefined;
}

/** Waits until the accounts are settled, time is up, or nothing can be done by this process. */
async function settle(
  io: CommandIo,
  parts: SyncParts,
  work: { readonly ids: readonly string[]; readonly worker: OwnWorker | undefined; readonly deadline: number },
): Promise<Waited> {
  const { clock, signal, terminal } = io;
  const settled = new Set<string>();
  const progress = terminal.progress("syncing", work.ids.length);
  let worker = work.worker;
  try {
    for (let look = 1; settled.size < work.ids.length; look++) {
      for (const id of work.ids) if (!settled.has(id) && (await isSettled(parts, id))) settled.add(id);
      progress.update(settled.size);
      if (settled.size === work.ids.length || clock.now() >= work.deadline || signal.aborted) break;
      const obstacle = worker?.obstacle();
      if (obstacle !== undefined && clock.now() - obstacle.since >= OBSTACLE_MS_MAX) return { settled, obstacle };
      if (worker === undefined && look % LOOKS_BETWEEN_TRIES === 0) worker = await parts.startWorker();
      await pause(io);
    }
  } finally {
    progress.stop();
    await worker?.close();
  }
  return { settled, obstacle: undefined };
}

async function isSettled(parts: Pick<Parts, "view">, id: string): Promise<boolean> {
  const jobs = await parts.view.jobs(accountKey(id));
  return jobs.every((job) => job.lane !== "sync" || job.state === "dead");
}

async function pause(io: CommandIo): Promise<void> {
  await io.clock.sleep(LOOK_EVERY_MS, io.signal).catch((reason: unknown) => {
    if (!io.signal.aborted) throw reason;
  });
}

async function report(
  io: CommandIo,
  parts: SyncParts,
  work: Waited & { readonly ids: readonly string[] },
): Promise<ExitCode> {
  const ledger = await parts.ledger.read(work.ids.map((id) => accountKey(id)));
  const results: { account_id: string; outcome: Outcome; title: string | null; cause: string | null }[] = [];
  for (const id of work.ids) {
    const key: AccountKey = accountKey(id);
    const letter = await parts.view.deadLetter(key);
    const entry = ledger.get(key);
    const outcome = !work.settled.has(id) ? "waiting" : letter === undefined ? outcomeOf(entry?.state) : "dead";
    const cause = outcome === "dead" || outcome === "waiting" ? await causeOf(parts, key) : null;
    results.push({ account_id: id, outcome, title: entry?.title ?? null, cause });
  }
  if (io.terminal.isJson) io.terminal.json(results);
  else {
    io.terminal.table(
      ["account", "outcome", "title", "cause"],
      results.map((result) => [result.account_id, result.outcome, result.title ?? "–", result.cause ?? ""]),
    );
  }
  const waiting = results.filter((result) => result.outcome === "waiting").length;
  if (work.obstacle !== undefined) {
    const { cause } = work.obstacle;
    const dependency = work.obstacle.dependency === "crm" ? "CRM" : "memory layer";
    const message = `gave up, as the ${dependency} has been away for ${OBSTACLE_MS_MAX / 1_000} s (${catalogue[cause].summary}); ${waiting} stay queued`;
    io.terminal.error(cause, message, { todo: advice[cause] });
  } else if (waiting > 0) {
    io.terminal.note(`${waiting} not settled yet; they stay queued. memhook doctor says what stands in the way`);
  }
  return results.some((result) => result.outcome === "dead" || result.outcome === "waiting") ? EXIT.failed : EXIT.done;
}

function outcomeOf(state: LedgerState | undefined): Outcome {
  if (state === undefined) return "absent";
  return state === "removed" || state === "removing" ? "forgotten" : "synced";
}

async function causeOf(parts: Pick<Parts, "view">, key: AccountKey): Promise<string | null> {
  const letter = await parts.view.deadLetter(key);
  if (letter !== undefined) return `${letter.cause}: ${letter.message}`;
  const jobs = await parts.view.jobs(key);
  return jobs.flatMap((job) => job.failures.map((failure) => failure.message)).at(-1) ?? null;
}
