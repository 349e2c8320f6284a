import { asFault, Fault } from "../faults.ts";
import type { AppDeps, Parts } from "./parts.ts";
import { WORK_DUTY } from "./watch-store.ts";

/** How long a command waits for a server to be reached: a person waits with it. */
const REACH_MS = 3_000;
const REACH_POLL_MS = 50;
/** For how long a command has the duty that it only asks about, should it end before it gives it back. */
const ASKING_MS = 1_000;

/** Resolves when the store answers. Throws Fault STORE_UNAVAILABLE, which names what says where it is. */
export async function reachStore({ server, engine }: Parts, { clock }: Pick<AppDeps, "clock">): Promise<void> {
  if (server === undefined) return; // A file was opened or it was not.
  const deadline = clock.now() + REACH_MS;
  for (;;) {
    try {
      await engine.channels.list();
      return;
    } catch (error) {
      const cause = asFault(error, "reaching Redis");
      if (cause.code !== "STORE_UNAVAILABLE") throw cause;
      if (clock.now() >= deadline) {
        throw new Fault("STORE_UNAVAILABLE", "reaching Redis (REDIS_HOST, REDIS_URL or REDIS_CLUSTER_NODES)", {
          cause,
        });
      }
    }
    await clock.sleep(REACH_POLL_MS);
  }
}

/** True when some process works on the store. On an engine of one machine, asking takes the worker lock when none does. */
export async function isWorkedOn({ server, engine }: Parts): Promise<boolean> {
  if (server === undefined) return !(await engine.acquireWorkerLock());
  if (!(await engine.duties.hold(WORK_DUTY, ASKING_MS))) return true;
  await engine.duties.release(WORK_DUTY);
  return false;
}
