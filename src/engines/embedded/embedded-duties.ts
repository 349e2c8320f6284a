import type { Duties } from "../../duties.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { WorkerLock } from "./worker-lock.ts";

/** Duties on one machine: the process with the worker lock has them all, as long as it lives, and no other has any. */
export function createDuties(group: Pick<GroupCommit, "read">, lock: Pick<WorkerLock, "isHeld">): Duties {
  return {
    // Asked of the store like everything else, so that one that was closed throws as all of it does.
    hold: (_name, _leaseMs) => group.read(() => lock.isHeld),
    // They go with the lock: there is nobody to give them to before.
    release: (_name) => group.read(() => undefined),
  };
}
