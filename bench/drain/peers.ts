import { consume, type Drained, run } from "../consume.ts";
import { type RedisSetting, withStore } from "../store.ts";

export type Peer = "bullmq" | "brief";

/** How the table names the peers' consumers. */
export const PEER_NAMES: Readonly<Record<Peer, string>> = {
  bullmq: "BullMQ's worker",
  brief: "the brief's BRPOP loops",
};

/** How many jobs each peer works on at once; its best counts. */
const CONCURRENCIES: Readonly<Record<Peer, readonly number[]>> = { bullmq: [10, 30, 100], brief: [3, 10] };

/** One peer's queue drained at one concurrency. */
export interface PeerDrained {
  readonly concurrency: number;
  readonly drained: Drained;
}

/** The peers' round on one setting of Redis. */
export type PeerRound = Readonly<Record<Peer, readonly PeerDrained[]>>;

/** The rate at the concurrency that suits the peer best. */
export function bestRateOf(forms: readonly PeerDrained[]): number {
  return Math.max(...forms.map(({ drained }) => drained.perSecond));
}

/** Drains the peers' queues with a handler that does nothing, at every concurrency. */
export async function drainPeers(setting: RedisSetting, jobs: number): Promise<PeerRound> {
  return { bullmq: await drainPeer("bullmq", setting, jobs), brief: await drainPeer("brief", setting, jobs) };
}

async function drainPeer(peer: Peer, setting: RedisSetting, jobs: number): Promise<readonly PeerDrained[]> {
  const forms: PeerDrained[] = [];
  for (const concurrency of CONCURRENCIES[peer]) {
    const drained = await consumePeer(peer, setting, { jobs, concurrency, waitMs: 0, processes: 1 });
    forms.push({ concurrency, drained });
  }
  return forms;
}

/** Fills a peer's queue on a fresh Redis and lets its consumers work it off. */
export function consumePeer(
  peer: Peer,
  setting: RedisSetting,
  form: { readonly jobs: number; readonly concurrency: number; readonly waitMs: number; readonly processes: number },
): Promise<Drained> {
  return withStore(setting, async ({ redis }) => {
    if (redis === undefined) throw new Error("the peers need Redis");
    await run("peers/fill.ts", [peer, redis.port, form.jobs]);
    const drained = await consume(
      {
        program: `peers/${peer}-worker.ts`,
        args: [redis.port, form.concurrency, form.waitMs],
        processes: form.processes,
      },
      redis,
    );
    if (drained.done !== form.jobs) throw new Error(`${peer} finished ${drained.done} of ${form.jobs}`);
    return drained;
  });
}
