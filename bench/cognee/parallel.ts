import type { MemoryDocument } from "../../src/account.ts";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import { median } from "../statistics.ts";
import { openByHand, searchByHand } from "./by-hand.ts";
import { shareOut } from "./share-out.ts";
import { changed, openSink, questionsOf, textOf } from "./sink.ts";
import { secondsOf } from "./timing.ts";
import { unsearchable } from "./unsearchable.ts";

const UPDATES = 20;
const QUESTIONS = 20;
/** Passages asked for, as memhook's own search asks for ten accounts. */
const PASSAGES_WANTED = 30;

/** How one share-out was measured. */
export interface Setting {
  readonly datasets: number;
  /** How long the model takes over each chat call. */
  readonly delayMs: number;
}

/** What it took. */
export interface ParallelRound extends Setting {
  readonly loadSeconds: number;
  readonly updateSeconds: number;
  /** Of one question to all datasets at once, the median. */
  readonly searchMs: number;
  /** Documents whose newest text no search found. */
  readonly lost: readonly string[];
}

/** Loads, updates and asks the same documents in one or more datasets, each with a sink of its own, all at the same time. */
export async function runParallelRound(
  server: CogneeServer,
  documents: readonly MemoryDocument[],
  { name, datasets, delayMs }: Setting & { readonly name: string },
): Promise<ParallelRound> {
  const shares = shareOut(documents, datasets);
  const places = await Promise.all(
    shares.map(async (share, index) => {
      const dataset = `${name}_${index + 1}`;
      return { share, sink: openSink(server, { dataset }), hand: await openByHand(server, dataset) };
    }),
  );
  const updates = documents.slice(0, UPDATES).map((document, index) => changed(document, `Larkspur${index}`));
  const updatesOf = shareOut(updates, datasets);
  server.model.setDelayMs(delayMs);
  try {
    const loadSeconds = await secondsOf(() => Promise.all(places.map(({ sink, share }) => sink.load(share))));
    const updateSeconds = await secondsOf(() =>
      Promise.all(places.map(({ sink }, index) => sink.update(updatesOf[index] ?? []))),
    );
    const datasetIds = places.map(({ hand }) => hand.id);
    const searchMs = await warmSearchMs(server, datasetIds, questionsOf(documents, QUESTIONS));
    const passages = (await Promise.all(places.map(({ hand }) => hand.passages()))).flat();
    const expected = [...updates, ...documents.slice(UPDATES)].map(textOf);
    for (const { hand } of places) await hand.delete();
    return { datasets, delayMs, loadSeconds, updateSeconds, searchMs, lost: unsearchable(expected, passages) };
  } finally {
    server.model.setDelayMs(0);
  }
}

/** Milliseconds of one of these questions to all of these datasets, which have answered another before: the median. */
export async function warmSearchMs(
  server: CogneeServer,
  datasetIds: readonly string[],
  questions: readonly string[],
): Promise<number> {
  await firstSearchMs(server, datasetIds);
  const times: number[] = [];
  for (const query of questions) {
    times.push(1_000 * (await secondsOf(() => searchByHand(server, { datasetIds, query, topK: PASSAGES_WANTED }))));
  }
  return median(times);
}

/** Milliseconds of one question to all of these datasets, as they are. */
export async function firstSearchMs(server: CogneeServer, datasetIds: readonly string[]): Promise<number> {
  const question = { datasetIds, query: "account", topK: PASSAGES_WANTED };
  return 1_000 * (await secondsOf(() => searchByHand(server, question)));
}
