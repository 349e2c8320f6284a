import { consume, type Drained, run } from "./consume.ts";
import { consumePeer } from "./drain/peers.ts";
import type { Measurement } from "./report.ts";
import { type RedisSetting, withStore } from "./store.ts";

/** How much is worked off, and how often. */
export interface WaitingSize {
  readonly rounds: number;
  readonly waitingEvents: number;
}

/** What one piece of work waits for others (the figure). */
const WAIT_MS = 50;
/** Pieces that one process works on at once. */
const CONCURRENCY = 10;
/** The setting of Redis; the work waits, so it does not matter. */
const SETTING: RedisSetting = "everysec";

const FORMS = [
  { name: "memhook (Redis, everysec), batches of 1", atLeast: 1.6, work: workMemhook },
  {
    name: "BullMQ's worker (Redis, everysec)",
    work: (jobs: number, processes: number) => workPeer("bullmq", jobs, processes),
  },
  {
    name: "the brief's BRPOP loops (Redis, everysec)",
    work: (jobs: number, processes: number) => workPeer("brief", jobs, processes),
  },
] as const;

/** Measures what a second worker process adds where the work only waits: on Redis, since the embedded engine has one. */
export async function benchWaiting(size: WaitingSize, say: (line: string) => void): Promise<readonly Measurement[]> {
  const rounds = FORMS.map((): { one: Drained; two: Drained }[] => []);
  for (let round = 1; round <= size.rounds; round++) {
    for (const [index, { name, work }] of FORMS.entries()) {
      say(`waiting, round ${round} of ${size.rounds}: ${name}`);
      const one = await work(size.waitingEvents, 1);
      rounds[index]?.push({ one, two: await work(size.waitingEvents, 2) });
    }
  }
  return FORMS.flatMap((form, index): Measurement[] => {
    const what = `work that waits ${WAIT_MS} ms, ${CONCURRENCY} at once: ${form.name}`;
    const pairs = rounds[index] ?? [];
    return [
      { what, figure: "events/s, one process", rounds: pairs.map(({ one }) => one.perSecond) },
      { what, figure: "events/s, two processes", rounds: pairs.map(({ two }) => two.perSecond) },
      {
        what,
        figure: "× two to one",
        rounds: pairs.map(({ one, two }) => two.perSecond / one.perSecond),
        ...("atLeast" in form ? { target: { atLeast: form.atLeast } } : {}),
      },
    ];
  });
}

/** The whole pipeline, one account a batch, with a CRM that takes WAIT_MS to answer. */
function workMemhook(events: number, processes: number): Promise<Drained> {
  return withStore(SETTING, async ({ address, redis }) => {
    await run("drain/fill.ts", [address, events]);
    const args = [address, "accounts", CONCURRENCY, 1, WAIT_MS, 0];
    const drained = await consume({ program: "drain/pipeline.ts", args, processes }, redis);
    if (drained.done !== events) throw new Error(`${drained.done} documents of ${events} events`);
    return drained;
  });
}

function workPeer(peer: "bullmq" | "brief", jobs: number, processes: number): Promise<Drained> {
  return consumePeer(peer, SETTING, { jobs, concurrency: CONCURRENCY, waitMs: WAIT_MS, processes });
}
