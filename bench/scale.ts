import { z } from "zod";
import { run } from "./consume.ts";
import type { Measurement } from "./report.ts";
import { STORE_NAMES, type StoreKind, withStore } from "./store.ts";

const scaleResult = z.object({
  deliver: z.number(),
  claimSettle: z.number(),
  ledger: z.number(),
  peakMb: z.number(),
});
type ScaleResult = z.infer<typeof scaleResult>;

const OPERATIONS = [
  { name: "deliver (64 at once)", cost: (one: ScaleResult) => one.deliver },
  { name: "claim and settle by 100", cost: (one: ScaleResult) => one.claimSettle },
  { name: "ledger: intend and record by 100", cost: (one: ScaleResult) => one.ledger },
] as const;

/** Most that an operation may cost with the most rows, measured against the fewest. */
const GROWTH_MAX = 1.5;

/** How large the stores are made, and how often. */
export interface ScaleSize {
  readonly scaleSizes: readonly number[];
  readonly scaleRounds: number;
}

/** Measures what operations cost when the queue and the ledger hold few rows and many. */
export async function benchScale(
  size: ScaleSize,
  stores: readonly StoreKind[],
  say: (line: string) => void,
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const store of stores) measurements.push(...(await scaleStore(store, size, say)));
  return measurements;
}

async function scaleStore(
  store: StoreKind,
  { scaleSizes: sizes, scaleRounds: rounds }: ScaleSize,
  say: (line: string) => void,
): Promise<readonly Measurement[]> {
  const results = sizes.map((): ScaleResult[] => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, rows] of sizes.entries()) {
      say(`scale, round ${round} of ${rounds}: ${rows.toLocaleString("en-GB")} rows (${STORE_NAMES[store]})`);
      const answer = await withStore(store, ({ address }) => run("drain/scale.ts", [address, rows]));
      results[index]?.push(scaleResult.parse(answer));
    }
  }
  const [fewest, most] = [results[0] ?? [], results.at(-1) ?? []];
  const growth = (cost: (one: ScaleResult) => number) =>
    most.map((one, round) => cost(one) / cost(fewest[round] ?? one));
  return [
    ...OPERATIONS.flatMap(({ name, cost }) => {
      const what = `${name} (${STORE_NAMES[store]})`;
      return [
        ...sizes.map((rows, index) => ({
          what,
          figure: `µs each at ${rows.toLocaleString("en-GB")} rows`,
          rounds: (results[index] ?? []).map(cost),
        })),
        { what, figure: "× from fewest to most", rounds: growth(cost), target: { atMost: GROWTH_MAX } },
      ];
    }),
    {
      what: `${(sizes.at(-1) ?? 0).toLocaleString("en-GB")} waiting events and ledger rows (${STORE_NAMES[store]})`,
      figure: "highest RSS, MB",
      rounds: most.map((one) => one.peakMb),
      target: { atMost: 200 },
    },
  ];
}
