import { z } from "zod";
import { consume, type Drained, run } from "./consume.ts";
import { bestRateOf, drainPeers, PEER_NAMES, type PeerRound } from "./drain/peers.ts";
import type { Measurement } from "./report.ts";
import { STORE_NAMES, type StoreKind, withStore } from "./store.ts";

/** How much is drained, and how often. */
export interface DrainSize {
  readonly rounds: number;
  readonly queueJobs: number;
  readonly peerJobs: number;
  readonly pipelineEvents: number;
}

const stormResult = z.object({
  syncs: z.number(),
  seconds: z.number(),
  peakMb: z.number(),
});
type StormResult = z.infer<typeof stormResult>;

/** The forms in which the pipeline is drained. */
const PIPELINES = [
  { what: "pipeline, as configured by default (3 workers × 10)", kind: "accounts", batch: 10, target: 5_000 },
  { what: "pipeline, batches of 100", kind: "accounts", batch: 100, target: undefined },
  { what: "pipeline with the route lane (events on contacts)", kind: "contacts", batch: 10, target: undefined },
] as const;
/** Default of WEBHOOK_NUM_WORKERS. */
const WORKERS = 3;

/** The forms of the storm. 150 ms is about what a batched read of Zoho takes. */
const STORMS = [
  { what: "all queued first, CRM at 0 ms", args: ["first", 100, 0] },
  { what: "live, callbacks of 100 ids, CRM at 0 ms", args: ["live", 100, 0] },
  { what: "live, callbacks of 100 ids, CRM at 150 ms", args: ["live", 100, 150] },
  { what: "live, one event each, CRM at 0 ms", args: ["live", 1, 0] },
  { what: "live, one event each, CRM at 150 ms", args: ["live", 1, 150] },
] as const;

/** All that was drained of one store, a round each. */
interface StoreRounds {
  readonly store: StoreKind;
  readonly queue: Drained[];
  readonly peers: PeerRound[];
  readonly pipelines: readonly Drained[][];
  readonly storms: readonly StormResult[][];
}

/** Measures the drain in interleaved rounds, each in a fresh process with a fresh store. */
export async function benchDrain(
  size: DrainSize,
  stores: readonly StoreKind[],
  say: (line: string) => void,
): Promise<readonly Measurement[]> {
  const all = stores.map(
    (store): StoreRounds => ({
      store,
      queue: [],
      peers: [],
      pipelines: PIPELINES.map(() => []),
      storms: STORMS.map(() => []),
    }),
  );
  for (let round = 1; round <= size.rounds; round++) {
    for (const rounds of all) {
      say(`drain, round ${round} of ${size.rounds}: ${STORE_NAMES[rounds.store]}`);
      await drainStore(rounds, size);
    }
  }
  return [
    ...all.flatMap(queueRows),
    ...all.flatMap(({ store, pipelines }) =>
      PIPELINES.flatMap((form, index) => pipelineRows(store, form, pipelines[index] ?? [])),
    ),
    ...all.flatMap(({ store, storms }) =>
      STORMS.flatMap((form, index) => stormRows(store, form.what, storms[index] ?? [])),
    ),
  ];
}

async function drainStore({ store, queue, peers, pipelines, storms }: StoreRounds, size: DrainSize): Promise<void> {
  queue.push(await drain(store, "drain/queue-alone.ts", [size.queueJobs]));
  if (store !== "embedded") peers.push(await drainPeers(store, size.peerJobs));
  for (const [index, { kind, batch }] of PIPELINES.entries()) {
    const args = [kind, WORKERS, batch, 0, size.pipelineEvents];
    const drained = await drain(store, "drain/pipeline.ts", args);
    if (drained.done !== size.pipelineEvents) throw new Error(`${drained.done} documents of ${size.pipelineEvents}`);
    pipelines[index]?.push(drained);
  }
  for (const [index, { args }] of STORMS.entries()) {
    const answer = await withStore(store, ({ address }) => run("drain/storm.ts", [address, ...args]));
    storms[index]?.push(stormResult.parse(answer));
  }
}

function drain(store: StoreKind, program: string, args: readonly (string | number)[]): Promise<Drained> {
  return withStore(store, ({ address, redis }) => consume({ program, args: [address, ...args] }, redis));
}

/** What every drained queue shows. */
function costRows(what: string, each: string, rounds: readonly Drained[]): Measurement[] {
  const ofRedis = rounds.map((one) => one.redisMicrosEach);
  return [
    { what, figure: `CPU µs per ${each}`, rounds: rounds.map((one) => one.cpuMicrosEach) },
    ...(ofRedis.some((micros) => micros > 0) ? [{ what, figure: `CPU µs of Redis per ${each}`, rounds: ofRedis }] : []),
  ];
}

function queueRows({ store, queue, peers }: StoreRounds): Measurement[] {
  const what = `queue alone, claim and settle by 100: memhook (${STORE_NAMES[store]})`;
  const rates = queue.map((one) => one.perSecond);
  const ratio = (peer: keyof PeerRound) =>
    rates.map((rate, round) => rate / (peers[round] === undefined ? 1 : bestRateOf(peers[round][peer])));
  const ratios: Measurement[] =
    peers.length === 0
      ? []
      : [
          { what, figure: "× BullMQ's worker at its best", rounds: ratio("bullmq"), target: { atLeast: 4 } },
          { what, figure: "× the brief's BRPOP at its best", rounds: ratio("brief"), target: { atLeast: 2 } },
        ];
  return [
    { what, figure: "jobs/s", rounds: rates, ...(store === "embedded" ? { target: { atLeast: 30_000 } } : {}) },
    ...ratios,
    ...costRows(what, "job", queue),
    { what, figure: "highest RSS, MB", rounds: queue.map((one) => one.peakMb), target: { atMost: 200 } },
    ...peerRows(store, peers),
  ];
}

function peerRows(store: StoreKind, peers: readonly PeerRound[]): Measurement[] {
  const forms = (["bullmq", "brief"] as const).flatMap((peer) =>
    (peers[0]?.[peer] ?? []).map(({ concurrency }, index) => ({
      what: `queue alone, no-op handler: ${PEER_NAMES[peer]}, ${concurrency} at once (${STORE_NAMES[store]})`,
      rounds: peers.flatMap((round) => round[peer][index]?.drained ?? []),
    })),
  );
  return forms.flatMap(({ what, rounds }) => [
    { what, figure: "jobs/s", rounds: rounds.map((one) => one.perSecond) },
    ...costRows(what, "job", rounds),
  ]);
}

function pipelineRows(store: StoreKind, form: (typeof PIPELINES)[number], rounds: readonly Drained[]): Measurement[] {
  const what = `${form.what}: memhook (${STORE_NAMES[store]})`;
  const perSecond = rounds.map((one) => one.perSecond);
  const target = form.target === undefined ? {} : { target: { atLeast: form.target } };
  return [
    { what, figure: "events/s", rounds: perSecond, ...target },
    ...costRows(what, "event", rounds),
    { what, figure: "highest RSS, MB", rounds: rounds.map((one) => one.peakMb), target: { atMost: 200 } },
  ];
}

function stormRows(store: StoreKind, form: string, rounds: readonly StormResult[]): Measurement[] {
  const what = `10,000 events on 50 accounts: ${form} (${STORE_NAMES[store]})`;
  return [
    { what, figure: "syncs", rounds: rounds.map((one) => one.syncs), target: { atMost: 150 } },
    { what, figure: "seconds to an empty queue", rounds: rounds.map((one) => one.seconds) },
    { what, figure: "highest RSS, MB", rounds: rounds.map((one) => one.peakMb), target: { atMost: 200 } },
  ];
}
