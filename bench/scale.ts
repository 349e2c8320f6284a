import { z } from "zod";
import { run } from "./drain.ts";
import type { Measurement } from "./report.ts";

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

/** Measures what operations cost when the queue and the ledger hold few rows and many. */
export async function benchScale(
  sizes: readonly number[],
  rounds: number,
  say: (line: string) => void,
): Promise<readonly Measurement[]> {
  const results = sizes.map((): ScaleResult[] => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, rows] of sizes.entries()) {
      say(`scale, round ${round} of ${rounds}: ${rows.toLocaleString("en-GB")} rows`);
      results[index]?.push(scaleResult.parse(await run("drain/scale.ts", [rows])));
    }
  }
  const [fewest, most] = [results[0] ?? [], results.at(-1) ?? []];
  const growth = (cost: (one: ScaleResult) => number) =>
    most.map((one, round) => cost(one) / cost(fewest[round] ?? one));
  return [
    ...OPERATIONS.flatMap(({ name, cost }) => [
      ...sizes.map((rows, index) => ({
        what: name,
        figure: `µs each at ${rows.toLocaleString("en-GB")} rows`,
        rounds: (results[index] ?? []).map(cost),
      })),
      { what: name, figure: "× from fewest to most", rounds: growth(cost), target: { atMost: GROWTH_MAX } },
    ]),
    {
      what: `store of ${(sizes.at(-1) ?? 0).toLocaleString("en-GB")} waiting events and ledger rows`,
      figure: "highest RSS, MB",
      rounds: most.map((one) => one.peakMb),
      target: { atMost: 200 },
    },
  ];
}
