import type { Measurement } from "../report.ts";
import { median } from "../statistics.ts";
import type { ParallelRound } from "./parallel.ts";
import type { PlacingRound } from "./per-account.ts";
import type { Pair, ServiceRound, Took } from "./service-round.ts";
import type { Row } from "./table.ts";

/** What the issue allows beside the calls by hand, in seconds. */
const CHANGE_SECONDS_MORE = 0.5;
const STORM_SECONDS_MORE = 2;
const MEGABYTE = 1_000_000;

/** The whole service beside calls by hand; one value a round in each row. */
export function serviceMeasurements(rounds: readonly ServiceRound[]): readonly Measurement[] {
  const row = (what: string, figure: string, figureOf: (round: ServiceRound) => number) => ({
    ...{ what, figure },
    rounds: rounds.map(figureOf),
  });
  const [load, change, storm] = ["first load of 100 accounts", "one changed account", "200 events on 20 accounts"];
  const middle = ({ changes }: ServiceRound, way: keyof Pair): Took => ({
    seconds: median(changes.map((pair) => pair[way].seconds)),
    cpuSeconds: median(changes.map((pair) => pair[way].cpuSeconds)),
  });
  const changeOf = (round: ServiceRound) => ({ service: middle(round, "service"), byHand: middle(round, "byHand") });
  return [
    row(load, "s until all are searchable", (round) => round.load.service.seconds),
    row(load, "s by hand: one add, one cognify", (round) => round.load.byHand.seconds),
    { ...row(load, "× by hand", (round) => ratioOf(round.load, 0)), target: { atMost: 1.25 } },
    row(load, "CPU of the server, × by hand", (round) => cpuRatioOf(round.load)),
    row(load, "cognify runs", (round) => round.loadRuns),
    row(change, "s until it is searchable", (round) => changeOf(round).service.seconds),
    row(change, "s by hand: a PATCH", (round) => changeOf(round).byHand.seconds),
    {
      ...row(change, `(s − ${CHANGE_SECONDS_MORE}) × by hand`, (round) =>
        ratioOf(changeOf(round), CHANGE_SECONDS_MORE),
      ),
      target: { atMost: 1.5 },
    },
    row(storm, "s until all are searchable", (round) => round.storm.service.seconds),
    row(storm, "s by hand: 20 PATCHes", (round) => round.storm.byHand.seconds),
    {
      ...row(storm, `(s − ${STORM_SECONDS_MORE}) × by hand`, (round) => ratioOf(round.storm, STORM_SECONDS_MORE)),
      target: { atMost: 1.5 },
    },
    row(storm, "CPU of the server, × by hand", (round) => cpuRatioOf(round.storm)),
    { ...row(storm, "document writes", ({ stormWrites }) => most(stormWrites)), target: { atMost: 40 } },
    { ...row(storm, "cognify runs", ({ stormRuns }) => most(stormRuns)), target: { atMost: 2 } },
  ];
}

/** What the service took, less what is allowed besides, as a multiple of the calls by hand. */
function ratioOf({ service, byHand }: Pair, secondsMore: number): number {
  return (service.seconds - secondsMore) / byHand.seconds;
}

function cpuRatioOf({ service, byHand }: Pair): number {
  return service.cpuSeconds / byHand.cpuSeconds;
}

/** Whoever counted more: memhook itself, or the server. */
function most({ counted, onServer }: { readonly counted: number; readonly onServer: number }): number {
  return Math.max(counted, onServer);
}

/** Figures of one pace of the model, a column a number of datasets. */
export function parallelRows(rounds: readonly ParallelRound[], datasets: readonly number[]): readonly Row[] {
  const row = (figure: string, figureOf: (round: ParallelRound) => number): Row => ({
    figure,
    values: datasets.map((count) => rounds.filter((round) => round.datasets === count).map(figureOf)),
  });
  return [
    row("load of 80 documents: s", ({ loadSeconds }) => loadSeconds),
    row("20 updates: s", ({ updateSeconds }) => updateSeconds),
    row("a search over all: ms", ({ searchMs }) => searchMs),
  ];
}

/** Figures of where the accounts are, a column each. */
export function placingRows(rounds: readonly PlacingRound[], placings: readonly string[]): readonly Row[] {
  const row = (figure: string, figureOf: (round: PlacingRound) => number): Row => ({
    figure,
    values: placings.map((placing) => rounds.filter((round) => round.placing === placing).map(figureOf)),
  });
  return [
    row("load: s an account", ({ loadSecondsEach }) => loadSecondsEach),
    row("update: s", ({ updateSecondsEach }) => updateSecondsEach),
    row("a search over all, the first after a start: ms", ({ searchColdMs }) => searchColdMs),
    row("a search over all, later: ms", ({ searchWarmMs }) => searchWarmMs),
    row("disk: MB an account", ({ diskBytesEach }) => diskBytesEach / MEGABYTE),
    row("memory of the server after the load: MB", ({ memoryBytesLoaded }) => memoryBytesLoaded / MEGABYTE),
    row("memory of the server after a start and searches: MB", ({ memoryBytesAsked }) => memoryBytesAsked / MEGABYTE),
  ];
}
