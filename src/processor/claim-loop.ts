import { asFault } from "../faults.ts";
import type { Lane, Lease } from "../queue/queue.ts";
import { repairLate } from "./late-writes.ts";
import { type BatchDeps, processBatch } from "./process-batch.ts";
import { storeWaitMs } from "./store-wait.ts";

/** One loop of one lane. */
export interface LoopOptions {
  readonly lane: Lane;
  readonly limit: number;
  /** Aborted to end the loop after the batch that it is working on. */
  readonly stopping: AbortSignal;
  /** Told how many more (or fewer) jobs this loop has in flight. */
  readonly onInFlight: (delta: number) => void;
}

/** Claims, works and settles until told to stop; then gives back what it holds. Serves every lane. Rejects never. */
export async function runClaimLoop(batch: BatchDeps, options: LoopOptions): Promise<void> {
  const { deps, circuits } = batch;
  const { lane, limit, stopping } = options;
  let leases: readonly Lease[] = [];
  let failures = 0;

  const noteFailure = (error: unknown, doing: string) => {
    failures += 1;
    const fault = asFault(error, `${doing} on the ${lane} lane`);
    deps.counters.add({ [`faults:${fault.code}`]: 1 });
    // An outage is told once by each loop, not at every try of what may be hours.
    const level = fault.code === "UNEXPECTED" ? "error" : failures === 1 ? "warn" : "debug";
    deps.log[level]({ lane, failures, error: fault }, `${doing} failed`);
  };
  const claim = async (): Promise<readonly Lease[]> => {
    try {
      await repairLate(deps);
      const claimed = await deps.queue.claim({ lane, limit, leaseMs: deps.options.leaseMs });
      failures = 0;
      return claimed;
    } catch (error) {
      noteFailure(error, "claiming");
      return [];
    }
  };
  const rest = async () => {
    if (failures > 0) {
      await deps.clock.sleep(storeWaitMs(failures, deps.random), stopping).catch(() => undefined); // Told to stop.
      return;
    }
    try {
      await deps.queue.waitForWork(lane, deps.options.idleMs, stopping);
    } catch (error) {
      // It never should. But a loop that ended here would leave its lane to nobody.
      noteFailure(error, "waiting for work");
      await deps.clock.sleep(storeWaitMs(failures, deps.random), stopping).catch(() => undefined);
    }
  };

  while (!stopping.aborted) {
    if (!circuits.isReady(lane)) await circuits.whenReady(lane, stopping);
    if (leases.length === 0 && !stopping.aborted) leases = await claim();
    if (leases.length === 0) {
      if (!stopping.aborted) await rest();
      continue;
    }
    if (stopping.aborted || !circuits.isReady(lane)) {
      await giveBack(batch, leases);
      leases = [];
      continue;
    }
    options.onInFlight(leases.length);
    const finish = await processBatch(batch, lane, leases);
    const isFull = leases.length >= limit;
    const finishing = finish();
    // Claimed in the turn that settles: the two share a commit. `finish` has opened a circuit by now if it had to.
    const mayClaim = isFull && !stopping.aborted && circuits.isReady(lane);
    const [next] = await Promise.all([mayClaim ? claim() : [], finishing]);
    options.onInFlight(-leases.length);
    leases = next;
  }
  if (leases.length > 0) await giveBack(batch, leases);
  await offerOwed(batch);
}

/** What is owed still: this process may have no later time for it. */
async function offerOwed({ deps }: BatchDeps): Promise<void> {
  try {
    await repairLate(deps);
  } catch (error) {
    const fault = asFault(error, "repairing late writes");
    deps.counters.add({ [`faults:${fault.code}`]: 1 });
    deps.log.warn({ jobs: deps.late.size, error: fault }, "late writes not repaired");
  }
}

/** Claimed but not begun: back at once, the attempt not spent. If the store is away, the leases expire by themselves. */
async function giveBack({ deps }: BatchDeps, leases: readonly Lease[]): Promise<void> {
  try {
    await deps.queue.settle(leases.map((lease) => ({ verb: "release", lease })));
  } catch (error) {
    const fault = asFault(error, "releasing leases");
    deps.counters.add({ [`faults:${fault.code}`]: 1 });
    const level = fault.code === "UNEXPECTED" ? "error" : "warn";
    deps.log[level]({ jobs: leases.length, error: fault }, "leases not given back");
  }
}
