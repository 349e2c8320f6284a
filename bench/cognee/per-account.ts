import { join } from "node:path";
import type { MemoryDocument } from "../../src/account.ts";
import { documentName } from "../../src/memory/cognee/document-name.ts";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import { type HandDataset, openByHand } from "./by-hand.ts";
import { firstSearchMs, warmSearchMs } from "./parallel.ts";
import { bytesOnDisk, groupMemoryBytes } from "./server-footprint.ts";
import { changed, openSink, questionsOf, textOf } from "./sink.ts";
import { secondsOf } from "./timing.ts";
import { unsearchable } from "./unsearchable.ts";

const UPDATES = 5;
/** Few, as each may open every dataset anew, for more than a second each. */
const QUESTIONS = 5;

/** Where the accounts are, and how many datasets the server keeps open. */
export interface Placing {
  readonly name: string;
  /** Each in a dataset of its own (COGNEE_DATASET_PER=account). */
  readonly isPerAccount: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** What it cost. */
export interface PlacingRound {
  readonly placing: string;
  readonly loadSecondsEach: number;
  readonly updateSecondsEach: number;
  /** One question to all of them: the first after a start of the server, and the median of those after it. */
  readonly searchColdMs: number;
  readonly searchWarmMs: number;
  readonly diskBytesEach: number;
  /** Of the server with its database workers: after load and updates, and after a new start when all were asked. */
  readonly memoryBytesLoaded: number;
  readonly memoryBytesAsked: number;
  /** Documents whose newest text no search found. */
  readonly lost: readonly string[];
}

/** Loads, updates and asks accounts on a server that has nothing else. */
export async function runPlacingRound(
  server: CogneeServer,
  documents: readonly MemoryDocument[],
  { name: placing, isPerAccount }: Placing,
): Promise<PlacingRound> {
  const dataset = "placing";
  const sink = openSink(server, { dataset, isPerAccount });
  const updates = documents.slice(0, UPDATES).map((document, index) => changed(document, `Larkspur${index}`));
  const loadSeconds = await secondsOf(() => sink.load(documents));
  const updateSeconds = await secondsOf(async () => {
    for (const update of updates) await sink.update([update]);
  });
  const names = documents.map(({ account }) => `${dataset}-${documentName(account)}`);
  const hands: HandDataset[] = [];
  for (const name of isPerAccount ? names : [dataset]) hands.push(await openByHand(server, name));
  const memoryBytesLoaded = memoryOf(server);
  const passages: Awaited<ReturnType<HandDataset["passages"]>>[number][] = [];
  for (const hand of hands) passages.push(...(await hand.passages()));
  const ids = hands.map(({ id }) => id);
  const diskBytes = bytesOnDisk(join(server.dataDir, "system"), ids);
  await server.kill();
  await server.start();
  const searchColdMs = await firstSearchMs(server, ids);
  const searchWarmMs = await warmSearchMs(server, ids, questionsOf(documents, QUESTIONS));
  return {
    placing,
    loadSecondsEach: loadSeconds / documents.length,
    updateSecondsEach: updateSeconds / UPDATES,
    ...{ searchColdMs, searchWarmMs, memoryBytesLoaded },
    diskBytesEach: diskBytes / documents.length,
    memoryBytesAsked: memoryOf(server),
    lost: unsearchable([...updates, ...documents.slice(UPDATES)].map(textOf), passages),
  };
}

function memoryOf({ pid }: CogneeServer): number {
  if (pid === undefined) throw new Error("the server has ended");
  return groupMemoryBytes(pid);
}
